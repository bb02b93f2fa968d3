"""Records as one table."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from results.records.record import POINT_COLUMNS
from results.records.store import Store


def load(
    runs: Path | str = "results/runs",
    experiment: str | None = None,
    space: str | None = None,
    method: str | None = None,
) -> pd.DataFrame:
    """Return the points of all records of a folder, or of some, one row per point.

    Files that cannot be read are left out, each with a warning.

    Returns
    -------
    A table with the columns ``experiment``, ``space``, ``method``, ``seed``, ``status``, ``imported`` and
    ``config_hash``, and those of ``Record.points``; accuracies in percent, ``seconds`` of an epoch. Where one of the
    methods selects, ``stage`` and ``tried`` are among them, missing in the rows of the others.
    """
    store = Store(Path(runs))
    for _, why in store.unreadable():
        warnings.warn(why, stacklevel=2)
    tables = []
    for record in store.records(experiment, space, method):
        run = record.run
        about = {
            "experiment": run.experiment,
            "space": run.space,
            "method": run.method,
            "seed": run.seed,
            "status": record.manifest.status,
            "imported": record.imported,
            "config_hash": record.config_hash,
        }
        points = record.points.copy()
        for place, (name, value) in enumerate(about.items()):
            points.insert(place, name, value)
        tables.append(points)
    if tables:
        return pd.concat(tables, ignore_index=True)
    names = ("experiment", "space", "method", "seed", "status", "imported", "config_hash")
    return pd.DataFrame(columns=[*names, *POINT_COLUMNS])
