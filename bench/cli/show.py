"""``dnas show``: one run, as a summary that fits the terminal, as a table of every point, as JSON, or as a page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from results.errors import InputError, printable
from results.files import kept, whole

from .application import app
from .options import RUNS, Json, ReplaceFile, Runs, can_print, emit, existing
from .reports import background, final, oracle

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from results.records.record import Record

RunName = Annotated[str, typer.Argument(help="EXPERIMENT/SPACE/METHOD/SEED.")]
_LEVELS, _PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.:-=+*#"
_LAST = 5  # points of a summary
_FEW = 8  # mixes of a round that are listed one by one
#: Columns of a summary's last points, most telling first: as many as the terminal is wide.
_COLUMNS = ("epoch", "test_score", "valid_accuracy", "train_accuracy", "train_loss", "eigenvalue", "arch_entropy")


@app.command()
def show(
    run: RunName,
    runs: Runs = RUNS,
    every: Annotated[bool, typer.Option("--all", help="Every point and every column.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report page of this run to a file.")] = None,
    replace: ReplaceFile = False,
    as_json: Json = False,
) -> None:
    """Show one run: how it ended, its test score and shares over the epochs, and its last points."""
    from results.records.run import Run
    from results.records.store import Store

    try:
        name = Run.parse(run)
    except ValueError as error:
        raise InputError(str(error)) from None
    record = Store(existing(runs)).read(name)
    if html is not None:
        if as_json or every:
            raise InputError("--html writes the whole run as a page; leave out --json and --all")
        _write_page(record, runs, html, replace=replace)
        return
    table = record.points.drop(columns=["alpha"])
    scores = oracle(runs).scores(name.space, list(table["arch"]), record.manifest.space.dataset)
    table.insert(2, "test_score", [score.test if score else None for score in scores])
    if as_json:
        points = json.loads(table.to_json(orient="records", double_precision=15) or "[]")
        emit({"run": run, "manifest": record.manifest.as_dict(), "points": points})
        return
    print(printable(f"{record.run}: {record.manifest.status}, {_origin(record)}"))
    scored = sum(score is not None for score in scores)
    if every:
        print(f"scores: {scored} of {len(scores)} points, test accuracy on {record.manifest.space.dataset}, percent")
        print(table.drop(columns=["arch", "tried"], errors="ignore").round(3).to_string(index=False, na_rep="-"))
    else:
        _print_summary(record, table, scored)
    for line in selection(record):
        print(line)
    print(printable(f"final architecture: {final(record)}"))


def _write_page(record: Record, runs: Path, path: Path, *, replace: bool) -> None:
    from reports.build import page_of

    kept.refuse([kept.Kept(path, "already there")] if path.exists() else [], replace=replace)
    text = page_of(record, oracle(runs), background=background(runs))
    with whole.writing(path) as file:
        file.write(text.encode())
    print(printable(f"page: {path}"))


def _origin(record: Record) -> str:
    """Return the protocol and the device of a record, or where it was imported from."""
    if record.imported:
        about = record.manifest.imported
        return f"imported from {about.source}" if about else "imported"
    return f"config {record.config_hash}, {record.manifest.device.name or ''}"


def selection(record: Record) -> list[str]:
    """Return what a selection tried, a line a round: the accuracy of each mix, or of the worst and the best of many."""
    lines, points = [], record.selected
    if not len(points):
        return []
    for number, (epoch, tried) in enumerate(zip(points["epoch"], points["tried"], strict=True), start=1):
        if len(tried):
            few = len(tried) <= _FEW
            seen = " ".join(f"{each:.1f}" for each in tried) if few else f"{min(tried):.1f} to {max(tried):.1f}"
            lines.append(f"  round {number} (point {epoch}): {seen} %" + ("" if few else f", {len(tried)} mixes"))
    return ["accuracy of the mixes that the selection tried, on images of the alphas", *lines, ""] if lines else []


def _print_summary(record: Record, table: pd.DataFrame, scored: int) -> None:
    """Print the course of test score and shares as lines of blocks, and the last points, within the terminal.

    A selection is no part of the course; its result stands at the last epoch.
    """
    import numpy as np

    width, count = shutil.get_terminal_size().columns, len(table)
    if not count:
        return
    rows = table
    if len(record.selected):
        table = rows.head(len(record.searched)).copy()
        table.loc[table.index[-1], "test_score"] = rows["test_score"].iloc[-1]
    operations = record.manifest.space.operations
    indent = max((len(name) for name in operations), default=10) + 4
    room = max(8, min(count, width - indent - 20))
    test = table["test_score"].to_numpy(dtype=float)
    print(f"\ntest accuracy on {record.manifest.space.dataset}, percent ({scored} of {count} points scored)")
    if scored:
        best, last = int(np.nanargmax(test)), "not scored" if np.isnan(test[-1]) else f"{test[-1]:.2f}"
        print(f"  best {test[best]:.2f} after epoch {table['epoch'].iloc[best]}, {last} after the last epoch")
        low, high = np.nanmin(test), np.nanmax(test)
        print(f"  {'':{indent - 4}}  {sparkline(test, room, low, high)}  {low:.1f} to {high:.1f}")
    mixes = {name: table[f"mix_{name}"].to_numpy(dtype=float) for name in operations if f"mix_{name}" in table}
    known = [mix for mix in mixes.values() if np.isfinite(mix).any()]
    if known:
        low, high = min(map(np.nanmin, known)), max(map(np.nanmax, known))
        print("share of each operation in the mix, first to last epoch")
        for name, mix in mixes.items():
            print(f"  {name:{indent - 4}}  {sparkline(mix, room, low, high)}  {mix[0]:.3f} to {mix[-1]:.3f}")
    shown = rows.tail(_LAST)[[name for name in _COLUMNS if name in table]].round(3)
    while (text := shown.to_string(index=False, na_rep="-")).index("\n") >= width and shown.shape[1] > 1:
        shown = shown.iloc[:, :-1]
    rest = f" of {count}; --all shows all" if count > len(shown) else ""
    print(f"\nlast {len(shown)} points{rest}\n{text}\n")


def sparkline(values: Sequence[float] | np.ndarray, width: int, low: float, high: float) -> str:
    """Return numbers as a line of blocks of at most ``width`` characters, from ``low`` to ``high``; blank where NaN.

    Where there are more numbers than characters, each character is the mean of those that fall together.
    """
    import numpy as np

    levels = _LEVELS if can_print(_LEVELS) else _PLAIN_LEVELS
    parts = np.array_split(np.asarray(values, dtype=float), min(width, len(values)))
    means = [part[np.isfinite(part)].mean() if np.isfinite(part).any() else np.nan for part in parts]
    span = (high - low) or 1.0
    return "".join(
        " " if np.isnan(mean) else levels[min(len(levels) - 1, int((mean - low) / span * len(levels)))]
        for mean in means
    )
