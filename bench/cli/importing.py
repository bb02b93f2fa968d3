"""``dnas import``: another code's search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from results.errors import InputError, printable

from .application import app
from .options import RUNS, Notation, Replace, Runs


@app.command("import")
def import_search(
    table: Annotated[Path | None, typer.Argument(help="A table with columns epoch and arch, a row per epoch.")] = None,
    name: Annotated[str, typer.Option("--as", help="EXPERIMENT/SPACE/METHOD/SEED of the search.")] = "",
    first: Annotated[
        int | None,
        typer.Option("--first-epoch", min=0, help="Completed epochs at the first row, if the column does not say."),
    ] = None,
    arch: Annotated[str, typer.Option("--final", help="In place of a table: the architecture that it ended in.")] = "",
    epochs: Annotated[int | None, typer.Option("--epochs", help="Epochs of the search behind --final.")] = None,
    source: Annotated[str, typer.Option("--source", help="Where --final was published.")] = "",
    notation: Notation = "",
    runs: Runs = RUNS,
    replace: Replace = False,
) -> None:
    """Import another code's search: a table with one row per epoch, or only its final architecture."""
    from bench.runs import foreign
    from results.records.run import Run
    from results.records.store import Store

    try:
        run = Run.parse(name)
    except ValueError as error:
        raise InputError(f"--as: {error}") from None
    if (table is None) == (not arch):
        raise InputError("give a table with one row per epoch, or --final with the final architecture")
    if table is not None and (epochs is not None or source):
        raise InputError("--epochs and --source are for --final alone; leave them out, since a table holds its epochs")
    if arch and first is not None:
        raise InputError("--first-epoch is for a table alone; with --final, give --epochs")
    if arch and not source:
        raise InputError("--final needs --source, such as --source 'Dong and Yang 2020, table 5'")
    store = Store(runs)
    if table is None:
        filed = foreign.final(arch, run, store, epochs=epochs, notation=notation, source=source, replace=replace)
    else:
        filed = foreign.from_csv(table, run, store, first=first, notation=notation, replace=replace)
    print(printable(f"imported {filed}"))
    print("it decides claims with 'dnas check --imported' alone")
