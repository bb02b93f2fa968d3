"""The NAS-Bench-101 module hash of a NAS-Bench-1Shot1 cell."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np

from results.errors import InputError

#: Labels that NAS-Bench-101 gives to the operations; its input is -1 and its output -2.
_LABELS = {"conv3x3": 0, "conv1x1": 1, "maxpool3x3": 2}


@cache
def cell_hash(arch: str) -> str:
    """Return the hash under which NAS-Bench-101 files the cell ``BITS:OPS``.

    Raises
    ------
    InputError
        ``arch`` is no such key.
    """
    matrix, labels = _parse(arch)
    return _graph_util().hash_module(matrix, labels)


def _parse(arch: str) -> tuple[np.ndarray, list[int]]:
    """Return the (n, n) adjacency matrix and the n labels."""
    bits, colon, names = arch.partition(":")
    inner = names.split(",") if names else []
    n = len(inner) + 2
    if not colon or len(bits) != n * (n - 1) // 2 or set(bits) - {"0", "1"} or set(inner) - set(_LABELS):
        raise InputError(f"'{arch}' is no NAS-Bench-1Shot1 cell; write BITS:OPS, as in 101:conv3x3")
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
