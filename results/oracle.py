"""Oracles: how good an architecture is, according to a published table, a file of scores or a retraining."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Protocol

import numpy as np
import pyarrow as pa

from results import parquet
from results.cellhash import cell_hash
from results.errors import InputError
from results.scores import Score, read_scores

_MEND = "remove it and make it anew with 'dnas data fetch' or 'dnas data convert'"


class Oracle(Protocol):
    """Whatever knows scores. An architecture that it does not know is None, never a guess."""

    def score(self, space: str, arch: str, dataset: str) -> Score | None:
        """Return the score of one architecture."""
        ...

    def scores(self, space: str, archs: Sequence[str], dataset: str) -> list[Score | None]:
        """Return one entry per architecture, in order."""
        ...


@dataclass(frozen=True)
class _Layout:
    """What differs between the tables of the two benchmarks."""

    space: str  # what the ids of its spaces begin with
    columns: tuple[str, ...]  # that make a row's key
    row_keys: Callable[[pa.Table], list[str]]
    key: Callable[[str, str], str]  # (architecture, data set) -> key of its row
    epochs: int
    release: str  # where the file does not name its own
    is_figure: Callable[[pa.DataType], bool]


_NASBENCH201 = _Layout(
    space="nasbench201",
    columns=("dataset", "arch"),
    row_keys=lambda table: [
        f"{dataset.lower()} {arch}"
        for dataset, arch in zip(table["dataset"].to_pylist(), table["arch"].to_pylist(), strict=True)
    ],
    key=lambda arch, dataset: f"{dataset.lower()} {arch}",  # the compact table writes imagenet16-120
    epochs=200,
    release="NAS-Bench-201",
    is_figure=pa.types.is_floating,
)
_NASBENCH101 = _Layout(
    space="nasbench1shot1-",
    columns=("module_hash",),
    row_keys=lambda table: table["module_hash"].to_pylist(),
    key=lambda arch, dataset: cell_hash(arch) if dataset == "cifar10" else "",
    epochs=108,
    release="nasbench_only108",
    is_figure=lambda kind: pa.types.is_list(kind) or pa.types.is_large_list(kind),
)


class TableOracle:
    """A published table in this suite's compact form; the file is read when the first score is asked for."""

    def __init__(self, path: Path, layout: _Layout) -> None:
        self.path = path
        self._layout = layout

    @classmethod
    def find(cls, data_dir: Path) -> list[TableOracle]:
        """Return an oracle for each table in ``data_dir``, a full table before a partial one.

        The sample of 20,001 NAS-Bench-101 cells is passed over: it has one training per cell.
        """
        cells = [p for p in Path(data_dir).glob("nasbench101*.parquet") if "-sample" not in p.stem]
        cells.sort(key=lambda p: ("-partial" in p.stem, p.name))
        tables = [(p, _NASBENCH201) for p in Path(data_dir).glob("nasbench201.parquet")]
        return [cls(path, layout) for path, layout in [*tables, *((p, _NASBENCH101) for p in cells)]]

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
        if not space.startswith(self._layout.space):
            return [None] * len(archs)
        table = self._table
        wanted = np.array([self._layout.key(arch, dataset) for arch in archs], dtype=bytes)
        places = np.searchsorted(table.keys, wanted, sorter=table.order)
        rows = table.order[np.minimum(places, len(table.order) - 1)]
        found: list[Score | None] = []
        for arch, row, known in zip(archs, rows.tolist(), table.keys[rows] == wanted, strict=True):
            score = None
            if known:
                (valid, valid_trials), (test, test_trials) = table.figure("valid", row), table.figure("test", row)
                score = Score(
                    space,
                    arch,
                    dataset,
                    valid,
                    test,
                    valid_trials,
                    test_trials,
                    release=table.release,
                    epochs=self._layout.epochs,
                )
            found.append(score)
        return found

    @cached_property
    def _table(self) -> _Table:
        layout, figures = self._layout, ["valid_accuracy", "test_accuracy"]
        table = parquet.read(
            self.path, [*layout.columns, *figures], optional=["valid_trials", "test_trials"], mend=_MEND
        )
        for column in figures:
            if not layout.is_figure(table.schema.field(column).type):
                raise InputError(f"{self.path} has a column '{column}' of another schema; {_MEND}")
        if not table.num_rows:
            raise InputError(f"{self.path} has no rows; {_MEND}")
        # Sorted fixed-width bytes take a third of the memory of a dictionary of strings.
        keys = np.array(layout.row_keys(table), dtype=bytes)
        release = (table.schema.metadata or {}).get(b"release", layout.release.encode()).decode()
        columns = {name: table[name].combine_chunks() for name in table.column_names if name not in layout.columns}
        return _Table(keys, np.argsort(keys), columns, release)


@dataclass(frozen=True)
class _Table:
    """A table in memory: the key of each row, the order that sorts the keys, and the columns with figures."""

    keys: np.ndarray
    order: np.ndarray
    columns: dict[str, pa.Array]
    release: str

    def figure(self, split: str, row: int) -> tuple[float | None, tuple[float, ...]]:
        """Return mean and trials: of a list, or of a mean beside which the trials may stand."""
        value = self.columns[f"{split}_accuracy"][row].as_py()
        if isinstance(value, list):
            return (fmean(value) if value else None), tuple(value)
        trials = self.columns.get(f"{split}_trials")
        return value, () if trials is None else tuple(trials[row].as_py() or ())


class ScoresOracle:
    """A file of scores; see ``results.scores``.

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
    """What retraining the cells of one experiment wrote: scores of the release ``retrain-EXPERIMENT``."""

    def __init__(self, path: Path, experiment: str) -> None:
        super().__init__(path, "retrained", f"retrain-{experiment}")


class Chain:
    """Several oracles; the first that knows an architecture answers."""

    def __init__(self, oracles: Iterable[Oracle]) -> None:
        self.oracles = tuple(oracles)

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
