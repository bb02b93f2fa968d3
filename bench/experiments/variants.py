"""Variants: a method under an id of its own, with settings of its own.

``[variants."darts-2nd-l2-81"]`` holds ``method``, ``label``, and the tables ``params``, ``training`` and ``measure``.
They override those of ``methods.METHOD`` wherever in the same file these stand. The id stands where a method's id
would: in paths, figures, claims and on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.methods import method
from results.errors import InputError, suggest

_KEYS = {"method": str, "label": str, "params": dict, "training": dict, "measure": dict}


@dataclass(frozen=True)
class Variant:
    """The method that a variant runs, and how it is called in print."""

    method: str
    label: str


def read(layers: Iterable[Mapping[str, Any]]) -> dict[str, Variant]:
    """Return the variants of an experiment; raise ``InputError`` for the first fault.

    Parameters
    ----------
    layers : the ``variants`` table of the experiment's file, then that of its overrides.
    """
    merged: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for name, table in layer.items():
            _check(name, table)
            merged[name] = merged.get(name, {}) | table
    for name, table in merged.items():
        for key in ("method", "label"):
            if not table.get(key, "").strip():
                raise InputError(f"the variant '{name}' lacks '{key}'; add it to [variants.{name}]")
        if table["method"] not in method.names():
            nearest = suggest(table["method"], method.names())
            raise InputError(f"the variant '{name}' is of an unknown method '{table['method']}'{nearest}")
    return {name: Variant(table["method"], table["label"]) for name, table in merged.items()}


def _check(name: str, table: Any) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise InputError(f"'{name}' cannot name a variant; write it in small letters, digits and hyphens")
    if name in method.names():
        raise InputError(f"the variant '{name}' has the id of a method; give it another")
    if not isinstance(table, dict):
        raise InputError(f"'variants.{name}' should be a table, not {table!r}")
    for key, value in table.items():
        if key not in _KEYS:
            raise InputError(f"unknown key 'variants.{name}.{key}'{suggest(key, _KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise InputError(f"'variants.{name}.{key}' should be a {_KEYS[key].__name__}, not {value!r}")
    for key in ("training", "measure"):
        if key in table.get("params", {}):
            raise InputError(f"'variants.{name}.params.{key}' is no parameter; write variants.{name}.{key}")


def scope(table: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Return a variant's table as the tables of an experiment that hold the same of its method."""
    own = {key: table[key] for key in ("training", "measure") if key in table}
    return {"methods": {base: table.get("params", {}) | own}}
