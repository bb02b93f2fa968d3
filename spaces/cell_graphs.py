"""The kinds of cells that a space can declare, and a found cell as a graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class EdgeCell:
    """A cell whose operations sit on edges: node j sums a mixed operation of each earlier node.

    The edge table is ``edges[row] = (source, target)``; the output is the last node.
    """

    nodes: int

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(source, target) of each operation row, targets first: 1<-0, 2<-0, 2<-1, 3<-0, ..."""
        return tuple((source, target) for target in range(1, self.nodes) for source in range(target))

    def rows_from(self, source: int) -> list[int]:
        """Return the rows of the edges that leave a node, targets ascending."""
        return [row for row, edge in enumerate(self.edges) if edge[0] == source]


@dataclass(frozen=True)
class NodeCell:
    """A cell whose operations sit on nodes: block i applies a mixed operation to a weighted sum of its parents.

    ``inputs[i]`` names the site that weighs the parents of block i + 1 (the projected cell input, then the
    earlier blocks), or is None where there is no choice and the parents are summed.
    """

    blocks: int
    inputs: tuple[str | None, ...]
    output: str


@dataclass(frozen=True)
class TwoInputCell:
    """A cell that reads the outputs of the two cells before it, and is of one of two kinds, each a site.

    Node 0 is the output of the cell before the last, node 1 that of the last. Each of the ``nodes`` that follow sums a
    mixed operation of each earlier node, and the cell's output is all of them side by side. In a reduction cell the
    edges from nodes 0 and 1 halve the map.
    """

    nodes: int
    normal: str = "normal"
    reduction: str = "reduce"

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(source, target) of each row of a site, targets first: 2<-0, 2<-1, 3<-0, ..."""
        return tuple((source, target) for target in range(2, self.nodes + 2) for source in range(target))


@dataclass(frozen=True)
class Drawing:
    """A cell as a graph, or cells of several kinds one after the other.

    Attributes
    ----------
    nodes : their labels.
    edges : (from, to, label), positions into ``nodes``.
    kinds : of which kind of cell each node is, where a space has several; else empty.
    """

    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int, str], ...] = field(default=())
    kinds: tuple[str, ...] = ()
