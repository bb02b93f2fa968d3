"""What a search space declares: its sites, its cell, what surrounds the cells, and how a mix is decoded.

A *site* is one named architectural decision: ``rows`` categorical choices of which ``keep`` survive discretisation, or
of whose rows only some survive. All rows of all sites stand one below the other in one padded table of ``R`` rows and
``M`` columns; alphas and mixes are tensors ``(seeds, R, M)`` whose padding is masked. One softmax, one projection and
one optimiser step then serve every space, however uneven its rows.

Nothing in this module imports torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from .fields import added
from .notations import bare

#: What the rows of a contest are ranked by: the softmax of their alphas, or these alone.
Rank = Literal["share", "alpha"]


@dataclass(frozen=True)
class Site:
    """One architectural decision.

    Attributes
    ----------
    choices : the choices of each row; if ``lists`` gives each row its own, all that occur, in order.
    keep : how many choices of a row survive.
    operations : whether the choices are operations (else they are parents).
    contests : groups of rows of which ``survivors`` survive each, with their heaviest choice that is not in ``never``.
        Without any, every row survives.
    weighed_by : the site whose rows hold the weights of the rows of each contest; empty where these have none.
    """

    name: str
    rows: int
    choices: tuple[str, ...]
    keep: int = 1
    operations: bool = False
    lists: tuple[tuple[str, ...], ...] = ()
    contests: tuple[tuple[int, ...], ...] = ()
    survivors: int = 0
    never: tuple[str, ...] = ()
    weighed_by: str = ""

    def of_row(self, row: int) -> tuple[str, ...]:
        """Return the choices of one row."""
        return self.lists[row] if self.lists else self.choices

    def allowed(self, row: int) -> tuple[int, ...]:
        """Return which choices of a row may survive."""
        return tuple(j for j, name in enumerate(self.of_row(row)) if name not in self.never)

    def random(self, rng: np.random.Generator) -> list[tuple[int, ...]]:
        """Draw what survives in each row, all choices alike."""
        if self.contests:
            drawn = [rng.choice(contest, size=self.survivors, replace=False).tolist() for contest in self.contests]
            alive = {row for rows in drawn for row in rows}
            return [(int(rng.choice(self.allowed(row))),) if row in alive else () for row in range(self.rows)]
        rows = (self.of_row(row) for row in range(self.rows))
        return [tuple(sorted(rng.choice(len(row), size=self.keep, replace=False).tolist())) for row in rows]

    def contested(self, alpha: np.ndarray, rank: Rank, weights: np.ndarray | None = None) -> list[tuple[int, ...]]:
        """Return what survives in each row of a site with contests; ties go to the lower row and the lower choice.

        ``alpha``, ``(rows, M)``, are raw: a share counts what its row has beside what may survive. It is multiplied by
        the row's own weight where ``weights``, ``(rows,)``, holds one.
        """
        best, score = [], []
        for row, own in enumerate(alpha):
            own = own[: len(self.of_row(row))]
            best.append(max(self.allowed(row), key=lambda choice: own[choice]))
            share = _softmax(own)[best[-1]] * (1.0 if weights is None else weights[row])
            score.append(own[best[-1]] if rank == "alpha" else share)
        ranked = (sorted(contest, key=lambda row: -score[row])[: self.survivors] for contest in self.contests)
        alive = {row for rows in ranked for row in rows}
        return [(best[row],) if row in alive else () for row in range(self.rows)]


def _softmax(values: np.ndarray) -> np.ndarray:
    shares = np.exp(values - values.max())
    return shares / shares.sum()


@dataclass(frozen=True, order=True)
class Arch:
    """A discrete architecture, named by its ``key``. Two keys may stand for one function: see ``Space.form``."""

    space: str
    key: str

    def __str__(self) -> str:
        return self.key


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
class Skeleton:
    """What surrounds the cells: three stacks, the width doubling from one to the next.

    Where the ``reduction`` is a cell, it is the first of the second and of the third stack.
    """

    stem_relu: bool
    reduction: Literal["residual", "padded-maxpool", "cell"]
    head: Literal["bn-relu", "relu-conv-bn", "none"]
    stacks: int = 3
    stem_multiplier: int = 1  # of the stem's width

    @property
    def least_side(self) -> int:
        """The side in pixels, a power of two, of the smallest images that every reduction can halve."""
        return 1 if self.reduction == "padded-maxpool" else 2 ** (self.stacks - 1)

    def feature_maps(self, image_size: int) -> list[int]:
        """Return the side of the square maps of each stack."""
        sides = [image_size]
        for _ in range(self.stacks - 1):
            # a 2x2 maximum with stride 2 and padding 1; or a 3x3 convolution with stride 2 and padding 1
            padded = self.reduction == "padded-maxpool"
            sides.append(sides[-1] // 2 + 1 if padded else (sides[-1] + 1) // 2)
        return sides


@dataclass(frozen=True)
class SupernetConfig:
    """The switches of a supernet; a space's ``supernet`` holds the authors' values."""

    channels: Annotated[int, Ge(1), Le(256)] = 16  # the limits are far above any paper's
    cells: Annotated[int, Ge(1), Le(64)] = 5  # per stack
    bn_momentum: Annotated[float, Gt(0), Le(1)] = 0.1  # weight of the newest batch, PyTorch's convention
    bn_affine: bool = False  # of the cell's batch norms
    bn_tracked: bool = True  # running statistics in evaluation and attack; else the batch's own
    conv_bias: bool = False  # of the cell's convolutions
    head_norm: Literal["own", "as-cells"] = "own"  # 201: tracked and affine, or as the cells' (NATS-Bench)
    cell: Literal["current", "published"] = "current"  # 1Shot1: before or after the change of 2020-02-27
    layers: Annotated[int, Ge(0), Le(64)] = added(0)  # all cells, where reductions are cells; 0: 3 * cells
    partial: Annotated[int, Ge(1), Le(256)] = added(1)  # operations see the first channels, one in so many
    edge_weights: bool = added(False)  # weights of competing edges: see spaces.edge_weights

    def stack_lengths(self, skeleton: Skeleton) -> tuple[int, ...]:
        """Return the number of cells of each stack."""
        if skeleton.reduction != "cell":
            return (self.cells,) * skeleton.stacks
        layers = self.layers or skeleton.stacks * self.cells
        starts = [layers * stack // skeleton.stacks for stack in range(skeleton.stacks + 1)]
        return tuple(end - start for start, end in pairwise(starts))


@dataclass(frozen=True)
class Size:
    """A network's width and depth: its channels, and its cells, of a stack or, where reductions are cells, all."""

    channels: int
    cells: int


@dataclass(frozen=True)
class Retraining:
    """How a found cell is trained from scratch.

    Attributes
    ----------
    network : what builds it from the cell's drawing: a file of ``bench/retraining``, without its ending ``_network``.
    full, quick : its size as in the benchmark, and as the recipe for a CPU has it.
    """

    network: str
    full: Size
    quick: Size


@dataclass(frozen=True)
class Row:
    """One row of the padded table of alphas."""

    site: str
    index: int  # within the site
    choices: tuple[str, ...]
    keep: int
    operations: bool


class Space(ABC):
    """A search space. One file of ``spaces/families`` declares one family of them in its ``SPACES``."""

    id: str
    label: str
    family: str
    table: str = ""  # the benchmark whose table scores its cells; empty where none does
    table_datasets: tuple[str, ...] = ()  # what that table scores
    metric: Literal["accuracy", "error"] = "error"  # what its papers print
    retraining: Retraining | None = None  # None: its cells are not retrained
    sites: tuple[Site, ...]
    cell: EdgeCell | NodeCell | TwoInputCell
    skeleton: Skeleton
    supernet: SupernetConfig
    parameter_free: tuple[str, ...]  # operations without weights
    groups: tuple[tuple[str, ...], ...]  # DropNAS's operation groups
    notations: Mapping[str, Callable[[str], str]] = MappingProxyType({})  # of other codes; "" needs no name
    noisy: bool = False  # whether an operation draws noise
    enumerable: bool = True  # whether the cells are few enough to be listed
    same: str = ""  # when two keys name one cell, in words; empty where they never do

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """The candidate operations, in the order of the benchmark's own code."""
        return tuple(dict.fromkeys(name for site in self.sites if site.operations for name in site.choices))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows of all sites, in order."""
        return tuple(
            Row(site.name, index, site.of_row(index), site.keep, site.operations)
            for site in self.sites
            for index in range(site.rows)
        )

    @cached_property
    def mask(self) -> np.ndarray:
        """Which entries of the padded table exist: bool ``(R, M)``."""
        width = max(len(row.choices) for row in self.rows)
        return np.array([[j < len(row.choices) for j in range(width)] for row in self.rows])

    @cached_property
    def operation_rows(self) -> np.ndarray:
        """Which rows choose among operations: bool ``(R,)``."""
        return np.array([row.operations for row in self.rows])

    @cached_property
    def operation_columns(self) -> np.ndarray:
        """The column of each operation in each row that chooses among operations; -1 where the row lacks it."""
        rows = [row.choices for row in self.rows if row.operations]
        return np.array([[row.index(name) if name in row else -1 for name in self.operations] for row in rows])

    @property
    def alphas(self) -> int:
        """Number of architecture parameters."""
        return int(self.mask.sum())

    def site_rows(self, name: str) -> slice:
        """Return the rows of the padded table that the named site takes."""
        positions = [i for i, row in enumerate(self.rows) if row.site == name]
        return slice(positions[0], positions[-1] + 1)

    def choose(self, mix: np.ndarray, rank: Rank = "share") -> tuple[tuple[int, ...], ...]:
        """Return the ``keep`` heaviest choices of each row, ascending; ties go to the lower index.

        Of rows that compete (``Site.contests``), those that do not survive keep nothing.

        Parameters
        ----------
        mix : ``(R, M)``; only the order within a row matters, so raw alphas do as well. Where rows compete, it is raw
            alphas.
        rank : what rows compete by.

        Raises
        ------
        ValueError
            A weight is not finite: its order among the others means nothing.
        """
        mix = np.asarray(mix, dtype=float)
        if not np.isfinite(mix[self.mask]).all():
            raise ValueError("weights that are not finite cannot be decoded")
        chosen = []
        for row, weights in zip(self.rows, mix, strict=True):
            order = np.argsort(-weights[: len(row.choices)], kind="stable")
            chosen.append(tuple(sorted(int(i) for i in order[: row.keep])))
        for site in self.sites:
            if site.contests:
                rows = self.site_rows(site.name)
                chosen[rows] = site.contested(mix[rows], rank, self._row_weights(site, mix))
        return tuple(chosen)

    def _row_weights(self, site: Site, alpha: np.ndarray) -> np.ndarray | None:
        """Return the weights of the rows of a site with contests, from raw alphas; None where they have none."""
        if not site.weighed_by:
            return None
        own, weights = alpha[self.site_rows(site.weighed_by)], np.ones(site.rows)
        for contest, values in zip(site.contests, own, strict=True):
            weights[list(contest)] = _softmax(values[: len(contest)])
        return weights

    def decode(self, mix: np.ndarray, rank: Rank = "share") -> list[Arch]:
        """Return the architecture of each seed of a mix ``(S, R, M)``; raise ``ValueError`` as ``choose`` does."""
        return [self.arch(self.choose(weights, rank)) for weights in mix]

    @cached_property
    def example(self) -> Arch:
        """An architecture that this space decodes to, for messages that show how one is written."""
        return self.arch(self.choose(np.broadcast_to(np.arange(self.mask.shape[1]), self.mask.shape)))

    def form(self, arch: Arch) -> str:
        """Return a text that is equal for architectures that the benchmark counts as one; ``same`` says when."""
        return arch.key

    def random(self, rng: np.random.Generator) -> Arch:
        """Draw an architecture uniformly over the raw choices; where rows compete, over who survives and with what."""
        return self.arch(tuple(kept for site in self.sites for kept in site.random(rng)))

    @abstractmethod
    def arch(self, chosen: tuple[tuple[int, ...], ...]) -> Arch:
        """Return the architecture that keeps the given choices of each row."""

    @abstractmethod
    def khot(self, arch: Arch) -> np.ndarray:
        """Return a table ``(R, M)`` of zeros and ones that decodes to the architecture."""

    @abstractmethod
    def parse(self, text: str) -> Arch:
        """Return the architecture that a key names; raise ``ValueError`` with how to fix it."""

    def read(self, text: str, notation: str = "") -> Arch:
        """Return the architecture that a text of another code names.

        Parameters
        ----------
        notation : one of ``notations``; without it, a text is read only if it can mean just one architecture.

        Raises
        ------
        ValueError
            The text names no architecture, or may name several; the message says how to write it.
        """
        known = [name for name in self.notations if name]
        if notation and notation not in known:
            raise ValueError(f"{self.label} has no notation '{notation}'; known are {', '.join(known) or 'none'}")
        text = bare(text)
        return self.parse(self.notations[notation](text) if notation in self.notations else text)

    @abstractmethod
    def enumerate(self) -> Iterator[Arch]:
        """Yield every architecture that ``decode`` can return, once, in a fixed order."""

    @cached_property
    def count(self) -> int:
        """How many architectures ``enumerate`` yields."""
        return sum(1 for _ in self.enumerate())

    @abstractmethod
    def drawing(self, arch: Arch) -> Drawing:
        """Return the found cell as a graph to be drawn."""


@dataclass(frozen=True)
class Drawing:
    """A cell as a graph: ``edges`` are (from, to, label), positions into ``nodes``."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int, str], ...] = field(default=())
