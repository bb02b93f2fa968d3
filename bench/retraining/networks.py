"""The networks that the benchmarks trained: one discrete cell, stacked, with weights of its own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn

from results.errors import InputError
from spaces.base import Arch, Space


def build(space: Space, arch: str, *, seed: int, **options: Any) -> nn.Module:
    """Return the freshly initialised network of one architecture, on the CPU.

    The space says which file of this folder makes it; that file's ``build`` gets the cell's drawing.

    Parameters
    ----------
    arch : the architecture's key.
    seed : of the initialisation; the global random state stays as it was.
    options : ``channels`` of the stem, ``cells`` per stack, ``image_channels``, ``classes``, and
        ``bn_momentum``, the weight of the newest batch; each by default as in the benchmark.
    """
    assert space.retraining is not None
    module = import_module(f"{__package__}.{space.retraining.network}_network")
    # Layers draw from the global generator, so it is forked. ``torch.manual_seed`` would also reseed every GPU.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return module.build(space.drawing(Arch(space.id, arch)), **options)


def check(space: Space, arch: str) -> None:
    """Raise ``InputError`` where ``arch`` cannot be decoded in the space, or no network is known for it."""
    if space.retraining is None:
        raise InputError(f"cells of {space.label} cannot be retrained; run with -o 'retrain.recipe=\"\"'")
    try:
        space.parse(arch)
    except ValueError as error:
        raise InputError(str(error)) from None
