"""What a search space declares: its sites, its cell, what surrounds the cells, and how a mix is decoded.

All rows of all sites (``spaces.sites``) stand one below the other in one padded table of ``R`` rows and ``M`` columns;
alphas and mixes are tensors ``(seeds, R, M)`` whose padding is masked. One softmax, one projection and one optimiser
step then serve every space, however uneven its rows. A family imports all that it declares from here.

Nothing in this module imports torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np

from .cell_graphs import Drawing, EdgeCell, NodeCell, TwoInputCell
from .notations import bare
from .sites import Rank, Row, Site, softmax
from .skeleton import Retraining, Size, Skeleton, SupernetConfig

__all__ = [
    "Arch",
    "Drawing",
    "EdgeCell",
    "NodeCell",
    "Rank",
    "Retraining",
    "Row",
    "Site",
    "Size",
    "Skeleton",
    "Space",
    "SupernetConfig",
    "TwoInputCell",
]


@dataclass(frozen=True, order=True)
class Arch:
    """A discrete architecture, named by its ``key``. Two keys may stand for one function: see ``Space.form``."""

    space: str
    key: str

    def __str__(self) -> str:
        return self.key


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
    same: str = ""  # when the benchmark counts two keys as one cell, in words; empty where it never does

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
            weights[list(contest)] = softmax(values[: len(contest)])
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
