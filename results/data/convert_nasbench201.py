"""NAS-Bench-201: from either of its releases to tables with one row per cell and data set."""

from __future__ import annotations

import bz2
import operator
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from results import free_memory
from results.data.plausible import is_cell201
from results.data.progress import Progress
from results.errors import InputError
from results.files.unpickle import inflates, numpy_scalar, unpickle

CELLS = 15_625
#: Length of a training in epochs -> what NATS-Bench calls its results, and what NAS-Bench-201 does.
BUDGETS = {200: ("200", "full"), 12: ("12", "less")}

#: Data set -> (training set, evaluation set) of its validation and of its test accuracy. CIFAR-10 is validated on
#: the half that "cifar10-valid" did not train on, and tested after training on both halves, as in the papers.
SPLITS = {
    "cifar10": (("cifar10-valid", "x-valid"), ("cifar10", "ori-test")),
    "cifar100": (("cifar100", "x-valid"), ("cifar100", "x-test")),
    "imagenet16-120": (("ImageNet16-120", "x-valid"), ("ImageNet16-120", "x-test")),
}
_SCHEMA = pa.schema(
    {
        "index": pa.int16(),
        "arch": pa.string(),
        "dataset": pa.dictionary(pa.int8(), pa.string()),
        "valid_accuracy": pa.float64(),
        "test_accuracy": pa.float64(),
        "parameters": pa.int32(),
        "mflops": pa.float64(),
        "valid_trials": pa.list_(pa.float64()),
        "test_trials": pa.list_(pa.float64()),
        "epochs": pa.int16(),
        "release": pa.dictionary(pa.int8(), pa.string()),
    }
)
#: Bytes of memory that a byte of the one-file release takes when read: 6.4 were measured.
MEMORY_PER_BYTE = 7
#: Bytes of a cell's results; a real cell's take less than one percent of it.
_LARGEST = 64 << 20
_FIX = "take the file that 'dnas data fetch nasbench201' gets"

#: What both releases keep of a cell after training for some number of epochs, ``ArchResults.state_dict()`` in
#: D-X-Y/NATS-Bench nats_bench/api_utils.py: ``arch_index``, ``arch_str``, ``dataset_seed`` (training set -> seeds) and
#: ``all_results`` ((training set, seed) -> trial). Of a trial (``ResultsCount``) used here are ``epochs``, ``params``
#: (millions), ``flop`` (millions) and ``eval_acc1es`` ("SET@EPOCH" -> percent).
Results = Mapping[str, Any]


def read(source: Path, progress: Progress) -> dict[int, pa.Table]:
    """Return the scores that ``source`` holds, one table for each length of training.

    Parameters
    ----------
    source : ``NATS-tss-v1_0-3ffb9-simple``, as a folder or as the .tar, which is read cell by cell; or
        ``NAS-Bench-201-v1_1-096897.pth``, which torch reads as a whole.
    progress : called with what is done.

    Returns
    -------
    Epochs -> table with the columns ``index``, ``arch``, ``dataset``, ``valid_accuracy``, ``test_accuracy`` (percent,
    mean over the trials; null where there are none), ``parameters``, ``mflops``, ``valid_trials``, ``test_trials``
    (every trial, by seed), ``epochs`` and ``release``, sorted by data set and index.

    Raises
    ------
    InputError
        The file is damaged, cut off, incomplete, would run code, or needs more memory than there is.
    """
    release = source.name.removesuffix(".pth").removesuffix(".tar").removesuffix("-simple")
    rows: dict[int, list[dict[str, Any]]] = {epochs: [] for epochs in BUDGETS}
    one_file = source.suffix == ".pth"
    for name, cell in _one_file(source, progress) if one_file else _archive(source, progress):
        try:
            for epochs, (key, old_key) in BUDGETS.items():
                rows[epochs] += _rows(cell[old_key if one_file else key], epochs, release)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"{name} is not of NAS-Bench-201 ({error}); {_FIX}") from None
    return {epochs: _table(rows[epochs], source.name) for epochs in BUDGETS}


def _table(rows: list[dict[str, Any]], name: str) -> pa.Table:
    cells = len({row["index"] for row in rows})
    if cells != CELLS or len(rows) != CELLS * len(SPLITS):
        raise InputError(f"{name} has {cells:,} of {CELLS:,} cells, or has some twice; {_FIX}")
    rows.sort(key=lambda row: (row["dataset"], row["index"]))
    return pa.Table.from_pylist(rows, _SCHEMA).replace_schema_metadata(
        {
            "benchmark": "NAS-Bench-201",
            "release": rows[0]["release"],
            "budget_epochs": str(rows[0]["epochs"]),
            "averaged_over": "the trials present",
            "unit": "percent",
            "coverage": "complete",
        }
    )


def _rows(results: Results, epochs: int, release: str) -> Iterator[dict[str, Any]]:
    """Yield the row of each data set."""
    index, arch = operator.index(results["arch_index"]), results["arch_str"]
    if not is_cell201(arch) or not 0 <= index < CELLS:
        raise ValueError(f"it has '{arch}' as cell {index}")
    for dataset, (validation, test) in SPLITS.items():
        valid_trials, test_trials = _accuracies(results, *validation), _accuracies(results, *test)
        # The network is the same in each trial, and in the two trainings for CIFAR-10.
        network = next(iter([*_trials(results, test[0]), *_trials(results, validation[0])]), None)
        yield {
            "index": index,
            "arch": arch,
            "dataset": dataset,
            "valid_accuracy": float(np.mean(valid_trials)) if valid_trials else None,
            "test_accuracy": float(np.mean(test_trials)) if test_trials else None,
            "parameters": round(1e6 * float(network["params"])) if network else None,
            "mflops": float(network["flop"]) if network else None,
            "valid_trials": valid_trials,
            "test_trials": test_trials,
            "epochs": epochs,
            "release": release,
        }


def _trials(results: Results, training_set: str) -> list[Mapping[str, Any]]:
    seeds = results["dataset_seed"].get(training_set, ())
    return [results["all_results"][training_set, seed] for seed in seeds]


def _accuracies(results: Results, training_set: str, evaluation_set: str) -> list[float]:
    """Return the accuracy after the last epoch of each trial that was evaluated on ``evaluation_set``."""
    accuracies = []
    for trial in _trials(results, training_set):
        accuracy = trial["eval_acc1es"].get(f"{evaluation_set}@{trial['epochs'] - 1}")
        if accuracy is not None:
            accuracies.append(float(accuracy))
    if not all(0 <= accuracy <= 100 for accuracy in accuracies):
        raise ValueError(f"an accuracy on {evaluation_set} is not a percentage")
    return accuracies


def _archive(source: Path, progress: Progress) -> Iterator[tuple[str, Any]]:
    """Yield name and content of each cell's file of NATS-Bench."""
    for number, (name, data) in enumerate(_members(source), 1):
        try:
            content = unpickle(_unpacked(data))
        except (OSError, ValueError) as error:
            raise InputError(f"{name} of {source.name} cannot be used ({error}); {_FIX}") from None
        yield f"{name} of {source.name}", content
        progress(f"reading {source.name}", number, CELLS)


def _unpacked(data: bytes) -> bytes:
    """Return what bzip2 packed; a small file may expand to any size."""
    unpacker = bz2.BZ2Decompressor()
    unpacked = unpacker.decompress(data, _LARGEST + 1)
    if len(unpacked) > _LARGEST:
        raise ValueError(f"it expands to more than {_LARGEST:,} bytes")
    if data and not unpacker.eof:
        raise ValueError("Compressed data ended before the end-of-stream marker")
    return unpacked


def _members(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of 000000.pickle.pbz2 and so on, from a folder or its .tar."""
    if source.is_dir():
        for path in sorted(source.glob("[0-9]*.pickle.pbz2")):
            yield path.name, path.read_bytes()
        return
    try:
        with tarfile.open(source, "r|") as tar:
            for member in tar:
                name = Path(member.name).name
                if member.isfile() and re.fullmatch(r"\d+\.pickle\.pbz2", name):
                    if member.size > _LARGEST:
                        raise InputError(f"{name} of {source.name} is larger than any cell's; {_FIX}")
                    file = tar.extractfile(member)
                    assert file is not None
                    yield name, file.read()
    except tarfile.TarError as error:
        raise InputError(f"{source.name} is damaged or cut off ({error}); {_FIX}") from None


def _one_file(source: Path, progress: Progress) -> Iterator[tuple[str, Any]]:
    """Yield name and content of each cell of the release in one file."""
    _require_memory(source)
    if inflates(source):
        raise InputError(f"{source.name} is compressed, which no file of torch's is; {_FIX}")
    import torch

    progress(f"reading {source.name}", 0, CELLS)
    dtypes = {type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32)}
    allowed = [np.dtype, *dtypes, numpy_scalar, (numpy_scalar, "numpy.core.multiarray.scalar")]
    try:
        with torch.serialization.safe_globals(allowed):
            cells = dict(torch.load(source, map_location="cpu", weights_only=True)["arch2infos"])
    except Exception as error:  # whatever torch meets in a damaged file
        foreign = re.search(r"GLOBAL (\S+)", str(error))
        fault = f"it asks for {foreign[1]}" if foreign else f"{type(error).__name__}"
        raise InputError(f"{source.name} cannot be read ({fault}); {_FIX}") from None
    for number, (index, content) in enumerate(cells.items(), 1):
        yield f"cell {index} of {source.name}", content
        progress(f"reading {source.name}", number, CELLS)


def _require_memory(source: Path) -> None:
    needed, there = MEMORY_PER_BYTE * source.stat().st_size, free_memory.available()
    if there < needed:
        raise InputError(
            f"{source.name} takes {needed / 1e9:.1f} GB of memory to read, but only {there / 1e9:.1f} GB are free;"
            " 'dnas data fetch nasbench201' gets a release that is read cell by cell"
        )
