"""Batches of indices, drawn from a pool of images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: Draws the batches of one seed and epoch: indices ``(B,)`` of each.
DrawBatches = Callable[[torch.Generator], list[Tensor]]


def passes(pool: Tensor, batch: int, steps: int | None = None) -> DrawBatches:
    """Return the function that draws whole passes over a pool, in batches; the last of a pass may be short."""

    def draw(generator: torch.Generator) -> list[Tensor]:
        batches = list(pool[torch.randperm(len(pool), generator=generator)].split(batch))
        while steps is not None and len(batches) < steps:
            batches += pool[torch.randperm(len(pool), generator=generator)].split(batch)
        return batches[:steps]

    return draw


def full_batches(pool: Tensor, batch: int, count: int) -> DrawBatches:
    """Return the function that draws full batches from passes over a pool; what is left of a pass is no batch."""

    def draw(generator: torch.Generator) -> list[Tensor]:
        batches: list[Tensor] = []
        while len(batches) < count:
            order = pool[torch.randperm(len(pool), generator=generator)]
            batches += [each for each in order.split(batch) if len(each) == batch]
        return batches[:count]

    return draw
