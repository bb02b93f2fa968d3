"""From points to records: rows, manifests, and what reports need to know of a space or a method."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

import spaces
from bench.arms import Arm
from bench.machine import environment
from bench.methods.method import Method
from bench.search import Point
from results.records.manifest import SCHEMA, Manifest
from results.records.record import IMPORTED, OPERATION_PREFIXES, POINT_COLUMNS, SELECTION_COLUMNS, Record
from results.records.run import Run
from spaces.base import Space

from .deviations import deviations

Row = dict[str, Any]

#: The data set of other codes' searches.
_SEARCHED = "cifar10"


def rows(space: Space, point: Point) -> list[Row | None]:
    """Return a point's row of each seed; None for a seed whose alphas are not finite, which has no such point."""
    columns = _columns(space)
    found: list[Row | None] = []
    for index, arch in enumerate(point.archs):
        if arch is None:
            found.append(None)
            continue
        row: Row = {name: float(point.values[name][index]) if name in point.values else np.nan for name in columns}
        row |= {"epoch": point.epoch, "arch": arch.key, "alpha": point.alpha[index].tolist()}
        if point.stage:
            row |= {"stage": point.stage, "tried": [] if point.tried is None else point.tried[index].tolist()}
        found.append(row)
    return found


def record(
    arm: Arm,
    seed: int,
    points: list[Row],
    *,
    images_checksum: str,
    group: dict[str, Any],
    device: dict[str, Any],
    status: str = "complete",
    error: str = "",
) -> Record:
    """Return the record of one seed of an arm.

    Parameters
    ----------
    group, device : what shared the supernet, and where: only bitwise equality depends on it.
    status : "complete", "diverged" or "failed".
    """
    run, space, protocol = arm.run(seed), arm.space, arm.protocol
    about = dataclasses.asdict(arm.about)
    overrides = about.pop("overrides")
    manifest = {
        **_description(run, space, arm.method, points),
        "status": status,
        "error": error,
        "protocol": protocol.as_dict() | {"experiment": about},
        "overrides": list(overrides),
        "config_hash": arm.hash,
        "data": {protocol.images.dataset: images_checksum},
        "device": device,
        "group": group,
    }
    manifest["space"]["dataset"] = protocol.images.dataset
    manifest["deviations"] = [deviation.model_dump() for deviation in deviations(arm)]
    columns = [*_columns(space), *(SELECTION_COLUMNS if arm.method.select else ())]
    return Record(run, pd.DataFrame(points, columns=columns), Manifest.of(manifest))


def imported(
    run: Run, searcher: Method, points: list[Row], *, source: str, kind: Literal["search", "final"], epochs: int | None
) -> Record:
    """Return the record of another code's search, of which only what ``points`` holds is known."""
    space = spaces.find(run.space)
    what = "A search of another code" if kind == "search" else "The final architecture alone of another code's search"
    description = f"{what}, imported from {source}."
    manifest = {
        **_description(run, space, searcher, points),
        "imported": {"source": source, "kind": kind, "epochs": epochs},
        "status": "complete",
        "error": "",
        "protocol": {"experiment": {"name": run.experiment, "base": run.experiment, "description": description}},
        "overrides": [],
        "config_hash": IMPORTED,
        "data": {},
        "device": {"name": "unknown"},
        "group": {"seeds": [run.seed]},
    }
    return Record(run, pd.DataFrame(points, columns=_columns(space)), Manifest.of(manifest))


def _description(run: Run, space: Space, searcher: Method, points: list[Row]) -> dict[str, Any]:
    """Return the part of a manifest that follows from run, space and method."""
    return {
        "schema": SCHEMA,
        "run": dataclasses.asdict(run),
        "space": {
            "label": space.label,
            "family": space.family,
            "dataset": _SEARCHED,
            "metric": space.metric,
            "operations": list(space.operations),
            "parameter_free": list(space.parameter_free),
        },
        "method": {
            "label": searcher.label,
            "colour": searcher.colour,
            "order": searcher.order,
            "levels": searcher.levels,
            **({} if searcher.levels or searcher.independent else {"independent": False}),
            "cite": searcher.cite,
            **({"base": searcher.id} if searcher.id != run.method else {}),  # of a variant
        },
        "deviations": [],
        "cells": {key: _drawing(space, key) for key in sorted({point["arch"] for point in points})},
        "git": environment.git_state(),
        "dates": {"finished": datetime.now(UTC).isoformat(timespec="seconds")},
        "versions": environment.versions(),
    }


def _columns(space: Space) -> list[str]:
    return [*POINT_COLUMNS, *(prefix + name for prefix in OPERATION_PREFIXES for name in space.operations)]


def _drawing(space: Space, key: str) -> dict[str, Any]:
    drawing = space.drawing(space.parse(key))
    kinds = {"kinds": list(drawing.kinds)} if drawing.kinds else {}
    return {"nodes": list(drawing.nodes), "edges": [list(edge) for edge in drawing.edges], **kinds}
