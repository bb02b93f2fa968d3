"""The operations that the key of an architecture names, by kind of cell."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z]\w*")


def operations(key: str) -> dict[str, list[str]]:
    """Return the operations of each kind of cell, one an entry.

    The key of an architecture of several kinds of cells is ``CELL:OPERATIONS;CELL:OPERATIONS``. Of any other, the one
    kind has no name: ``""``.
    """
    found = {}
    for part in key.split(";"):
        cell, _, rest = part.partition(":")
        named = bool(rest) and _NAME.fullmatch(cell) is not None
        found[cell if named else ""] = _NAME.findall(rest if named else part)
    return found


def operations_in(key: str, cell: str = "") -> list[str]:
    """Return the operations of one kind of cell, or of all, one an entry."""
    found = operations(key)
    return found.get(cell, []) if cell else [name for names in found.values() for name in names]
