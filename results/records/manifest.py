"""What the manifest of a record must look like before anything believes it: its file may come from anywhere."""

from __future__ import annotations

import dataclasses
from typing import Any

from results.records.record import Deviation

STATUSES = ("complete", "failed", "diverged")
_REQUIRED = ("schema", "run", "status", "config_hash", "space", "method")

#: A type; [shape] for a list of such; a dict of shapes by key, where ``...`` stands for every other key.
_SHAPE: dict[Any, Any] = {
    "schema": int,
    "status": str,
    "error": str,
    "config_hash": str,
    "protocol": {"experiment": {"name": str, "base": str, "description": str}, "training": {"epochs": int}},
    "overrides": [str],
    "space": {
        "label": str,
        "family": str,
        "dataset": str,
        "operations": [str],
        "parameter_free": [str],
    },
    "method": {"label": str, "order": (int, float), "levels": int, "cite": str},
    "deviations": [{...: str}],
    "cells": {...: {"nodes": [str], "edges": [list]}},
    "data": {...: str},
    "git": dict,
    "device": {"name": str},
    "dates": dict,
    "versions": dict,
    "group": {"seeds": [int]},
}


def fault(manifest: Any) -> str:
    """Return what is wrong with a manifest, in a few words; nothing where it can be relied on."""
    if not isinstance(manifest, dict):
        return "it is no table of keys"
    missing = [key for key in _REQUIRED if key not in manifest]
    if missing:
        return f"it is without '{missing[0]}'"
    if found := _misshapen(manifest, _SHAPE, ""):
        return f"{found} is not of the right type"
    if "dataset" not in manifest["space"]:
        return "it is without 'space.dataset'"
    if manifest["status"] not in STATUSES:
        return f"its status is none of {', '.join(STATUSES)}"
    if not all(map(_is_deviation, manifest.get("deviations", ()))):
        return "a deviation is incomplete"
    if not all(map(_is_drawing, manifest.get("cells", {}).values())):
        return "a cell cannot be drawn"
    return ""


def _misshapen(value: Any, shape: Any, where: str) -> str:
    """Return the first place whose type is wrong, such as ``'space.label'``; nothing where all are right."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"'{where}'"
        inner = [(value[key], shape.get(key, shape.get(...)), f"{where}.{key}".strip(".")) for key in value]
    elif isinstance(shape, list):
        if not isinstance(value, list):
            return f"'{where}'"
        inner = [(entry, shape[0], where) for entry in value]
    else:
        right = isinstance(value, shape) and (not isinstance(value, bool) or shape is bool)
        return "" if right else f"'{where}'"
    return next((found for one, of, at in inner if of is not None and (found := _misshapen(one, of, at))), "")


def _is_deviation(entry: dict[str, str]) -> bool:
    fields = dataclasses.fields(Deviation)
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    return needed <= entry.keys() <= {field.name for field in fields}


def _is_drawing(cell: dict[str, Any]) -> bool:
    """Whether edges lead from a node to a later one."""
    if not {"nodes", "edges"} <= cell.keys():
        return False
    for edge in cell["edges"]:
        if len(edge) != 3 or [type(part) for part in edge] != [int, int, str]:
            return False
        if not 0 <= edge[0] < edge[1] < len(cell["nodes"]):
            return False
    return True
