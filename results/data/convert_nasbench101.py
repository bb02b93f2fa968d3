"""NAS-Bench-101: from the official file, one row per training, to a table with one row per cell."""

from __future__ import annotations

import json
import math
import re
from array import array
from binascii import a2b_base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from results.data.metrics import final
from results.data.progress import Progress
from results.data.tfrecord import read_records
from results.errors import InputError

CELLS = 423_624
REPEATS = 3
EPOCHS = 108
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
_VERTICES, _EDGES = 7, 9
_REPORT_EVERY = 1 << 14  # records
_SLICE = 1 << 14  # rows
_FIX = "take the file that 'dnas data fetch nasbench101' gets"


def read(source: Path, progress: Progress) -> pa.Table:
    """Return the scores that ``nasbench_only108.tfrecord`` holds, sorted by module hash.

    Each record is ``[module hash, epochs, adjacency, operations, metrics]`` in JSON: the matrix as n x n digits, the
    operations joined by commas, the metrics a ModelMetrics message in base64 (nasbench/api.py). Trainings of another
    length than 108 epochs, which the larger ``nasbench_full.tfrecord`` has too, are passed over. Of each training
    the figures at its end are kept. Memory stays under 500 MB.

    Returns
    -------
    Table with the columns ``module_hash``, ``adjacency`` (n * n of 0 and 1, row by row), ``ops`` (n), and per
    training ``valid_accuracy``, ``test_accuracy`` (percent) and ``train_seconds`` (3 each), and ``parameters``.

    Raises
    ------
    InputError
        The file is damaged or cut off, a cell is outside the space, or does not have three trainings.
    """
    cells, total = _Cells(), source.stat().st_size
    with source.open("rb", buffering=1 << 20) as file:
        for number, payload in enumerate(read_records(file, source.name)):
            try:
                cells.add(payload)
            except (ValueError, TypeError, OverflowError) as error:
                raise InputError(
                    f"record {number:,} of {source.name} is not of NAS-Bench-101 ({error}); {_FIX}"
                ) from None
            if number % _REPORT_EVERY == 0:
                progress(f"reading {source.name}", file.tell(), total)
    progress(f"reading {source.name}", total, total)
    return cells.table()


class _Cells:
    """Cells and their trainings in the order met, as flat arrays: over a million trainings are to fit in memory."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}  # module hash -> place in the next three
        self._graphs, self._labels, self._parameters = array("i"), array("i"), array("i")
        self._graph_codes, self._label_codes = _Codes(_require_graph), _Codes(_require_operations)
        self._row, self._figures = array("i"), array("d")  # per training: one row, three figures

    def add(self, payload: bytes) -> None:
        """Take in one record."""
        module_hash, epochs, adjacency, operations, metrics = json.loads(payload)
        if epochs != EPOCHS:
            return
        seconds, valid, test, parameters = final(a2b_base64(metrics))
        row = self._rows.get(module_hash)
        if row is None:
            row = self._new(module_hash, adjacency, operations, parameters)
        self._row.append(row)
        self._figures.extend((seconds, valid, test))

    def _new(self, module_hash: str, adjacency: str, operations: str, parameters: int) -> int:
        if not re.fullmatch("[0-9a-f]{32}", module_hash):
            raise ValueError(f"'{module_hash}' is not a module hash")
        if len(adjacency) != (operations.count(",") + 1) ** 2:
            raise ValueError(f"a matrix of {len(adjacency)} entries does not fit {operations}")
        self._graphs.append(self._graph_codes[adjacency])
        self._labels.append(self._label_codes[operations])
        self._parameters.append(parameters)
        return self._rows.setdefault(module_hash, len(self._rows))

    def table(self) -> pa.Table:
        """Return one row per cell, sorted by module hash."""
        hashes = np.array(list(self._rows), dtype="S32")
        figures = np.asarray(self._figures).reshape(-1, 3)
        self._require_whole(hashes, figures)
        figures = figures[np.argsort(self._row, kind="stable")].reshape(-1, REPEATS, 3)
        graphs = pa.array([[*map(int, graph)] for graph in self._graph_codes], pa.list_(pa.uint8()))
        labels = pa.array([names.split(",") for names in self._label_codes], pa.list_(pa.string()))
        graph, label, parameters = map(np.asarray, (self._graphs, self._labels, self._parameters))
        order, slices = np.argsort(hashes), []
        for start in range(0, len(order), _SLICE):  # what is needed on the way to a column is several times its size
            rows = order[start : start + _SLICE]
            columns = {
                "module_hash": pa.array(hashes[rows]).cast(pa.string()),
                "adjacency": graphs.take(graph[rows]),
                "ops": labels.take(label[rows]),
                "valid_accuracy": _lists(100 * figures[rows, :, 1]),
                "test_accuracy": _lists(100 * figures[rows, :, 2]),
                "train_seconds": _lists(figures[rows, :, 0]),
                "parameters": pa.array(parameters[rows]),
            }
            slices.append(pa.table(columns))
        return pa.concat_tables(slices).replace_schema_metadata(
            {
                "benchmark": "NAS-Bench-101",
                "release": "nasbench_only108",
                "budget_epochs": str(EPOCHS),
                "repeats": str(REPEATS),
                "unit": "percent",
                "coverage": "complete",
            }
        )

    def _require_whole(self, hashes: np.ndarray, figures: np.ndarray) -> None:
        odd = np.flatnonzero(np.bincount(self._row, minlength=len(hashes)) != REPEATS)
        if len(odd):
            cell = bytes(hashes[odd[0]]).decode()
            raise InputError(f"cell {cell} does not have {REPEATS} trainings of {EPOCHS} epochs; {_FIX}")
        if len(hashes) != CELLS:
            raise InputError(f"there are {len(hashes):,} of {CELLS:,} cells; {_FIX}")
        if not ((figures[:, 1:] >= 0) & (figures[:, 1:] <= 1)).all():
            raise InputError(f"an accuracy is not between 0 and 1; {_FIX}")


class _Codes(dict[str, int]):
    """Numbers the distinct texts, of which there are few, and checks each when it is first met."""

    def __init__(self, require: Callable[[str], None]) -> None:
        super().__init__()
        self._require = require

    def __missing__(self, text: str) -> int:
        self._require(text)
        return self.setdefault(text, len(self))


def _require_graph(adjacency: str) -> None:
    n = math.isqrt(len(adjacency))
    below = any(adjacency[row * n + column] != "0" for row in range(n) for column in range(row + 1))
    if n * n != len(adjacency) or set(adjacency) - {"0", "1"} or below:
        raise ValueError(f"{adjacency} is not a strictly upper triangular matrix of 0 and 1")
    if not 2 <= n <= _VERTICES or adjacency.count("1") > _EDGES:
        raise ValueError(f"{adjacency} has more than {_VERTICES} vertices or {_EDGES} edges")


def _require_operations(operations: str) -> None:
    first, *inner, last = operations.split(",")
    if first != "input" or last != "output" or not set(inner) <= set(OPERATIONS):
        raise ValueError(f"{operations} is not input, operations of {', '.join(OPERATIONS)}, and output")


def _lists(figures: np.ndarray) -> pa.ListArray:
    """Return an array of (cells, n) as one list of n per row."""
    cells, n = figures.shape
    return pa.ListArray.from_arrays(np.arange(0, (cells + 1) * n, n, dtype=np.int32), figures.ravel())
