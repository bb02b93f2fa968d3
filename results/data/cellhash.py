"""The NAS-Bench-101 module hash of a NAS-Bench-1Shot1 cell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa

from results.data.progress import Progress, shown
from results.errors import InputError
from results.files import parquet

#: Labels that NAS-Bench-101 gives to the operations; its input is -1 and its output -2.
_LABELS = {"conv3x3": 0, "conv1x1": 1, "maxpool3x3": 2}
_REPORT_EVERY = 256

_known: dict[str, str] = {}  # what was hashed, or read from a file of hashes, in this process


def cell_hash(arch: str) -> str:
    """Return the hash under which NAS-Bench-101 files the cell ``BITS:OPS``.

    Raises
    ------
    InputError
        ``arch`` is not such a key.
    """
    if arch not in _known:
        matrix, labels = _parse(arch)
        _known[arch] = _graph_util().hash_module(matrix, labels)
    return _known[arch]


def hashed_cells(
    path: Path, version: str, cells: Callable[[], Iterable[str]], progress: Progress | None = None
) -> tuple[str, ...]:
    """Return the cells of a space, each of which ``cell_hash`` answers at once from then on.

    Enumerating and hashing the largest space takes a quarter of a minute: the outcome is kept in ``path``, and made
    anew where the file is absent, damaged or of another version. A folder that cannot be written to is done without.

    Parameters
    ----------
    version : what ``cells`` and hashes depend on; a file of another version is not used.
    cells : enumerates the cells, in the order in which they are returned.
    """
    found = _read(path, version)
    if found is None:
        archs = [*cells()]
        with shown(progress) as report:
            for done in range(0, len(archs), _REPORT_EVERY):
                report(f"hashing {path.stem}, once", done, len(archs))
                for arch in archs[done : done + _REPORT_EVERY]:
                    cell_hash(arch)
            report(f"hashing {path.stem}, once", len(archs), len(archs))
        found = archs, [cell_hash(arch) for arch in archs]
        with suppress(OSError):
            metadata = {"version": version, "sha256": _digest(*found)}
            parquet.write(path, pa.table(dict(zip(("arch", "module_hash"), found, strict=True)), metadata=metadata))
    _known.update(zip(*found, strict=True))
    return tuple(found[0])


def _read(path: Path, version: str) -> tuple[list[str], list[str]] | None:
    """Return cells and hashes; None where the file is absent, damaged or of another version."""
    try:
        table = parquet.read(path, ["arch", "module_hash"], fix="")
        found = table["arch"].to_pylist(), table["module_hash"].to_pylist()
        sound = table.schema.metadata == {b"version": version.encode(), b"sha256": _digest(*found).encode()}
    except (InputError, TypeError, UnicodeError):
        return None
    return found if sound else None


def _digest(archs: list[str], hashes: list[str]) -> str:
    return hashlib.sha256("\n".join([*archs, *hashes]).encode()).hexdigest()


def _parse(arch: str) -> tuple[np.ndarray, list[int]]:
    """Return the (n, n) adjacency matrix and the n labels."""
    bits, colon, names = arch.partition(":")
    inner = names.split(",") if names else []
    n = len(inner) + 2
    if not colon or len(bits) != n * (n - 1) // 2 or set(bits) - {"0", "1"} or set(inner) - set(_LABELS):
        raise InputError(f"'{arch}' is not a NAS-Bench-101 cell; write BITS:OPS, as in 101:conv3x3")
    matrix = np.zeros((n, n), dtype=np.int64)
    matrix[np.triu_indices(n, k=1)] = [int(b) for b in bits]
    return matrix, [-1, *(_LABELS[name] for name in inner), -2]


@cache
def _graph_util() -> ModuleType:
    """Load ``nasbench_pytorch.model.graph_util`` alone: its packages would import torch."""
    package = find_spec("nasbench_pytorch")
    if package is None or not package.submodule_search_locations:
        raise InputError("scoring NAS-Bench-1Shot1 cells needs nasbench-pytorch; pip install nasbench-pytorch")
    path = Path(package.submodule_search_locations[0], "model", "graph_util.py")
    spec = spec_from_file_location("results._graph_util", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be loaded; reinstall nasbench-pytorch")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
