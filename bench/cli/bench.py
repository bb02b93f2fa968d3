"""``dnas bench``: speed on this device, and files of measurements."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from results.errors import InputError
from results.files import kept, whole

from .application import Stopped, app
from .options import Json, Methods, Replace, Spaces, emit, seconds

bench = typer.Typer(help="Speed on this device, and files of measurements.")
app.add_typer(bench, name="bench", no_args_is_help=True)

Measurements = Annotated[Path, typer.Argument(help="A file of 'dnas bench gpu' or 'tox -e benchmark'.")]


@bench.command()
def gpu(
    out: Annotated[Path, typer.Option("--out", help="Folder that gets speed.json.")],
    device: Annotated[str, typer.Option("--device", help="cuda, auto or cpu.")] = "cuda",
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes: shows that everything runs.")] = False,
    budget: Annotated[str, typer.Option("--budget", help="Begin nothing that would end later: 90s, 9m, 2h.")] = "9m",
    more: Annotated[bool, typer.Option("--more", help="Go on with what speed.json lacks.")] = False,
    replace: Replace = False,
    space: Spaces = None,
    method: Methods = None,
    as_json: Json = False,
) -> None:
    """Measure steps of 'paper' at its own sizes on made-up images: time, memory, and what the device could do.

    The most wanted comes first, and the file is written after each measurement.
    """
    from bench.experiments import reading
    from bench.machine.setting import choose_device
    from bench.speed import cases, measuring
    from bench.speed.sizes import sizes

    deadline, there = time.monotonic() + seconds(budget), out / measuring.FILE
    if there.exists() and not more:
        kept.refuse([kept.Kept(there, "a file of measurements")], replace=replace, otherwise="--more goes on with it")
    whole.check_place(out)
    chosen = [reading.known_space(name) for name in space or ()]
    methods = [reading.known_method(name) for name in method or ()]
    place, sized = choose_device(device), sizes(quick=quick)
    wanted = cases.wanted(sized.experiment, place, spaces=chosen, methods=methods)
    if not wanted:
        raise InputError(
            f"the experiment '{sized.experiment.about.base}' measures nothing of these; leave out --method"
        )
    try:
        document = measuring.run(
            wanted,
            place,
            sized,
            out,
            command=_command(),
            deadline=deadline,
            more=more,
            say=lambda text: print(text, file=sys.stderr if as_json else sys.stdout, flush=True),
        )
    except Stopped as stopped:
        stopped.fix = "the same command with --more goes on"
        raise
    if as_json:
        emit(document)
    else:
        print(f"{len(document['benchmarks'])} measurements: {out / measuring.FILE}")
    if document["failed"] and not document["benchmarks"]:
        raise typer.Exit(3)


@bench.command()
def diff(
    before: Measurements,
    after: Measurements,
    fail: Annotated[float, typer.Option("--fail", help="Exit status 1 where something is so many times slower.")] = 1.2,
    as_json: Json = False,
) -> None:
    """Compare two files of measurements, name by name."""
    from bench.speed import diff as compare
    from bench.speed import timings

    if not fail > 1:
        raise InputError(f"--fail {fail} is out of range; it must be above 1")
    found = compare.diff(timings.read(before), timings.read(after), fail=fail)
    if as_json:
        emit(compare.as_document(found))
    else:
        for text in compare.lines(found):
            print(text)
    raise typer.Exit(int(any(change.slower for change in found.changes)))


@bench.command()
def table(
    measured: Annotated[list[Path] | None, typer.Argument(help="Files of measurements.", show_default=False)] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Renew the tables that this page marks.")] = None,
) -> None:
    """Print files of measurements as Markdown, or renew the tables of a page."""
    from bench.speed import timing_table as tables
    from bench.speed import timings

    if (page is None) == (not measured):
        raise InputError("name files of measurements, or a page with --page")
    if page is not None:
        try:
            text = page.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(f"{page} does not exist") from None
        page.write_text(tables.renewed(text, page.parent), encoding="utf-8")
        return
    for path in measured or ():
        print(tables.table(timings.read(path)))


def _command() -> str:
    """Return how this was asked for, without folders."""
    words: list[Any] = ["dnas", *sys.argv[1:]]
    hidden = [i + 1 for i, word in enumerate(words[:-1]) if word == "--out"]
    return " ".join(
        "DIR" if i in hidden else w.partition("=")[0] + "=DIR" if w.startswith("--out=") else w
        for i, w in enumerate(words)
    )
