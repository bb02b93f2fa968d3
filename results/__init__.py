"""What came out: records, their store, oracles that score architectures, claims and statistics."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "load": "results.records.frame.load",  # read the records of a folder as one table, one row per point
}


def __getattr__(name: str) -> Any:
    module, _, attribute = _PUBLIC.get(name, "").rpartition(".")
    if not module:
        raise AttributeError(f"module 'results' has no attribute '{name}'")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
