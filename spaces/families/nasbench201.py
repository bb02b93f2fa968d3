"""NAS-Bench-201: four nodes, five operations on each of six edges, 15,625 cells.

Dong & Yang, NAS-Bench-201, ICLR 2020; the supernet as SmoothDARTS runs it (nasbench201/model.py at d3dbfed).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from spaces.base import Arch, Drawing, EdgeCell, Retraining, Site, Size, Skeleton, Space, SupernetConfig
from spaces.notations import edges

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


class NASBench201(Space):
    """The NAS-Bench-201 space. A space with the same operations on more or fewer edges is a subclass of it."""

    id = "nasbench201"
    label = "NAS-Bench-201"
    family = "nasbench201"
    table = "nasbench201"
    table_datasets = ("cifar10", "cifar100", "ImageNet16-120")
    metric = "accuracy"
    retraining = Retraining("nasbench201", full=Size(16, 5), quick=Size(8, 1))
    cell = EdgeCell(nodes=4)
    sites = (Site("edges", rows=6, choices=OPERATIONS, operations=True),)
    skeleton = Skeleton(stem_relu=False, reduction="residual", head="bn-relu")
    supernet = SupernetConfig(cells=5, bn_momentum=0.1, bn_affine=False)
    parameter_free = ("none", "skip_connect", "avg_pool_3x3")
    groups = (("nor_conv_1x1", "nor_conv_3x3"), parameter_free)
    notations = edges.NOTATIONS
    same = "the benchmark counts a skip connection as its source, none as zero, and sums in any order"

    def arch(self, chosen: tuple[tuple[int, ...], ...]) -> Arch:
        """Return the architecture whose edges carry the given operations."""
        operations = dict(zip(self._graph.edges, (OPERATIONS[c[0]] for c in chosen), strict=True))
        nodes = (
            "|" + "|".join(f"{operations[source, target]}~{source}" for source in range(target)) + "|"
            for target in range(1, self._graph.nodes)
        )
        return Arch(self.id, "+".join(nodes))

    def khot(self, arch: Arch) -> np.ndarray:
        """Return the one-hot table of the architecture's operations."""
        table = np.zeros(self.mask.shape)
        for row, operation in enumerate(self._operations(arch)):
            table[row, OPERATIONS.index(operation)] = 1.0
        return table

    def parse(self, text: str) -> Arch:
        """Return the architecture that ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`` names."""
        form = "+".join("|" + "".join(f"op~{source}|" for source in range(t)) for t in range(1, self._graph.nodes))
        chosen: list[tuple[int, ...]] = []
        nodes = text.split("+")
        if len(nodes) != self._graph.nodes - 1:
            raise ValueError(f"'{text}' is not a {self.label} cell; write {form}")
        for target, node in enumerate(nodes, start=1):
            parts = node.split("|")
            if len(parts) != target + 2 or parts[0] or parts[-1]:
                raise ValueError(f"'{text}' is not a {self.label} cell; write {form}")
            for source, part in enumerate(parts[1:-1]):
                operation, _, number = part.partition("~")
                if number != str(source):
                    raise ValueError(f"'{part}' should read from node {source} in '{text}'; write {form}")
                if operation not in OPERATIONS:
                    raise ValueError(f"unknown operation '{operation}' in '{text}'; known are {', '.join(OPERATIONS)}")
                chosen.append((OPERATIONS.index(operation),))
        return self.arch(tuple(chosen))

    def form(self, arch: Arch) -> str:
        """Return the cell as the benchmark tells cells apart: 6,466 of the 15,625 differ.

        As ``Structure.to_unique_str`` with ``consider_zero=True`` (AutoDL xautodl/models/cell_searchs/genotypes.py): an
        edge of ``skip_connect`` is its source, one of ``none`` is zero, and sums are in any order. A sum of zeros is
        not zero to that rule.
        """
        nodes = ["0"]
        operations = iter(self._operations(arch))
        for target in range(1, self._graph.nodes):
            parts = (_edge(next(operations), nodes[source]) for source in range(target))
            nodes.append("+".join(sorted(parts)))
        return nodes[-1]

    def enumerate(self) -> Iterator[Arch]:
        """Yield all 15,625 cells."""
        for choice in product(range(len(OPERATIONS)), repeat=len(self._graph.edges)):
            yield self.arch(tuple((c,) for c in choice))

    def drawing(self, arch: Arch) -> Drawing:
        """Return the cell with its operations on the edges; ``none`` is left out."""
        found = tuple(
            (source, target, operation)
            for (source, target), operation in zip(self._graph.edges, self._operations(arch), strict=True)
            if operation != "none"
        )
        return Drawing(("input", *map(str, range(1, self._graph.nodes - 1)), "output"), found)

    @property
    def _graph(self) -> EdgeCell:
        assert isinstance(self.cell, EdgeCell)
        return self.cell

    def _operations(self, arch: Arch) -> list[str]:
        return [part.partition("~")[0] for node in arch.key.split("+") for part in node.strip("|").split("|")]


def _edge(operation: str, source: str) -> str:
    """Return what an edge carries; ``source`` is what its node holds."""
    if operation == "none" or source == "#":
        return "#"
    return source if operation == "skip_connect" else f"({source})@{operation}"


SPACES = (NASBench201(),)
