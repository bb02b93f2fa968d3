"""Oracles: how good an architecture is, according to a published table, a file of scores or a retraining."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from results.data.benchmark_table import NASBENCH101, NASBENCH201, SPLITS, Layout, Table, archs_by_index, read
from results.scores.score import Score, read_scores


class Oracle(Protocol):
    """Anything that knows scores. The score of an architecture that it does not know is None, never a guess."""

    def score(self, space: str, arch: str, dataset: str) -> Score | None:
        """Return the score of one architecture."""
        ...

    def scores(self, space: str, archs: Sequence[str], dataset: str) -> list[Score | None]:
        """Return one entry per architecture, in order."""
        ...


class TableOracle:
    """A published table in this suite's compact form; the file is read when the first score is asked for."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self._layout = layout

    @classmethod
    def find(cls, data_dir: Path) -> list[TableOracle]:
        """Return an oracle for each table in ``data_dir``, a full table before a partial one.

        The sample of 20,001 NAS-Bench-101 cells is passed over: it has one training per cell.
        """
        cells = [p for p in Path(data_dir).glob("nasbench101*.parquet") if "-sample" not in p.stem]
        cells.sort(key=lambda p: (p.stem != "nasbench101", p.name))
        tables = [(p, NASBENCH201) for p in Path(data_dir).glob("nasbench201.parquet")]
        return [cls(path, layout) for path, layout in [*tables, *((p, NASBENCH101) for p in cells)]]

    def covers(self, space: str) -> bool:
        """Whether cells of this space can be in the table."""
        return space.startswith(self._layout.space)

    def score(self, space: str, arch: str, dataset: str) -> Score | None:
        """Return the score of one architecture."""
        return self.scores(space, [arch], dataset)[0]

    def scores(self, space: str, archs: Sequence[str], dataset: str) -> list[Score | None]:
        """Return one entry per architecture, in order.

        Raises
        ------
        InputError
            The file cannot be read, or a key is malformed.
        """
        rows, found = self._rows(space, archs, dataset), []
        for arch, row in zip(archs, rows.tolist(), strict=True):
            if row < 0:
                found.append(None)
                continue
            valid, test = (self._table.splits[split] for split in SPLITS)
            score = Score(
                space,
                arch,
                dataset,
                _or_none(float(valid.mean[row])),
                _or_none(float(test.mean[row])),
                valid.trials_of(row),
                test.trials_of(row),
                release=str(self._table.release[row]),
                epochs=int(self._table.epochs[row]),
            )
            found.append(score)
        return found

    def figures(self, space: str, archs: Sequence[str], dataset: str) -> Figures:
        """Return what the table says of many architectures as arrays, in order: a whole space in one step."""
        rows = self._rows(space, archs, dataset)
        if not (rows >= 0).any():
            nothing = {split: np.full(len(rows), np.nan) for split in SPLITS}
            return Figures(nothing, nothing, np.full(len(rows), ""), np.zeros(len(rows), dtype=int))
        table, known = self._table, rows >= 0
        return Figures(
            {split: np.where(known, table.splits[split].mean[rows], np.nan) for split in SPLITS},
            {split: np.where(known, table.splits[split].best[rows], np.nan) for split in SPLITS},
            np.where(known, table.release[rows], ""),
            np.where(known, table.epochs[rows], 0),
        )

    def networks(self, space: str, archs: Sequence[str], dataset: str) -> list[Network | None]:
        """Return the network of each architecture, in order; None where the table does not say."""
        rows = self._rows(space, archs, dataset).tolist()
        if max(rows, default=-1) < 0:
            return [None] * len(rows)
        found = [(self._table.parameters[row], self._table.mflops[row]) if row >= 0 else (np.nan,) * 2 for row in rows]
        return [
            None if np.isnan(parameters) else Network(int(parameters), _or_none(float(mflops)))
            for parameters, mflops in found
        ]

    @cached_property
    def by_index(self) -> Mapping[int, str]:
        """The architectures by their index in the benchmark's own list; empty where the table has no such list."""
        return archs_by_index(self.path) if "arch" in self._layout.columns else {}

    def _rows(self, space: str, archs: Sequence[str], dataset: str) -> np.ndarray:
        """Return the row of each architecture, -1 where there is none."""
        if not self.covers(space) or not len(archs):
            return np.full(len(archs), -1)
        return self._table.rows(self._layout.keys(archs, dataset))

    @cached_property
    def _table(self) -> Table:
        try:
            file = self.path.stat()
        except OSError:
            return read(self.path, self._layout)  # which says what is wrong
        return _read(self.path, self._layout, (file.st_ino, file.st_mtime_ns, file.st_size))


@lru_cache(maxsize=4)
def _read(path: Path, layout: Layout, version: tuple[int, ...]) -> Table:
    """Read a table once a process for each version of its file: reading checks every row."""
    return read(path, layout)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


@dataclass(frozen=True)
class Network:
    """The network behind a score: its trainable parameters, and its FLOPs in millions where the table has them."""

    parameters: int
    mflops: float | None


@dataclass(frozen=True)
class Figures:
    """What a table says of several architectures: arrays ``(archs,)``.

    Attributes
    ----------
    mean : "valid" and "test" -> accuracy in percent, mean over the trainings; NaN where the table has none.
    best : the same of the best training; NaN where the table has only the mean.
    release, epochs : "" and 0 where the table lacks the architecture.
    """

    mean: dict[str, np.ndarray]
    best: dict[str, np.ndarray]
    release: np.ndarray
    epochs: np.ndarray


class ScoresOracle:
    """A file of scores; see ``results.scores.score``.

    Parameters
    ----------
    path : the file; one that does not exist knows nothing.
    source : "table" or "retrained"; scores of the other kind are not used.
    release : use scores of this release alone. Otherwise the first release in sorted order that knows the
        architecture answers.
    """

    def __init__(self, path: Path, source: str = "table", release: str | None = None) -> None:
        self.path, self.source, self.release = Path(path), source, release

    def score(self, space: str, arch: str, dataset: str) -> Score | None:
        """Return the score of one architecture."""
        return self._content.get((space, arch, dataset))

    def scores(self, space: str, archs: Sequence[str], dataset: str) -> list[Score | None]:
        """Return one entry per architecture, in order."""
        return [self.score(space, arch, dataset) for arch in archs]

    @cached_property
    def _content(self) -> dict[tuple[str, str, str], Score]:
        content: dict[tuple[str, str, str], Score] = {}
        for score in read_scores(self.path):
            if score.source == self.source and self.release in (None, score.release):
                content.setdefault((score.space, score.arch, score.dataset), score)
        return content


class RetrainedOracle(ScoresOracle):
    """What retraining the cells of one experiment wrote: scores of the release ``PURPOSE-EXPERIMENT``.

    Parameters
    ----------
    purpose : "retrain" for what scores a cell, "select" for the short training that chooses one of several.
    """

    def __init__(self, path: Path, experiment: str, purpose: str = "retrain") -> None:
        super().__init__(path, "retrained", f"{purpose}-{experiment}")


class Chain:
    """Several oracles; the first that knows an architecture answers.

    Parameters
    ----------
    aside : others, which answer only where their release is asked for.
    """

    def __init__(self, oracles: Iterable[Oracle], *, aside: Iterable[ScoresOracle] = ()) -> None:
        self.oracles, self.aside = tuple(oracles), tuple(aside)

    def of_release(self, release: str) -> Chain:
        """Return what knows the scores of one retraining alone."""
        return Chain(each for each in (*self.oracles, *self.aside) if getattr(each, "release", None) == release)

    def preferring(self, release: str) -> Chain:
        """Return the same oracles, those of other retrainings after that of one."""
        known = [getattr(each, "release", None) for each in self.oracles]
        rank = [0 if each is None else 1 if each == release else 2 for each in known]
        order = sorted(range(len(rank)), key=lambda place: rank[place])
        return Chain((self.oracles[place] for place in order), aside=self.aside)

    def score(self, space: str, arch: str, dataset: str) -> Score | None:
        """Return the score of one architecture."""
        return self.scores(space, [arch], dataset)[0]

    def scores(self, space: str, archs: Sequence[str], dataset: str) -> list[Score | None]:
        """Return one entry per architecture, in order."""
        found: list[Score | None] = [None] * len(archs)
        for oracle in self.oracles:
            missing = [i for i, score in enumerate(found) if score is None]
            answers = oracle.scores(space, [archs[i] for i in missing], dataset)
            for i, answer in zip(missing, answers, strict=True):
                found[i] = answer
        return found


def of_release(oracle: Oracle, release: str) -> Oracle:
    """Return what an oracle knows of one retraining alone; nothing where it holds none."""
    return oracle.of_release(release) if isinstance(oracle, Chain) else Chain(())


def preferring(oracle: Oracle, release: str) -> Oracle:
    """Return the same oracle, which asks one retraining before others."""
    return oracle.preferring(release) if isinstance(oracle, Chain) else oracle
