"""The progress of a run: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .options import duration

if TYPE_CHECKING:
    from bench.engines.engine import Ended
    from bench.runs.plan import Group
    from results.records.run import Run


class Display:
    """Progress of the running group: a live bar on a terminal, one line per point on standard error elsewhere."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self.shown: dict[Group, Any] = {}
        self.began: dict[Group, tuple[float, int]] = {}  # since when a group is timed, and from which epoch on

    def progress(self, group: Group, epoch: int, latest: Mapping[Run, dict[str, Any]]) -> None:
        """Show where a group stands, with each seed's accuracy."""
        rows = list(latest.values())
        if self.bar.disable:
            if group not in self.began or epoch < self.began[group][1]:  # it may have gone back to a checkpoint
                self.began[group] = time.monotonic(), epoch
            began, first = self.began[group]
            gone = epoch - first
            left = duration((time.monotonic() - began) / gone * (group.last - epoch)) if gone else "?"
            print(epoch_line(group, epoch, left, rows), file=sys.stderr, flush=True)
            return
        if group not in self.shown:
            self.shown[group] = self.bar.add_task(str(group), total=group.last, completed=group.at.epoch, note="")
        note = _percents(rows, "valid_accuracy") or _percents(rows, "train_accuracy")
        self.bar.update(self.shown[group], completed=epoch, note=f"selecting {note}" if epoch > group.epochs else note)

    def say(self, text: str) -> None:
        """Say a line above the bars, as it is: an error may hold what rich would take for markup."""
        self.bar.console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def ended(self, outcome: Ended) -> None:
        """Say how a group ended."""
        text = f"{outcome.group}: {outcome.status} after {duration(outcome.seconds)}"
        self.say(text + (f" ({outcome.error})" if outcome.error else ""))
        if outcome.group in self.shown:
            self.bar.remove_task(self.shown.pop(outcome.group))


def epoch_line(group: Group, epoch: int, left: str, latest: list[dict[str, Any]]) -> str:
    """Return where a group stands, in one line."""
    where = f"epoch {epoch} of {group.epochs}"
    if epoch > group.epochs:
        where = f"round {epoch - group.epochs} of {group.last - group.epochs} of the selection"
    parts = [f"{group}: {where}", f"{left} left" if epoch < group.last else ""]
    for name in ("train", "valid"):
        accuracies = _percents(latest, f"{name}_accuracy")
        parts.append(f"{name} {accuracies} %" if accuracies else "")
    return ", ".join(part for part in parts if part)


def _percents(latest: list[dict[str, Any]], name: str) -> str:
    """Return what each seed measured, one number per seed; empty where none did."""
    return " ".join(f"{row[name]:.1f}" for row in latest if row[name] == row[name])


@contextmanager
def display() -> Iterator[Display]:
    """Yield what shows the progress of groups while they run."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, disable=not sys.stdout.isatty()) as bar:
        yield Display(bar)


class Trained:
    """The progress of trainings from scratch: one line that is rewritten on a terminal, lines elsewhere.

    Elsewhere a line is printed once a tenth of a cell, and at most every ``GAP`` seconds.
    """

    GAP = 10.0

    def __init__(self) -> None:
        self.last, self.at = 0, time.monotonic()

    def __call__(self, done: float, total: int, text: str) -> None:
        """Show how many cells are trained."""
        if sys.stderr.isatty():
            end = "" if done < total else "\n"
            print(f"\rretraining {done:.1f}/{total} {text[:60]:60}", end=end, file=sys.stderr, flush=True)
            return
        tenths, now = int(10 * done + 1e-9), time.monotonic()
        if tenths != self.last and now - self.at >= self.GAP:
            print(f"retraining: {done:.1f} of {total} cells, {text}", file=sys.stderr, flush=True)
            self.last, self.at = tenths, now
