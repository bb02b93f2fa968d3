"""From points to records: rows, manifests, and what reports need to know of a space or a method."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

import spaces
from results.record import OPERATION_PREFIXES, POINT_COLUMNS, SCHEMA, Record, Run
from spaces.base import Space

from . import environment, method
from .config import Experiment, Protocol, config_hash
from .deviations import deviations
from .search import Point

Row = dict[str, Any]


def rows(space: Space, point: Point) -> list[Row]:
    """Return a point's row of each seed."""
    columns = _columns(space)
    found = []
    for index, arch in enumerate(point.archs):
        row: Row = {name: float(point.values[name][index]) if name in point.values else np.nan for name in columns}
        found.append(row | {"epoch": point.epoch, "arch": arch.key, "alpha": point.alpha[index].tolist()})
    return found


def record(
    run: Run,
    experiment: Experiment,
    protocol: Protocol,
    points: list[Row],
    *,
    images_checksum: str,
    group: dict[str, Any],
    device: dict[str, Any],
    status: str = "complete",
    error: str = "",
) -> Record:
    """Return the record of a run.

    Parameters
    ----------
    group, device : what shared the supernet, and where: only bitwise equality depends on it.
    status : "complete", "diverged" or "failed".
    """
    space, searcher = spaces.find(run.space), method.find(run.method)
    table = pd.DataFrame(points, columns=_columns(space))
    manifest = {
        "schema": SCHEMA,
        "run": dataclasses.asdict(run),
        "status": status,
        "error": error,
        "protocol": protocol.as_dict()
        | {"experiment": {"name": experiment.name, "base": experiment.base, "description": experiment.description}},
        "overrides": list(experiment.overrides),
        "config_hash": config_hash(run.space, run.method, protocol),
        "space": {
            "label": space.label,
            "family": space.family,
            "dataset": table_dataset(space, protocol),
            "operations": list(space.operations),
            "parameter_free": list(space.parameter_free),
        },
        "method": {
            "label": searcher.label,
            "colour": searcher.colour,
            "order": searcher.order,
            "levels": searcher.levels,
            "cite": searcher.cite,
        },
        "deviations": [dataclasses.asdict(d) for d in deviations(space, searcher)],
        "cells": {key: _drawing(space, key) for key in sorted(set(table["arch"]))},
        "data": {protocol.images.dataset: images_checksum},
        "git": environment.git_state(),
        "device": device,
        "dates": {"finished": datetime.now(UTC).isoformat(timespec="seconds")},
        "versions": environment.versions(),
        "group": group,
    }
    return Record(run, table, manifest)


def table_dataset(space: Space, protocol: Protocol) -> str:
    """Return the data set under which an architecture of this run is scored."""
    return space.table_datasets[0] if protocol.images.dataset == "cifar10" else protocol.images.dataset


def _columns(space: Space) -> list[str]:
    return [*POINT_COLUMNS, *(prefix + name for prefix in OPERATION_PREFIXES for name in space.operations)]


def _drawing(space: Space, key: str) -> dict[str, Any]:
    drawing = space.drawing(space.parse(key))
    return {"nodes": list(drawing.nodes), "edges": [list(edge) for edge in drawing.edges]}
