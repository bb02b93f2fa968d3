"""``dnas watch``: the groups of a store that are under way, live, from their checkpoints."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .application import Stopped, app
from .options import RUNS, Json, Runs, can_print, duration, emit, existing

if TYPE_CHECKING:
    from bench.runs.underway import Underway

_BAR = 20  # characters
_BLOCKS, _PLAIN_BLOCKS = "█░", "#."
_BESIDE = 100  # columns from which shares stand beside the progress
_COLOURS = ("blue", "red", "green", "yellow", "cyan", "magenta")


@app.command()
def watch(
    runs: Runs = RUNS,
    interval: Annotated[float, typer.Option("--interval", min=0.2, help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print once and end, as without a terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Watch the groups that are under way: epoch, time left, accuracy and shares at their last checkpoint."""
    from rich.console import Console
    from rich.live import Live

    from bench.runs.underway import underway

    root = existing(runs)
    if as_json:
        emit([_as_json(group) for group in underway(root)])
        return
    console = Console(highlight=False)
    if once or not sys.stdout.isatty():
        console.print(_view(underway(root), root))
        return
    try:
        with Live(_view(underway(root), root), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                live.update(_view(underway(root), root), refresh=True)
    except Stopped as stopped:
        if stopped.code != 130:  # Ctrl-C is how watching ends
            raise


def _view(groups: Sequence[Underway], root: Path) -> Any:
    """Return a table with a group a row."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if not groups:
        return Text(f"nothing is under way in {root}: no checkpoint there")
    table = Table(box=None, padding=(0, 3, 1, 0), show_header=False)
    for group in groups:
        parts = _progress(group), _shares(group)
        if shutil.get_terminal_size().columns >= _BESIDE:
            table.add_row(*parts)
        else:
            table.add_row(Group(*parts))
    return table


def _progress(group: Underway) -> Any:
    from rich.text import Text

    (epoch, step), epochs = group.position, group.epochs
    where = f"epoch {epoch} of {epochs}"
    if group.position > (epochs, 0):
        where = f"round {epoch - epochs} of {group.rounds} of the selection"
    parts = [where + (f", step {step}" if step else "")]
    if math.isfinite(group.left):
        parts.append(f"about {duration(group.left)} left")
    measured = [
        f"{label} " + " ".join(f"{row[name]:.1f}" for row in group.latest) + " %"
        for name, label in (("valid_accuracy", "validation"), ("train_accuracy", "training"))
        if math.isfinite(group.mean(name)) and all(row.get(name) is not None for row in group.latest)
    ]
    age = duration(max(0.0, time.time() - group.saved))
    return Text.assemble(
        (str(group), "bold"),
        "\n",
        *_bar(epoch / max(1, epochs + group.rounds), "default"),
        f" {', '.join(parts)}\n{'; '.join(measured) or 'nothing measured yet'}\n",
        (f"last checkpoint {age} ago", "dim"),
    )


def _shares(group: Underway) -> Any:
    """Return the share of each operation in the mix, mean over seeds, as bars of one scale."""
    from rich.text import Text

    names = group.operations
    shares = [group.mean(f"mix_{name}") for name in names]
    most = max((share for share in shares if math.isfinite(share)), default=1.0)
    wide = max(map(len, names), default=0)
    lines = []
    for place, (name, share) in enumerate(zip(names, shares, strict=True)):
        if math.isfinite(share):
            lines += [f"  {name:{wide}} ", *_bar(share / most, _COLOURS[place % len(_COLOURS)]), f" {share:.3f}\n"]
    return Text.assemble(*lines)


def _bar(share: float, colour: str) -> list[tuple[str, str]]:
    full = round(_BAR * min(1.0, max(0.0, share)))
    done, left = _BLOCKS if can_print(_BLOCKS) else _PLAIN_BLOCKS
    return [(done * full, colour), (left * (_BAR - full), "bright_black")]


def _as_json(group: Underway) -> dict[str, Any]:
    return {
        "runs": [str(run) for run in group.runs],
        "epoch": min(group.position[0], group.epochs),
        "round": max(0, group.position[0] - group.epochs),
        "step": group.position[1],
        "epochs": group.epochs,
        "rounds": group.rounds,
        "seconds_left": group.left if math.isfinite(group.left) else None,
        "saved": group.saved,
        "valid_accuracy": [row.get("valid_accuracy") for row in group.latest],
        "shares": {name: group.mean(f"mix_{name}") for name in group.operations},
    }
