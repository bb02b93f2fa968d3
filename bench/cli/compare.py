"""``dnas compare``: two folders of records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from results.errors import InputError, printable

from .application import app
from .options import Json, emit, existing

if TYPE_CHECKING:
    import numpy as np

    from results.records.record import Record


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A folder of records.")],
    second: Annotated[Path, typer.Argument(help="A folder of records.")],
    as_json: Json = False,
) -> None:
    """Compare two folders of records: which runs differ, where first, and by how much; exit 1 if any does."""
    from results.records.store import Store

    stores = [Store(_records(folder)) for folder in (first, second)]
    ours, theirs = ({r.run: r for r in store.records()} for store in stores)
    unreadable = [[(path, store.run_of(path), why) for path, why in store.unreadable()] for store in stores]
    damaged = {run for each in unreadable for _, run, _ in each if run}
    rows = []
    for run in sorted((ours.keys() | theirs.keys()) - damaged):
        a, b = ours.get(run), theirs.get(run)
        if a is None or b is None:
            rows.append({"run": str(run), "difference": "only in the first" if b is None else "only in the second"})
        elif not a.same(b):
            rows.append({"run": str(run), "difference": difference(a, b)})
    for which, found in zip(("first", "second"), unreadable, strict=True):
        for path, run, why in found:
            what = f"{path} of the {which} cannot be read: {why.removeprefix(f'{path} ')}"
            rows.append({"run": str(run) if run else None, "path": str(path), "difference": what})
    if as_json:
        emit({"compared": len(ours.keys() & theirs.keys()), "differences": rows})
    else:
        for row in rows:
            print(printable(f"{row['run'] or row['path']}: {row['difference']}"))
        print(f"{len(ours.keys() & theirs.keys())} runs in both, {len(rows)} differences")
    raise typer.Exit(int(bool(rows)))


def _records(folder: Path) -> Path:
    fix = "name a folder such as results/runs"
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of records; {fix}")
    return existing(folder, fix)


def difference(a: Record, b: Record) -> str:
    """Return where two records that are not the same differ first, and by how much."""
    import numpy as np

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
