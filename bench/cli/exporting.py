"""``dnas export``, ``dnas merge``: records to and from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from results.errors import InputError, printable

from .application import app
from .claims import print_unreadable
from .options import RUNS, Replace, Runs, WithImported, existing


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where the archive is written.")],
    runs: Runs = RUNS,
    imported: WithImported = False,
    replace: Replace = False,
) -> None:
    """Pack records, scores, their report, versions, checksums and a citation into one archive for 'dnas merge'."""
    from bench.machine import environment
    from bench.runs import archive
    from results.files import kept, whole
    from results.records.store import Store

    from .reports import build_reports

    store, target = Store(existing(runs)), folder / archive.NAME
    experiments = sorted({record.run.experiment for record in store.records()})
    if not experiments:
        raise InputError(f"no records under {runs}; make some with 'dnas run', or correct --runs")
    kept.refuse([kept.Kept(target, "already there")] if target.exists() else [], replace=replace)
    whole.check_place(folder)
    with TemporaryDirectory() as report:
        build_reports(runs, Path(report), only=experiments, imported=imported)
        count = archive.pack(target, store, Path(report), environment.versions())
    print_unreadable(store.unreadable())
    print(printable(f"{count} files, {target.stat().st_size / 2**20:.1f} MiB: {target}"))


@app.command()
def merge(
    sources: Annotated[
        list[Path] | None, typer.Argument(help="Folders with records from elsewhere, and archives of 'dnas export'.")
    ] = None,
    runs: Runs = RUNS,
    from_csv: Annotated[
        Path | None, typer.Option("--from-csv", help="Another code's search: columns epoch and arch.")
    ] = None,
    name: Annotated[str, typer.Option("--as", help="EXPERIMENT/SPACE/METHOD/SEED of --from-csv.")] = "",
    replace: Replace = False,
) -> None:
    """Check records, landscapes, checkpoints and scores from elsewhere, and add them to the store."""
    from bench.runs import foreign, merging
    from results.records.run import Run
    from results.records.store import Store

    store = Store(runs)
    if from_csv is not None:
        try:
            run = Run.parse(name)
        except ValueError as error:
            raise InputError(f"--as: {error}") from None
        print(printable(f"filed: {foreign.from_csv(from_csv, run, store, replace=replace)}"))
    elif name:
        raise InputError("--as is for --from-csv alone: records, folders and archives name their runs; leave it out")
    elif not sources:
        raise InputError("nothing to merge; name a folder or an archive, or use --from-csv with --as")
    filed = []
    for source in sources or ():
        with _unpacked(source) as folder:
            for each in merging.merge(folder, store, replace=replace):
                path = each.path if folder == source else source / each.path.relative_to(folder.parent)
                print(printable(f"{each.status}: {path}" + (f" ({each.detail})" if each.detail else "")))
                filed.append(each)
    if line := merging.refused(filed):
        raise InputError(line)


@contextmanager
def _unpacked(source: Path) -> Iterator[Path]:
    """Yield the folder with the records of a source, for the time of the block where that is an archive."""
    from bench.runs import archive

    if not archive.is_archive(source):
        yield source
        return
    with TemporaryDirectory() as folder:
        yield archive.unpack(source, Path(folder))
