"""Operations on edges: the cell of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor

from spaces.base import EdgeCell, Space, SupernetConfig
from spaces.supernet.declare import EDGE_CONVS, Place
from spaces.supernet.forward import Pass
from spaces.supernet.layout import Position
from spaces.supernet.partial import divided, joined

from .kind import CellKind

SUMS = ("skip_connect", "avg_pool_3x3")


@dataclass(frozen=True)
class EdgeShares:
    """For each node that edges leave, the shares ``(S, E, C)`` of its identity and of its average pool on E edges.

    A share is repeated for each channel, and lies edge by edge in memory, so that the maps of an edge are scaled in one
    contiguous loop over seeds and channels.
    """

    skip: tuple[Tensor, ...]
    pool: tuple[Tensor, ...]


@final
class OnEdges(CellKind):
    """Node j = sum over earlier nodes i and operations o of mix[i -> j, o] * o(node i); ``none`` adds nothing."""

    def __init__(self, space: Space, config: SupernetConfig) -> None:
        assert isinstance(space.cell, EdgeCell)
        super().__init__(space, config)
        self._cell = space.cell

    def weighing(self) -> list[Position]:
        """See ``CellKind``."""
        rows = [row for source in range(self._cell.nodes - 1) for row in self._cell.rows_from(source)]
        return [(row, self.space.operations.index(operation)) for row in rows for operation in SUMS]

    def shares(self, entries: Tensor, places: Sequence[Place]) -> Sequence[EdgeShares]:
        """See ``CellKind``."""
        cells, channels = len(places), places[0].operated
        each = entries.expand(cells, *entries.shape)
        by_edge = each.unflatten(-1, (-1, len(SUMS))).permute(0, 3, 2, 1)  # (cells, 2, edges, S)
        repeated = by_edge.unsqueeze(-1).expand(*by_edge.shape, channels).flatten(0, 2)
        sizes = list(range(self._cell.nodes - 1, 0, -1))
        parts = repeated.split(sizes * (len(SUMS) * cells))  # split once: so are their gradients joined
        left = iter([part.transpose(0, 1) for part in parts])
        return [EdgeShares(*(tuple(next(left) for _ in sizes) for _ in SUMS)) for _ in range(cells)]

    def forward(self, pass_: Pass, shares: EdgeShares, *inputs: Tensor) -> Tensor:
        """See ``CellKind``."""
        (node,), sums, passed, partial = inputs, None, None, self.config.partial
        for source, (skip, pool) in enumerate(zip(shares.skip, shares.pool, strict=True)):
            small, large = (f"{source}.{operation}" for operation in EDGE_CONVS)
            seen, rest = divided(node, partial)
            seen, sums = pass_.edge_sums(sums, seen, (small, large), skip, pool)  # targets ascending
            passed = rest if passed is None or rest is None else passed + rest
            node = joined(seen, passed, partial)
        return node
