"""``dnas report``, ``dnas check``, ``dnas list``: from the store alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from results.errors import InputError, printable, suggest
from results.files import whole

from .application import app
from .claims import as_json as claim_as_json
from .claims import print_claims, print_unreadable, status, unreadable_as_json
from .options import REPORTS, RUNS, Json, Replace, Reports, Runs, Strict, WithImported, emit, existing

if TYPE_CHECKING:
    from reports.build import Built
    from results.records.record import Record


@app.command()
def report(
    experiment: Annotated[list[str] | None, typer.Argument(help="Only these experiments.")] = None,
    runs: Runs = RUNS,
    reports: Reports = REPORTS,
    imported: WithImported = False,
    into: Annotated[
        list[Path] | None,
        typer.Option("--into", help="Also refresh the tables between markers in this Markdown file; may be repeated."),
    ] = None,
    replace: Replace = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Rebuild figures, tables and the page from the records."""
    import webbrowser

    from reports.embed import embed, texts
    from reports.files import check_place
    from results.records.store import Store

    known = {record.run.experiment for record in Store(existing(runs)).records()} if experiment else set()
    for name in experiment or ():
        if name not in known:
            raise InputError(f"no record of experiment '{name}' under {runs}{suggest(name, known)}")
    check_place(reports, replace=replace)
    documents = {path: _markdown(path) for path in into or ()}  # before the work
    built = build_reports(existing(runs), reports, only=tuple(experiment or ()), imported=imported, replace=replace)
    print(f"{len(built.figures)} figures, {len(built.tables)} tables: {built.page}")
    print_unreadable(built.unreadable)
    for left in built.outdated:
        print(f"left out: {left}")
    if built.removed:
        print(f"removed {len(built.removed)} files of an earlier report that this one does not have")
    for path, text in documents.items():
        refreshed = embed(text, texts(built))
        with whole.writing(path) as file:
            file.write(refreshed.encode())
        print(printable(f"tables refreshed in {path}"))
    if open_page and not webbrowser.open(built.page.absolute().as_uri()):
        print("no browser could be opened")


def _markdown(path: Path) -> str:
    """Return the text of a Markdown file; raise ``InputError`` where it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 at byte {error.start:,}; save it as UTF-8") from None


@app.command()
def check(
    claims: Annotated[list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Only these claims.")] = None,
    runs: Runs = RUNS,
    strict: Strict = False,
    imported: WithImported = False,
    as_json: Json = False,
) -> None:
    """Compare what was measured with what was published; exit 1 if a claim is worse."""
    import bench
    from results.records.store import Store

    verdicts = bench.check(existing(runs), claims or (), imported=imported)
    unreadable = Store(runs).unreadable()
    if as_json:
        emit([*map(claim_as_json, verdicts), *(unreadable_as_json(*each) for each in unreadable)])
        raise typer.Exit(status(verdicts, strict))
    print_unreadable(unreadable)
    raise typer.Exit(print_claims(verdicts, strict=strict, every=bool(claims)))


@app.command("list")
def list_records(runs: Runs = RUNS, as_json: Json = False) -> None:
    """List the records in the store, and what cannot be read."""
    from results.records.store import Store

    store = Store(existing(runs))
    records, unreadable = store.records(), store.unreadable()
    if as_json:
        rows: list[dict[str, Any]] = [
            {"run": str(r.run), "status": r.manifest.status, "config_hash": r.config_hash, "arch": _arch(r)}
            | {"imported": r.imported, "error": r.manifest.error}
            for r in records
        ]
        for path, why in unreadable:
            run, what = store.run_of(path), {"status": "unreadable", "config_hash": None, "arch": None}
            rows.append({"run": run and str(run), **what, "path": str(path), "error": why})
        emit(rows)
        return
    for record in records:
        status = record.manifest.status + (" (imported)" if record.imported else "")
        print(printable(f"{record.run!s:48} {status:9} {final(record)}"))
    print_unreadable(unreadable)
    if not records:
        print(f"no records under {runs}")


def build_reports(
    runs: Path,
    reports: Path,
    *,
    only: Sequence[str] = (),
    also: Sequence[str] = (),
    imported: bool = False,
    replace: bool = False,
) -> Built:
    """Build the reports; ``also`` names experiments with overrides that were just run."""
    from bench.checking import planned
    from reports.build import build
    from results.records.store import Store

    asked, records = tuple(only), Store(runs).records()
    hashes, lengths = planned(records)
    if not asked and any("+" in name for name in also):
        shown = {record.run.experiment for record in records}
        asked = (*sorted(name for name in shown if "+" not in name), *also)
    return build(
        runs,
        reports,
        oracle(runs),
        asked_for=asked,
        background=background(runs),
        planned=hashes,
        lengths=lengths,
        imported=imported,
        replace=replace,
    )


def oracle(runs: Path) -> Any:
    """Return what scores architectures: the available tables, and the scores in the store."""
    from bench.scoring import oracle
    from results.data.directory import data_dir

    return oracle(runs, data_dir())


def background(runs: Path) -> Any:
    """Return the populations of the available tables, the published curves, and what is known of each space."""
    import spaces
    from bench.methods import method as methods
    from bench.scoring import population
    from reports.chapters import Background
    from reports.study.study import Quantity, Reference
    from results.data.directory import data_dir
    from results.published import LOGS_SOURCE, SOURCE, curves, search_logs
    from results.records.store import Store

    searched = sorted({r.run.space for r in Store(runs).records() if r.manifest.space.dataset == "cifar10"})
    references: dict[str, list[Any]] = {}
    for names, curve in curves().groupby(["space", "method"]):
        space, method = cast(tuple[str, str], names)
        epochs, *columns = (curve[name].tolist() for name in ("epoch", "error", "low", "high"))
        reference = Reference(f"{method} (published)", "cifar10", epochs, *columns, source=SOURCE)
        references.setdefault(space, []).append(reference)
    for names, course in search_logs().groupby(["space", "dataset", "method", "quantity", "searches"], sort=False):
        space, dataset, method, quantity, n = cast(tuple[str, str, str, Quantity, int], names)
        epochs, means = (course[name].tolist() for name in ("epoch", "value"))
        source = f"mean over {n} searches in {LOGS_SOURCE}" if n > 1 else f"one search in {LOGS_SOURCE}"
        reference = Reference(f"{method} (published)", dataset, epochs, means, means, means, source, quantity)
        references.setdefault(space, []).append(reference)
    senseless = {
        space: {name: why for name in methods.names() if (why := methods.find(name).spaces(spaces.find(space)))}
        for space in spaces.names()
    }
    untabled = frozenset(space for space in spaces.names() if not spaces.find(space).table_datasets)
    return Background({space: population(space, data_dir()) for space in searched}, references, senseless, untabled)


def _arch(record: Record) -> str | None:
    """Return the architecture that a search ended in; None where it did not reach its last epoch."""
    return record.final_arch if record.complete else None


def final(record: Record) -> str:
    """Return the architecture that a search ended in, or why there is none."""
    if record.complete:
        return record.final_arch
    return f"none after {max(0, len(record.searched) - 1)} epochs: {record.manifest.error}"
