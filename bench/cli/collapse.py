"""``dnas collapse``."""

from __future__ import annotations

from typing import Annotated

import typer

from results.errors import InputError, printable, suggest

from .application import app
from .options import RUNS, Json, Runs, emit, existing


@app.command()
def collapse(
    experiments: Annotated[list[str] | None, typer.Argument(help="Only these experiments.")] = None,
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Say which searches of the DARTS spaces on CIFAR-10 ended in collapsed cells, by a surrogate."""
    from results.data.directory import data_dir
    from results.records.store import Store
    from results.scores.surrogate import DROP, CollapseDetector

    every = Store(existing(runs)).records()
    known = sorted({record.run.experiment for record in every})
    for name in experiments or ():
        if name not in known:
            raise InputError(f"there are no records of '{name}'{suggest(name, known)}")
    records = [
        record
        for record in every
        if record.complete and record.run.experiment in (experiments or known)
        if record.manifest.space.family == "darts" and record.manifest.space.dataset == "cifar10"
    ]
    if not records:
        raise InputError("no search of a DARTS space on CIFAR-10 is complete here")
    drops = CollapseDetector(data_dir()).drops([record.final_arch for record in records])
    if as_json:
        emit(
            [
                {"run": str(r.run), "drop": drop, "collapsed": None if drop is None else drop >= DROP}
                for r, drop in zip(records, drops, strict=True)
            ]
        )
        return
    for record, drop in zip(records, drops, strict=True):
        print(printable(f"{record.run!s:48} {_said(drop, DROP)}"))
    print(
        f"collapsed: predicted at least {DROP:g} points below the cell of DARTS, by the surrogate of NAS-Bench-301 that"
        " YAHPO Gym publishes. Its provenance is undocumented; it detects collapse and is no accuracy."
    )


def _said(drop: float | None, least: float) -> str:
    if drop is None:
        return "unknown: it has operations that the surrogate does not know"
    return f"{'collapsed' if drop >= least else 'sound':9} {drop:+.1f} points below the reference"
