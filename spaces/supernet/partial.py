"""Partial channels: operations see the first C / K channels of a map, and the others pass them by.

Xu et al., PC-DARTS, ICLR 2020, equation 1; yuhuixu1993/PC-DARTS at b74702f, model_search.py:9-53. An edge returns what
its operations make of the first channels, the other channels as they are, side by side and shuffled in K groups. All
edges that enter a node shuffle alike: so a node adds up the two parts apart, and is joined once. What an edge's own
weight multiplies (``spaces.edge_weights``), it multiplies in both parts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spaces.base import Site, Space

from .constants import Constants
from .layout import Position
from .ops import max_pool


def divided(x: Tensor, partial: int) -> tuple[Tensor, Tensor | None]:
    """Return the channels ``(..., C / K)`` of a map ``(..., C)`` that operations see, and those that pass them by.

    With K = 1 they see all: the map itself, and None.
    """
    if partial == 1:
        return x, None
    first = x.shape[-1] // partial
    seen, rest = x.split([first, x.shape[-1] - first], dim=-1)
    return seen.contiguous(), rest


def joined(seen: Tensor, rest: Tensor | None, partial: int) -> Tensor:
    """Return both parts side by side, shuffled: the channels of K groups take turns."""
    if rest is None:
        return seen
    return torch.cat([seen, rest], dim=-1).unflatten(-1, (partial, -1)).transpose(-1, -2).flatten(-2)


def halved(rest: Tensor, stride: int) -> Tensor:
    """Return what passes by an edge of a stride: the maxima of two by two pixels where that is 2."""
    return rest if stride == 1 else max_pool(rest, kernel=2, stride=2, padding=0)


def weights_of(space: Space, site: Site) -> list[Position]:
    """Return for each row of a site the entry of the mix that is its weight; nothing where rows have no weights."""
    if not site.weighed_by:
        return []
    start = space.site_rows(site.weighed_by).start
    contests = enumerate(site.contests, start)
    entries = {row: (number, place) for number, contest in contests for place, row in enumerate(contest)}
    return [entries[row] for row in range(site.rows)]


class EdgeWeights:
    """Multiplies the rows of a mix by the weights of their edges, which are entries of the same mix.

    Parameters
    ----------
    space : what is searched; the rows that have weights come first.
    """

    def __init__(self, space: Space) -> None:
        columns = space.mask.shape[1]
        entries = [entry for site in space.sites for entry in weights_of(space, site)]
        self.places = [row * columns + column for row, column in entries]
        self._index = Constants(lambda device: torch.tensor(self.places, device=device))

    def of(self, mix: Tensor) -> Tensor:
        """Return the mix ``(S, R, M)`` with weighed rows; itself where edges have no weights."""
        if not self.places:
            return mix
        weights = mix.flatten(1).index_select(1, self._index.of(mix.device))
        weighed, others = mix.split([len(self.places), mix.shape[1] - len(self.places)], dim=1)
        return torch.cat([weighed * weights.unsqueeze(2), others], dim=1)
