"""NAS-Bench-1Shot1: three spaces of NAS-Bench-101 cells that a weight-sharing search can decode to.

Zela, Siems & Hutter, NAS-Bench-1Shot1, ICLR 2020; the one-shot network as in the repository after 2020-02-27
(optimizers/darts/model_search.py at cb0f0ec, and the same file of SmoothDARTS at d3dbfed).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations, product

import numpy as np

from spaces import graph
from spaces.base import Arch, Drawing, NodeCell, Retraining, Site, Size, Skeleton, Space, SupernetConfig
from spaces.notations import matrices

OPERATIONS = ("maxpool3x3", "conv3x3", "conv1x1")


class NASBench1Shot1(Space):
    """One of the three spaces; ``parents[i]`` is the number of parents of block i + 1, ``output`` of the output.

    Vertex 0 is the cell's input, 1..k are the blocks, k + 1 is the output. A vertex whose number of parents equals
    the number of its candidates has no choice.
    """

    family = "nasbench1shot1"
    table = "nasbench101"
    table_datasets = ("cifar10",)
    retraining = Retraining("nasbench101", full=Size(128, 3), quick=Size(16, 1))
    skeleton = Skeleton(stem_relu=True, reduction="padded-maxpool", head="relu-conv-bn")
    # 0.997 is TensorFlow's momentum, taken over by the authors' code as if it were PyTorch's: running statistics
    # are all but those of the last batch (optimizers/darts/operations.py:28).
    supernet = SupernetConfig(cells=3, bn_momentum=0.997, bn_affine=True)
    parameter_free = ("maxpool3x3",)
    notations = matrices.NOTATIONS
    groups = (("conv3x3", "conv1x1"), parameter_free)

    def __init__(self, number: int, parents: tuple[int, ...], output: int) -> None:
        blocks = len(parents)
        self.id = f"nasbench1shot1-{number}"
        self.label = f"NAS-Bench-1Shot1 space {number}"
        self.parents = parents
        names = tuple(f"input{block}" if count < block else None for block, count in enumerate(parents, start=1))
        candidates = ("input", *(f"block{b}" for b in range(1, blocks + 1)))
        self.cell = self.nodes = NodeCell(blocks, names, "output")
        self.sites = (
            Site("operations", blocks, OPERATIONS, operations=True),
            Site("output", 1, candidates, keep=output),
            *(
                Site(name, 1, candidates[:block], keep=count)
                for block, (name, count) in enumerate(zip(names, parents, strict=True), start=1)
                if name
            ),
        )

    def arch(self, chosen: tuple[tuple[int, ...], ...]) -> Arch:
        """Return the pruned, canonical cell that keeps the given operations and parents."""
        k = self.nodes.blocks
        operations = tuple(OPERATIONS[c[0]] for c in chosen[:k])
        return Arch(self.id, graph.key(self._edges(chosen[k:]), operations))

    def khot(self, arch: Arch) -> np.ndarray:
        """Return a table of zeros and ones that decodes to the cell."""
        try:
            chosen = self._choices[arch.key]
        except KeyError:
            raise ValueError(f"{self.label} cannot decode to '{arch}'; see dnas info {self.id}") from None
        table = np.zeros(self.mask.shape)
        for row, kept in enumerate(chosen):
            table[row, list(kept)] = 1.0
        return table

    def parse(self, text: str) -> Arch:
        """Return the cell that ``BITS:OPS`` names, in its canonical vertex order."""
        edges, operations = graph.parse(text, OPERATIONS, self.example.key)
        arch = Arch(self.id, graph.key(edges, operations))
        if arch.key not in self._choices:
            raise ValueError(f"{self.label} cannot decode to '{text}'; see dnas info {self.id}")
        return arch

    def enumerate(self) -> Iterator[Arch]:
        """Yield every cell that ``decode`` can return, sorted by key."""
        for key in sorted(self._choices):
            yield Arch(self.id, key)

    def drawing(self, arch: Arch) -> Drawing:
        """Return the cell with its operations on the nodes."""
        edges, operations = graph.parse(arch.key, OPERATIONS)
        return Drawing(("input", *operations, "output"), tuple((a, b, "") for a, b in sorted(edges)))

    def _edges(self, chosen: tuple[tuple[int, ...], ...]) -> graph.Edges:
        """Return the edges of the whole cell; ``chosen`` holds the output's parents, then the inputs' parents."""
        output, *inputs = chosen
        edges = {(parent, self.nodes.blocks + 1) for parent in output}
        for block, name in enumerate(self.nodes.inputs, start=1):
            parents = inputs.pop(0) if name else range(block)
            edges |= {(parent, block) for parent in parents}
        return frozenset(edges)

    @cached_property
    def _choices(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Map each reachable key to choices that decode to it.

        Choices of parents that prune to the same graph differ only in dead blocks, so each distinct pruned graph is
        labelled once: 876 graphs instead of 5,400 in space 3.
        """
        k = self.nodes.blocks
        edge_rows = self.rows[k:]
        found: dict[str, tuple[tuple[int, ...], ...]] = {}
        seen: set[tuple[graph.Edges, tuple[int, ...]]] = set()
        for parents in product(*(combinations(range(len(row.choices)), row.keep) for row in edge_rows)):
            edges = self._edges(parents)
            pruned = graph.prune(edges, k + 2)
            if pruned in seen:
                continue
            seen.add(pruned)
            live = pruned[1]
            bits, orders = graph.canonical_orders(pruned[0], len(live) + 2)
            for labels in product(range(len(OPERATIONS)), repeat=len(live)):
                key = graph.labelled(bits, orders, tuple([OPERATIONS[i] for i in labels]))
                if key not in found:
                    label = dict(zip(live, labels, strict=True))
                    found[key] = (*((label.get(block, 0),) for block in range(1, k + 1)), *parents)
        return found


SPACES = (
    NASBench1Shot1(1, parents=(1, 2, 2, 2), output=2),
    NASBench1Shot1(2, parents=(1, 1, 2, 2), output=3),
    NASBench1Shot1(3, parents=(1, 1, 1, 2, 2), output=2),
)
