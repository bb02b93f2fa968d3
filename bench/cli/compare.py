"""``dnas compare``: two folders of records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from results.errors import InputError, printable

from .application import app
from .options import Json, emit

if TYPE_CHECKING:
    from results.records.record import Record


@app.command()
def compare(first: Path, second: Path, as_json: Json = False) -> None:
    """Compare two folders of records: which runs differ, where first, and by how much."""
    from results.records.store import Store

    for folder in (first, second):
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder of records")
    ours, theirs = ({r.run: r for r in Store(folder).records()} for folder in (first, second))
    rows = []
    for run in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(run), theirs.get(run)
        if a is None or b is None:
            rows.append({"run": str(run), "difference": "only in the first" if b is None else "only in the second"})
        elif not a.same(b):
            rows.append({"run": str(run), "difference": difference(a, b)})
    if as_json:
        emit({"compared": len(ours.keys() & theirs.keys()), "differences": rows})
        return
    for row in rows:
        print(printable(f"{row['run']}: {row['difference']}"))
    print(f"{len(ours.keys() & theirs.keys())} runs in both, {len(rows)} differences")


def difference(a: Record, b: Record) -> str:
    """Return where two records that are not the same differ first, and by how much."""
    if a.config_hash != b.config_hash:
        return f"protocols {a.config_hash} and {b.config_hash}"
    statuses = [record.manifest.status for record in (a, b)]
    if statuses[0] != statuses[1]:
        return f"{statuses[0]} and {statuses[1]}"
    if len(a.points) != len(b.points):
        return f"{len(a.points)} and {len(b.points)} points"
    if len(a.points) and a.final_arch != b.final_arch:
        return f"final architectures {a.final_arch} and {b.final_arch}"
    left, right = (record.points["arch"].astype(str).to_numpy() for record in (a, b))
    if (left != right).any():
        return f"same final architecture; arch differs from epoch {_first(a, left != right)} on"
    for column in ("train_loss", "valid_accuracy"):
        left, right = (record.points[column].to_numpy(dtype=float) for record in (a, b))
        apart = (left != right) & ~(np.isnan(left) & np.isnan(right))
        if apart.any():
            most = np.abs(left - right)[apart].max()  # NaN where only one has a number
            much = f"by up to {most:.2g}" if np.isfinite(most) else "where one has no number"
            return f"same architectures; {column} differs from epoch {_first(a, apart)} on, {much}"
    return "same architectures and losses; other columns or the manifests differ"


def _first(record: Record, apart: np.ndarray) -> int:
    return int(record.points["epoch"].to_numpy()[apart.argmax()])
