"""How the search images are divided between weights and alphas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Indices of the images that train the weights and of those that train the alphas (empty for one level)."""

    weights: Tensor
    alphas: Tensor


def split(images: int, levels: int, how: Literal["halves", "interleaved"]) -> Split:
    """Divide so many images by index; one-level methods train everything on all of them."""
    everything = torch.arange(images)
    if levels == 1:
        return Split(everything, everything[:0])
    if how == "interleaved":
        return Split(everything[0::2], everything[1::2])
    return Split(everything[: images // 2], everything[images // 2 :])


def weight_batches(split: Split, batch: int) -> int:
    """Return the number of weight steps per epoch; the last batch may be short."""
    return -(-len(split.weights) // batch)
