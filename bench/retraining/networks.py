"""The networks that the benchmarks trained: one discrete cell, stacked, with weights of its own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn

from bench.retraining.recipes import Recipe
from results.errors import InputError
from spaces.base import Arch, Space


def build(space: Space, arch: str, *, seed: int, **options: Any) -> nn.Module:
    """Return the freshly initialised network of one architecture, on the CPU.

    The space says which file of this folder makes it; that file's ``build`` gets the cell's drawing.

    Parameters
    ----------
    arch : the architecture's key.
    seed : of the initialisation; the global random state stays as it was.
    options : ``channels`` and ``cells`` of a ``Size``, ``image_channels``, ``classes``, ``bn_momentum``, the weight of
        the newest batch, and what else the network's ``build`` takes; each by default as in the benchmark.
    """
    assert space.retraining is not None
    module = import_module(f"{__package__}.{space.retraining.network}_network")
    # Layers draw from the global generator, so it is forked. ``torch.manual_seed`` would also reseed every GPU.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return module.build(space.drawing(Arch(space.id, arch)), **options)


def check(space: Space, arch: str, recipe: Recipe | None = None) -> None:
    """Raise ``InputError`` where ``arch`` cannot be decoded in the space, or no network or recipe is known for it."""
    if space.retraining is None:
        raise InputError(f"cells of {space.label} cannot be retrained; run with -o 'retrain.recipe=\"\"'")
    if recipe and recipe.network not in ("", space.retraining.network):
        raise InputError(f"recipe '{recipe.name}' is not for cells of {space.label}; set another retrain.recipe")
    try:
        space.parse(arch)
    except ValueError as error:
        raise InputError(str(error)) from None
