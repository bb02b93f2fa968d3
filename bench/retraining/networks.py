"""The networks that the benchmarks trained: one discrete cell, stacked, with weights of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bench.retraining import nasbench101_network, nasbench201_network
from results.errors import InputError

#: The network that a space family's cells are scored with.
_FAMILIES = {"nasbench201": nasbench201_network, "nasbench1shot1": nasbench101_network}


def build(family: str, arch: str, *, seed: int, **options: Any) -> nn.Module:
    """Return the freshly initialised network of one architecture, on the CPU.

    Parameters
    ----------
    family : of the space, "nasbench201" or "nasbench1shot1".
    arch : the architecture's key.
    seed : of the initialisation; the global random state stays as it was.
    options : ``channels`` of the stem, ``cells`` per stack, ``image_channels``, ``classes``, and
        ``bn_momentum``, the weight of the newest batch; each by default as in the benchmark.
    """
    # Layers draw from the global generator, so it is forked. ``torch.manual_seed`` would also reseed every GPU.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return _FAMILIES[family].build(arch, **options)


def check(family: str, arch: str) -> None:
    """Raise ``InputError`` where ``arch`` is not a cell of the family, or no network is known for it."""
    if family not in _FAMILIES:
        raise InputError(f"cells of '{family}' cannot be retrained; run with -o 'retrain.recipe=\"\"'")
    _FAMILIES[family].parse(arch)
