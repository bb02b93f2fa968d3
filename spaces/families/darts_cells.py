"""The DARTS cell space, and the spaces that were cut out of it to show where DARTS fails.

Liu, Simonyan & Yang, DARTS, ICLR 2019 (quark0/darts at f276dd3, cnn/genotypes.py and model_search.py); S1 to S4 from
Zela et al., Understanding and Robustifying DARTS, ICLR 2020, as SmoothDARTS has them (sota/cnn/spaces.py at d3dbfed,
whose DARTS space lacks ``none``); 1-skip and 3-skip from DropNAS (genotypes.py at 90582ee). An architecture is a normal
and a reduction cell: of each node, the two best edges survive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import combinations, product
from math import prod

import numpy as np

from spaces.base import Arch, Drawing, Retraining, Site, Size, Skeleton, Space, SupernetConfig, TwoInputCell
from spaces.notations import genotypes

NODES, KEPT = 4, 2
CELL = TwoInputCell(NODES)
CONVOLUTIONS = ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
NO_NONE = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", *CONVOLUTIONS)

_SHORT = {
    "max": "max_pool_3x3",
    "avg": "avg_pool_3x3",
    "skip": "skip_connect",
    "sep3": "sep_conv_3x3",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
}
#: The pairs of operations of S1's edges, in the order of ``CELL.edges``.
_S1_NORMAL = (
    "skip/dil3 skip/dil5 skip/dil5 skip/sep3 skip/dil3 max/skip skip/sep3"
    " skip/sep3 skip/dil3 skip/sep3 max/skip skip/dil3 dil3/dil5 dil3/dil5"
)
_S1_REDUCE = (
    "max/avg max/dil3 max/avg max/avg skip/dil5 max/avg max/sep3"
    " skip/dil3 skip/dil5 max/avg max/avg skip/dil5 skip/dil5 skip/dil5"
)

Lists = tuple[tuple[str, ...], ...]


class Darts(Space):
    """One of the spaces.

    Parameters
    ----------
    normal, reduce : the operations of each edge, in the order of the authors' alphas. An operation that a list repeats
        is ``NAME.2``, ``NAME.3``: it has an alpha, and weights, of its own.
    layers : cells of the authors' supernet.
    """

    family = "darts"
    cell = CELL
    skeleton = Skeleton(stem_relu=False, reduction="cell", head="none", stem_multiplier=3)
    enumerable = False
    retraining = Retraining("darts", full=Size(36, 20), quick=Size(4, 3))
    notations = genotypes.NOTATIONS

    def __init__(self, id: str, label: str, normal: Lists, reduce: Lists, *, layers: int = 8) -> None:
        self.id, self.label = id, label
        self.supernet = SupernetConfig(channels=16, layers=layers)
        self.sites = (_site(CELL.normal, normal), _site(CELL.reduction, reduce))
        self.groups = tuple(
            tuple(name for name in self.operations if (name in CONVOLUTIONS) == weighted) for weighted in (True, False)
        )
        self.parameter_free = self.groups[1]
        self.noisy = "noise" in self.operations

    def arch(self, chosen: tuple[tuple[int, ...], ...]) -> Arch:
        """Return the pair of cells that keeps the given operations; rows that keep nothing are left out."""
        kept = dict(zip(((row.site, row.index) for row in self.rows), chosen, strict=True))
        cells = []
        for site in self.sites:
            nodes: dict[int, list[str]] = {}
            for row, (source, target) in enumerate(CELL.edges):
                for choice in kept[site.name, row]:
                    name = site.of_row(row)[choice].partition(".")[0]
                    nodes.setdefault(target, []).append(f"{name}~{source}")
            cells.append(f"{site.name}:" + "+".join("|".join(node) for node in nodes.values()))
        return Arch(self.id, ";".join(cells))

    def khot(self, arch: Arch) -> np.ndarray:
        """Return the table whose rows without a survivor are zero."""
        table = np.zeros(self.mask.shape)
        for site in self.sites:
            start = self.site_rows(site.name).start
            for source, target, operation in _cells(arch.key)[site.name]:
                row = CELL.edges.index((source, target))
                table[start + row, site.of_row(row).index(operation)] = 1.0
        return table

    def parse(self, text: str) -> Arch:
        """Return the architecture that a key names, or a ``Genotype(...)`` of the DARTS family of codes."""
        text = genotypes.told(text)
        form = f"normal:NODE+...;reduce:NODE+..., as in {self.example.key}"
        try:
            cells = _cells(text)
        except ValueError:
            raise ValueError(f"'{text}' cannot be decoded; write {form}") from None
        chosen: list[tuple[int, ...]] = []
        for site in self.sites:
            edges = {(source, target): operation for source, target, operation in cells.get(site.name, ())}
            targets = sorted(target for _, target, _ in cells.get(site.name, ()))
            if len(cells) != len(self.sites) or targets != [t for t in range(2, NODES + 2) for _ in range(KEPT)]:
                raise ValueError(f"'{text}' does not have {NODES} nodes of {KEPT} edges in each cell; write {form}")
            if len(edges) != len(targets) or not set(edges) <= set(CELL.edges):
                raise ValueError(f"'{text}' has an edge twice, or one that leads from no earlier node; write {form}")
            for row, edge in enumerate(CELL.edges):
                known = {site.of_row(row)[choice].partition(".")[0]: choice for choice in _first(site, row)}
                if edge in edges and edges[edge] not in known:
                    where = f"the edge {edge[1]}<-{edge[0]} of the {site.name} cell"
                    raise ValueError(f"unknown operation '{edges[edge]}' on {where}; known are {', '.join(known)}")
                chosen.append((known[edges[edge]],) if edge in edges else ())
        return self.arch(tuple(chosen))

    def enumerate(self) -> Iterator[Arch]:
        """Yield every pair of cells; there are too many to wait for the last."""
        return (self.arch(normal + reduce) for normal in self._cells_of(0) for reduce in self._cells_of(1))

    @cached_property
    def count(self) -> int:
        """How many pairs of cells there are."""
        return prod(
            sum(prod(len(set(_names(site, row))) for row in rows) for rows in combinations(contest, KEPT))
            for site in self.sites
            for contest in site.contests
        )

    def drawing(self, arch: Arch) -> Drawing:
        """Return both cells, one after the other, with their operations on the edges."""
        nodes: list[str] = []
        kinds: list[str] = []
        edges: list[tuple[int, int, str]] = []
        for name, found in _cells(arch.key).items():
            first = len(nodes)
            nodes += [f"{name} k-2", f"{name} k-1", *map(str, range(NODES)), "output"]
            kinds += [name] * (len(nodes) - first)
            edges += [(first + source, first + target, operation) for source, target, operation in found]
            edges += [(first + node, first + NODES + 2, "") for node in range(2, NODES + 2)]
        return Drawing(tuple(nodes), tuple(edges), tuple(kinds))

    def _cells_of(self, place: int) -> Iterator[tuple[tuple[int, ...], ...]]:
        site = self.sites[place]
        nodes = [list(combinations(contest, KEPT)) for contest in site.contests]
        for pairs in product(*nodes):
            alive = [row for rows in pairs for row in rows]
            for choices in product(*(_first(site, row) for row in alive)):
                kept = dict(zip(alive, choices, strict=True))
                yield tuple((kept[row],) if row in kept else () for row in range(site.rows))


def _site(name: str, lists: Lists) -> Site:
    """Return the site of one kind of cell: of each node, ``KEPT`` edges survive, and never with ``none``."""
    lists = tuple(_labelled(names) for names in lists)
    found = dict.fromkeys(operation for names in lists for operation in names)
    order = ("none", "noise", *NO_NONE)
    known = sorted(found, key=lambda operation: order.index(operation.partition(".")[0]))
    contests = tuple(
        tuple(row for row, edge in enumerate(CELL.edges) if edge[1] == target) for target in range(2, NODES + 2)
    )
    return Site(
        name,
        rows=len(CELL.edges),
        choices=lists[0] if len(set(lists)) == 1 else tuple(known),
        operations=True,
        lists=() if len(set(lists)) == 1 else lists,
        contests=contests,
        survivors=KEPT,
        never=("none",),
    )


def _labelled(names: tuple[str, ...]) -> tuple[str, ...]:
    """Give what is repeated a number of its own."""
    counted = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return tuple(name if number == 1 else f"{name}.{number}" for name, number in zip(names, counted, strict=True))


def _names(site: Site, row: int) -> list[str]:
    """Return what a row may keep, by the names that keys have."""
    return [site.of_row(row)[choice].partition(".")[0] for choice in site.allowed(row)]


def _first(site: Site, row: int) -> list[int]:
    """Return the choices that a row may keep, of those with one name the first."""
    names = _names(site, row)
    return [choice for place, choice in enumerate(site.allowed(row)) if names[place] not in names[:place]]


def _cells(key: str) -> dict[str, list[tuple[int, int, str]]]:
    """Return (source, target, operation) of each edge of each cell of a key; raise ``ValueError`` where it is none."""
    found = {}
    for cell in key.split(";"):
        name, _, nodes = cell.partition(":")
        if name in found:
            raise ValueError(f"the cell '{name}' appears twice")
        edges = []
        for target, node in enumerate(nodes.split("+"), start=2):
            for edge in node.split("|"):
                written = re.fullmatch(r"(\w+)~(\d)", edge, re.ASCII)
                if written is None:
                    raise ValueError(f"'{edge}' is not an edge")
                edges.append((int(written[2]), target, written[1]))
        found[name] = edges
    return found


def _pairs(text: str) -> Lists:
    return tuple(tuple(_SHORT[name] for name in pair.split("/")) for pair in text.split())


def _everywhere(*names: str) -> Lists:
    return (names,) * len(CELL.edges)


def _both(id: str, label: str, *names: str, layers: int = 8) -> Darts:
    """Return the space whose edges all have the same operations."""
    return Darts(id, label, _everywhere(*names), _everywhere(*names), layers=layers)


SPACES = (
    _both("darts", "DARTS space", "none", *NO_NONE),
    _both("darts-no-none", "DARTS space without none", *NO_NONE),
    Darts("darts-s1", "S1 (R-DARTS)", _pairs(_S1_NORMAL), _pairs(_S1_REDUCE)),
    _both("darts-s2", "S2 (R-DARTS)", "skip_connect", "sep_conv_3x3"),
    _both("darts-s3", "S3 (R-DARTS)", "none", "skip_connect", "sep_conv_3x3"),
    _both("darts-s4", "S4 (R-DARTS)", "noise", "sep_conv_3x3"),
    _both("darts-1skip", "DARTS space, 1-skip", *CONVOLUTIONS, "skip_connect", "none", layers=14),
    _both("darts-3skip", "DARTS space, 3-skip", *CONVOLUTIONS, *["skip_connect"] * 3, "none", layers=14),
)
