"""Partial channels of PC-DARTS the plain way: a mixed operation of the first channels beside the others, shuffled."""

from typing import Any

import torch
from torch import Tensor, nn


class Partial(nn.Module):
    """Gives a mixed operation the first of `partial` equal parts of the channels; the others pass it by.

    Where the operation halves the map, the others are halved by maxima of two by two pixels.
    """

    def __init__(self, mixed: nn.Module, partial: int):
        super().__init__()
        self.mixed, self.partial = mixed, partial

    @property
    def operations(self) -> Any:
        """The operations that are mixed."""
        return self.mixed.operations

    def forward(self, x: Tensor, *how: Any) -> Tensor:
        count = x.shape[1] // self.partial
        seen, rest = self.mixed(x[:, :count], *how), x[:, count:]
        if seen.shape[2] < x.shape[2]:
            rest = nn.functional.max_pool2d(rest, 2)
        return shuffled(torch.cat([seen, rest], dim=1), self.partial)


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Take the first channel of each group, then the second of each, and so on."""
    count = x.shape[1] // groups
    return torch.stack([x[:, group * count + place] for place in range(count) for group in range(groups)], dim=1)


def partially(mixed: nn.Module, partial: int) -> nn.Module:
    """Return a mixed operation of all channels, or of a part of them."""
    return mixed if partial == 1 else Partial(mixed, partial)
