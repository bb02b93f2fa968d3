"""Notations of NAS-Bench-101 cells, whose operations sit on nodes.

* ``BITS:OPS``, also with the operations' full names, such as ``conv3x3-bn-relu``.
* a matrix with its operations, as ``ModelSpec`` of NAS-Bench-101 has them: ``([[0, 1], [0, 0]], ["input", "output"])``,
  or a dictionary of both, such as ``{"matrix": ..., "ops": ...}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from . import literal

_SUFFIX = "-bn-relu"
_MATRIX = ("matrix", "adjacency", "module_adjacency", "original_matrix")
_OPERATIONS = ("ops", "operations", "module_operations", "original_ops", "labels")


def told(text: str) -> str:
    """Return the key that a text means."""
    if text[:1] in tuple("[({"):
        return _of_matrix(text)
    bits, colon, names = text.partition(":")
    return bits.strip() + colon + ",".join(_bare(name) for name in names.split(","))


def _bare(name: str) -> str:
    return name.strip().strip("\"'").strip().removesuffix(_SUFFIX)


def _of_matrix(text: str) -> str:
    value = literal(text)
    if isinstance(value, dict):
        value = [next((value[name] for name in names if name in value), None) for names in (_MATRIX, _OPERATIONS)]
    matrix, operations = value if isinstance(value, list | tuple) and len(value) == 2 else (None, None)
    if not (_is_matrix(matrix) and _are_names(operations) and len(matrix) == len(operations)):
        raise ValueError(
            f"'{text}' is not a matrix with one operation per row, as in ([[0, 1], [0, 0]], ['input', 'output'])"
        )
    first, *inner, last = map(_bare, operations)
    if (first, last) != ("input", "output"):
        raise ValueError(f"the operations in '{text}' do not begin with 'input' and end with 'output'")
    if any(entry for row, entries in enumerate(matrix) for entry in entries[: row + 1]):
        raise ValueError(f"the matrix in '{text}' has an edge that leads back; it must be upper triangular")
    bits = "".join(str(int(entry)) for row, entries in enumerate(matrix) for entry in entries[row + 1 :])
    return f"{bits}:{','.join(inner)}"


def _is_matrix(value: Any) -> TypeGuard[list[list[int]]]:
    if not isinstance(value, list | tuple):
        return False
    return all(
        isinstance(row, list | tuple) and len(row) == len(value) and all(entry in (0, 1) for entry in row)
        for row in value
    )


def _are_names(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list | tuple) and len(value) >= 2 and all(isinstance(name, str) for name in value)


NOTATIONS: Mapping[str, Callable[[str], str]] = {"": told}
