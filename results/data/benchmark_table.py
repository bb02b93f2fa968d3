"""A published table in memory: many architectures are looked up in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from results.data import plausible
from results.data.cellhash import cell_hash
from results.data.plausible import SPLITS, is_cell201
from results.errors import InputError
from results.files import parquet

#: Columns that a table may have, of the network that was trained.
NETWORK = ("parameters", "mflops")
#: What the metadata may say about the figures.
_UNIT = b"percent"
_FIX = "'dnas data convert' with --replace makes it anew"


def _nasbench201_keys(archs: Sequence[str], dataset: str) -> list[bytes]:
    """Return the keys; the compact table writes imagenet16-120 where the benchmark writes ImageNet16-120."""
    return [f"{dataset} {arch}".encode() for arch in archs]


#: What to take in place of a data set that a table should not hold.
_DATASETS = {
    "cifar10-valid": "its networks were trained on half of the images: take validation accuracies from it and test"
    " accuracies from 'cifar10', as rows of 'cifar10'"
}


@dataclass(frozen=True)
class Layout:
    """What differs between the tables of the two benchmarks.

    Attributes
    ----------
    space : what the ids of its spaces begin with.
    columns : that make a row's key.
    row_keys : the key of each row of these columns.
    keys : (architectures, data set) -> the keys of their rows; the empty key belongs to no row.
    epochs, release : where the file does not say.
    datasets : whose figures it may hold, in lower case.
    in_lists : whether an accuracy is a list with one figure per training, rather than their mean.
    """

    space: str
    columns: tuple[str, ...]
    row_keys: Callable[[pa.Table], list[str]]
    keys: Callable[[Sequence[str], str], list[bytes]]
    epochs: int
    release: str
    datasets: tuple[str, ...]
    in_lists: bool


NASBENCH201 = Layout(
    space="nasbench201",
    columns=("dataset", "arch"),
    row_keys=lambda table: [
        " ".join((dataset.lower(), arch))
        for dataset, arch in zip(table["dataset"].to_pylist(), table["arch"].to_pylist(), strict=True)
    ],
    keys=lambda archs, dataset: _nasbench201_keys(archs, dataset.lower()),
    epochs=200,
    release="NAS-Bench-201",
    datasets=tuple(plausible.CHANCE),
    in_lists=False,
)
NASBENCH101 = Layout(
    space="nasbench1shot1-",
    columns=("module_hash",),
    row_keys=lambda table: table["module_hash"].to_pylist(),
    keys=lambda archs, dataset: [cell_hash(arch).encode() if dataset == "cifar10" else b"" for arch in archs],
    epochs=108,
    release="nasbench_only108",
    datasets=("cifar10",),
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

    @property
    def rows(self) -> np.ndarray:
        """The row of each training, ``(trials,)``."""
        return np.repeat(np.arange(len(self.mean)), np.diff(self.first))

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
    parameters, mflops : of the network that was trained, and its FLOPs in millions; NaN where the table has none.
    """

    keys: np.ndarray
    splits: dict[str, Split]
    release: np.ndarray
    epochs: np.ndarray
    parameters: np.ndarray
    mflops: np.ndarray

    def rows(self, keys: list[bytes]) -> np.ndarray:
        """Return the row of each key, -1 where there is none."""
        wanted = np.array(keys, dtype=bytes)
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, places, -1)


def read(path: Path, layout: Layout) -> Table:
    """Read a table; scoring and ``dnas data verify`` both use this function.

    A training without a figure is left out, and a mean is over the others. Rows are not changed otherwise.

    Raises
    ------
    InputError
        The file is absent, damaged, empty or of another schema, names a cell twice or one that does not exist, or holds
        what cannot be the accuracies, in percent, of these data sets (``results.data.plausible``).
    """
    figures = [f"{split}_accuracy" for split in SPLITS]
    optional = ["release", "epochs", *NETWORK, *(() if layout.in_lists else (f"{split}_trials" for split in SPLITS))]
    return of(parquet.read(path, [*layout.columns, *figures], optional=optional, fix=_FIX), path, layout)


def archs_by_index(path: Path) -> dict[int, str]:
    """Return the architectures of a table by their index in the benchmark's own list; none where it has none."""
    try:
        content = parquet.read(path, ["arch"], optional=["index"], fix=_FIX)
        if "index" not in content.column_names:
            return {}
        return dict(zip(content["index"].cast(pa.int64()).to_pylist(), content["arch"].to_pylist(), strict=True))
    except pa.ArrowException as error:
        raise InputError(f"{path} has another schema ({str(error).splitlines()[0]}); {_FIX}") from None


def of(content: pa.Table, path: Path, layout: Layout) -> Table:
    """Return the rows of a table that is in ``path``, or is to be, checked as ``read`` says."""
    figures = [f"{split}_accuracy" for split in SPLITS]
    if wrong := _wrong_type(content, figures, layout):
        raise InputError(f"{path} {wrong}; {_FIX}")
    if not content.num_rows:
        raise InputError(f"{path} has no rows; {_FIX}")
    metadata = content.schema.metadata or {}
    named = metadata.get(b"release", layout.release.encode()).decode(errors="replace")
    try:
        keys = np.array([key.encode() for key in layout.row_keys(content)], dtype=bytes)
        order = np.argsort(keys)
        content, keys = content.take(_positions(order)), keys[order]
        table = Table(
            keys,
            {split: _split(content, split) for split in SPLITS},
            _column(content, "release", pa.string(), named),
            _column(content, "epochs", pa.int64(), layout.epochs),
            *(_column(content, name, pa.float64(), np.nan).astype(float) for name in NETWORK),
        )
    except (pa.ArrowException, AttributeError, TypeError) as error:  # the latter two of a key that is null
        raise InputError(f"{path} has another schema ({str(error).splitlines()[0]}); {_FIX}") from None
    if (unit := metadata.get(b"unit", _UNIT)) != _UNIT:
        raise InputError(f"{path} has the unit '{unit.decode(errors='replace')}' instead of percent; {_FIX}")
    if fault := _fault(content, table, layout):
        raise InputError(f"{path}: {fault}; {_FIX}")
    return table


# Arrow's own ``pa.array`` and ``to_numpy`` import pandas, which takes longer than reading a table: buffers do not.


def _positions(order: np.ndarray) -> pa.Array:
    """Return positions as Arrow takes them."""
    return pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order.astype(np.int64))])


def _floats(values: pa.Array) -> np.ndarray:
    """Return numbers as float64, NaN in each gap."""
    values = values.cast(pa.float64())
    if not len(values):
        return np.empty(0)
    present, numbers = values.buffers()
    found = np.frombuffer(numbers, np.float64)[values.offset :][: len(values)].copy()
    if values.null_count:
        bits = np.unpackbits(np.frombuffer(present, np.uint8), bitorder="little")
        found[bits[values.offset :][: len(values)] == 0] = np.nan
    return found


def _wrong_type(content: pa.Table, figures: Sequence[str], layout: Layout) -> str:
    """Return which column does not hold what it should; nothing where all do."""
    for column in figures:
        kind = content.schema.field(column).type
        number = kind.value_type if _is_list(kind) else kind
        if _is_list(kind) != layout.in_lists or not (pa.types.is_floating(number) or pa.types.is_null(number)):
            needed = "a list of numbers, one a training" if layout.in_lists else "a number"
            return f"has {kind} in the column '{column}', where it needs {needed}"
    return ""


def _fault(content: pa.Table, table: Table, layout: Layout) -> str:
    """Return why rows cannot be used: their names, or their figures; nothing where they can."""
    if len(twice := np.flatnonzero(table.keys[1:] == table.keys[:-1])):
        return f"it has {bytes(table.keys[twice[0]]).decode()} twice"
    archs, datasets = None, np.full(content.num_rows, layout.datasets[0])
    if "dataset" in layout.columns:
        archs = content["arch"].to_pylist()
        datasets = np.array([name.lower() for name in content["dataset"].to_pylist()])
        for name in sorted(set(datasets.tolist()) - set(layout.datasets)):
            return f"it holds the data set '{name}'; {_DATASETS.get(name, 'known are ' + ', '.join(layout.datasets))}"
        if odd := next((arch for arch in dict.fromkeys(archs) if not is_cell201(arch)), None):
            return f"it names the cell '{odd}', which NAS-Bench-201 does not have"
    trials = {name: (split.rows, split.trials) for name, split in table.splits.items()}
    means = {name: split.mean for name, split in table.splits.items()}
    return plausible.fault(plausible.Figures(archs, datasets, means, trials, table.epochs.astype(int)))


def _split(content: pa.Table, split: str) -> Split:
    accuracy, name = content[f"{split}_accuracy"].combine_chunks(), f"{split}_trials"
    in_lists = _is_list(accuracy.type)
    lists = accuracy if in_lists else content[name].combine_chunks() if name in content.column_names else None
    count = np.zeros(len(accuracy), dtype=np.int64)
    trials = np.empty(0)
    if lists is not None:
        count = np.nan_to_num(_floats(lists.value_lengths())).astype(np.int64)
        trials = _floats(lists.flatten())
    row = np.repeat(np.arange(len(count)), count)
    present = ~np.isnan(trials)  # a mean is over the trainings that have a figure
    row, trials = row[present], trials[present]
    count = np.bincount(row, minlength=len(count))
    best = np.full(len(count), -np.inf)
    np.maximum.at(best, row, trials)
    mean = np.bincount(row, trials, len(count)) / np.where(count, count, np.nan)
    if not in_lists:
        stated = _floats(accuracy)
        mean = np.where(np.isnan(stated), mean, stated)
    return Split(mean, np.where(count, best, np.nan), trials, np.concatenate([[0], np.cumsum(count)]))


def _column(content: pa.Table, name: str, kind: pa.DataType, default: str | float) -> np.ndarray:
    """Return the column, or the default for each row where the table has no such column or a gap in it."""
    if name not in content.column_names:
        return np.broadcast_to(np.array(default, dtype=object), content.num_rows)
    values = content[name].cast(kind).to_pylist()
    return np.array([default if value is None else value for value in values], dtype=object)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)
