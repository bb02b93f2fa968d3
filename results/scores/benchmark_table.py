"""A published table in memory: many architectures are looked up in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from results.errors import InputError
from results.files import parquet
from results.scores.cellhash import cell_hash

SPLITS = ("valid", "test")
_MEND = "'dnas data convert' with --replace makes it anew"


def _nasbench201_keys(archs: Sequence[str], dataset: str) -> list[bytes]:
    """Return the keys; the compact table writes imagenet16-120 where the benchmark writes ImageNet16-120."""
    return [f"{dataset} {arch}".encode() for arch in archs]


@dataclass(frozen=True)
class Layout:
    """What differs between the tables of the two benchmarks.

    Attributes
    ----------
    space : what the ids of its spaces begin with.
    columns : that make a row's key.
    row_keys : the key of each row of these columns.
    keys : (architectures, data set) -> the keys of their rows; the empty key is no row's.
    epochs, release : where the file does not say.
    in_lists : whether an accuracy is a list with one figure a training, rather than their mean.
    """

    space: str
    columns: tuple[str, ...]
    row_keys: Callable[[pa.Table], pa.ChunkedArray]
    keys: Callable[[Sequence[str], str], list[bytes]]
    epochs: int
    release: str
    in_lists: bool


NASBENCH201 = Layout(
    space="nasbench201",
    columns=("dataset", "arch"),
    row_keys=lambda table: pc.binary_join_element_wise(  # pyright: ignore[reportAttributeAccessIssue]
        pc.utf8_lower(table["dataset"].cast(pa.large_string())),  # pyright: ignore[reportAttributeAccessIssue]
        table["arch"].cast(pa.large_string()),
        pa.scalar(" ", pa.large_string()),
    ),
    keys=lambda archs, dataset: _nasbench201_keys(archs, dataset.lower()),
    epochs=200,
    release="NAS-Bench-201",
    in_lists=False,
)
NASBENCH101 = Layout(
    space="nasbench1shot1-",
    columns=("module_hash",),
    row_keys=lambda table: table["module_hash"],
    keys=lambda archs, dataset: [cell_hash(arch).encode() if dataset == "cifar10" else b"" for arch in archs],
    epochs=108,
    release="nasbench_only108",
    in_lists=True,
)


@dataclass(frozen=True)
class Split:
    """Validation or test accuracy in percent: the figures of each row.

    Attributes
    ----------
    mean : over the trainings, ``(rows,)``; NaN where there are none.
    best : of the best training, ``(rows,)``; NaN where only the mean is known.
    trials : of every training, row by row; ``first`` holds where each row's begin, ``(rows + 1,)``.
    """

    mean: np.ndarray
    best: np.ndarray
    trials: np.ndarray
    first: np.ndarray

    def trials_of(self, row: int) -> tuple[float, ...]:
        """Return the accuracy of each training; none where only the mean is known."""
        return tuple(self.trials[self.first[row] : self.first[row + 1]].tolist())


@dataclass(frozen=True)
class Table:
    """A table in memory, sorted by key.

    Attributes
    ----------
    keys : bytes ``(rows,)``; fixed-width and sorted, they take a third of the memory of a dictionary of strings.
    splits : "valid" and "test".
    release, epochs : of each row, ``(rows,)``.
    """

    keys: np.ndarray
    splits: dict[str, Split]
    release: np.ndarray
    epochs: np.ndarray

    def rows(self, keys: list[bytes]) -> np.ndarray:
        """Return the row of each key, -1 where there is none."""
        wanted = np.array(keys, dtype=bytes)
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, places, -1)


def read(path: Path, layout: Layout) -> Table:
    """Read a table.

    Raises
    ------
    InputError
        The file is absent, damaged, empty, or of another schema.
    """
    figures = [f"{split}_accuracy" for split in SPLITS]
    optional = ["release", "epochs", *(() if layout.in_lists else (f"{split}_trials" for split in SPLITS))]
    content = parquet.read(path, [*layout.columns, *figures], optional=optional, mend=_MEND)
    for column in figures:
        kind = content.schema.field(column).type
        if not (_is_list(kind) if layout.in_lists else pa.types.is_floating(kind)):
            raise InputError(f"{path} has a column '{column}' of another schema; {_MEND}")
    if not content.num_rows:
        raise InputError(f"{path} has no rows; {_MEND}")
    named = (content.schema.metadata or {}).get(b"release", layout.release.encode()).decode(errors="replace")
    try:
        keys = np.array([key.encode() for key in layout.row_keys(content).to_pylist()], dtype=bytes)
        order = np.argsort(keys)
        content = content.take(order)
        return Table(
            keys[order],
            {split: _split(content, split) for split in SPLITS},
            _column(content, "release", pa.string(), named),
            _column(content, "epochs", pa.int64(), layout.epochs),
        )
    except (pa.ArrowException, AttributeError) as error:  # the latter of a key that is null
        raise InputError(f"{path} is of another schema ({str(error).splitlines()[0]}); {_MEND}") from None


def _split(content: pa.Table, split: str) -> Split:
    accuracy, name = content[f"{split}_accuracy"].combine_chunks(), f"{split}_trials"
    in_lists = _is_list(accuracy.type)
    lists = accuracy if in_lists else content[name].combine_chunks() if name in content.column_names else None
    count = np.zeros(len(accuracy), dtype=np.int64)
    trials = np.empty(0)
    if lists is not None:
        count = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        trials = lists.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(count)), count)
    best = np.full(len(count), -np.inf)
    np.maximum.at(best, row, trials)
    if in_lists:
        mean = np.bincount(row, trials, len(count)) / np.where(count, count, np.nan)
    else:
        mean = accuracy.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return Split(mean, np.where(count, best, np.nan), trials, np.concatenate([[0], np.cumsum(count)]))


def _column(content: pa.Table, name: str, kind: pa.DataType, default: str | int) -> np.ndarray:
    """Return the column, or the default for each row where the table has no such column or a gap in it."""
    if name not in content.column_names:
        return np.broadcast_to(np.array(default, dtype=object), content.num_rows)
    values = content[name].cast(kind).fill_null(default)
    return values.to_numpy().astype(object)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)
