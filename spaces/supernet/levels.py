"""Cells of two inputs as levels of edges that are computed together.

Nothing in this module imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spaces.base import Space, TwoInputCell

from .layout import Position

#: Side of the kernel and dilation; a separable convolution is two of the kind.
SEPARABLE = {"sep_conv_3x3": 3, "sep_conv_5x5": 5}
DILATED = {"dil_conv_3x3": 3, "dil_conv_5x5": 5}
POOLS = ("max_pool_3x3", "avg_pool_3x3")
SKIP, NOISE = "skip_connect", "noise"


@dataclass(frozen=True)
class Edge:
    """An operation on an edge: nodes, and its entry of the mix."""

    source: int
    target: int
    entry: Position


@dataclass(frozen=True)
class Level:
    """What leaves the ``sources``, nodes that are known at one time, for the ``targets``.

    Attributes
    ----------
    edges : of each operation, targets first.
    """

    name: str
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    stride: int
    edges: dict[str, tuple[Edge, ...]]

    def of(self, *kinds: Iterable[str]) -> dict[str, tuple[Edge, ...]]:
        """Return the edges of some operations, of those that are there."""
        known = {name for kind in kinds for name in kind}
        return {name: edges for name, edges in self.edges.items() if name.partition(".")[0] in known}

    def ordered(self, operations: dict[str, tuple[Edge, ...]]) -> list[tuple[str, int]]:
        """Return (operation, place among its edges) of all edges of some operations, targets first."""
        placed = [(edge, name, place) for name, edges in operations.items() for place, edge in enumerate(edges)]
        return [(name, place) for edge, name, place in sorted(placed, key=lambda each: each[0].target)]

    def counts(self, operations: dict[str, tuple[Edge, ...]]) -> tuple[int, ...]:
        """Return how many edges of some operations enter each target."""
        entered = [edge.target for edges in operations.values() for edge in edges]
        return tuple(entered.count(target) for target in self.targets)

    def whole(self) -> list[tuple[str, int]]:
        """Return the (operation, source) pairs by whose shares whole maps are weighed."""
        names = self.of(POOLS, [NOISE], [SKIP] if self.stride == 1 else [])
        return [(name, source) for name in names for source in self.sources]


def levels(space: Space, *, reduction: bool) -> tuple[Level, ...]:
    """Return the levels of the normal or of the reduction cell; edges from the inputs alone have a stride."""
    cell = space.cell
    assert isinstance(cell, TwoInputCell)
    found = []
    first = space.site_rows(cell.reduction if reduction else cell.normal).start
    for level in range(cell.nodes):
        sources = (0, 1) if level == 0 else (level + 1,)
        edges: dict[str, list[Edge]] = {}
        for row, (source, target) in enumerate(cell.edges, start=first):
            for column, name in enumerate(space.rows[row].choices) if source in sources else ():
                edges.setdefault(name, []).append(Edge(source, target, (row, column)))
        inner = {name: tuple(each) for name, each in edges.items() if name != "none"}
        targets = tuple(range(level + 2, cell.nodes + 2))
        found.append(Level(f"{level}", sources, targets, 2 if reduction and level == 0 else 1, inner))
    return tuple(found)
