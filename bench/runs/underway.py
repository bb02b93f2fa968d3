"""The groups of a store that are under way, from the heads of their checkpoints alone.

Reading takes no lock and writes nothing, so that it works beside any engine, and on a store that cannot be written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from bench.runs.head import head
from results.records.run import Run

_At = tuple[int, int]  # completed epochs, steps of the next one


@dataclass(frozen=True)
class Underway:
    """A group of seeds on its way.

    Attributes
    ----------
    runs : one per seed.
    position : completed epochs and rounds of a selection, and steps of the next one, that are kept.
    saved : when the newest of its checkpoints was written, in seconds since 1970.
    latest : the newest row of each seed; empty before the first.
    seconds : of an epoch, mean over those completed; NaN before the first.
    epochs, rounds : of the whole search, and of the selection that follows it.
    """

    runs: tuple[Run, ...]
    position: _At
    saved: float
    latest: tuple[dict[str, Any], ...]
    seconds: float
    epochs: int
    rounds: int

    def __str__(self) -> str:
        run = self.runs[0]
        return f"{run.experiment}/{run.space}/{run.method}/{','.join(str(each.seed) for each in self.runs)}"

    @property
    def left(self) -> float:
        """The seconds that are left of the search and its selection, at the pace so far."""
        return self.seconds * max(0, self.epochs + self.rounds - self.position[0])

    def mean(self, name: str) -> float:
        """Return the mean over seeds of a column of the newest rows; NaN where none has it."""
        return _mean(row.get(name) for row in self.latest)

    @property
    def operations(self) -> list[str]:
        """The operations of the space, in its order, as the rows name them."""
        return [name.removeprefix("mix_") for row in self.latest[:1] for name in row if name.startswith("mix_")]


class _Kept(NamedTuple):
    """What the newest checkpoint of a run says; ``length`` is in epochs, and rounds of a selection."""

    position: _At
    saved: float
    points: list[dict[str, Any]]
    length: tuple[int, int]


def underway(root: Path) -> list[Underway]:
    """Return the groups that have a checkpoint below a store's root, each at its newest position, sorted by run."""
    newest: dict[tuple[Any, ...], dict[Run, _Kept]] = {}
    for path in sorted((root / ".checkpoints").glob("*/*/*/seed-*.ckpt")):
        try:
            found, saved = head(path), path.stat().st_mtime
            if found is None:
                continue
            run, position = Run(**found["run"]), (int(found["epoch"]), int(found.get("step", 0)))
            group = (*run.arm, *found["meta"].get("group", [run.seed]))
            length = int(found["meta"]["epochs"]), int(found["meta"]["rounds"])
            points = [row for row in found["points"] if isinstance(row, dict)]
        except (OSError, KeyError, TypeError, ValueError, OverflowError, AttributeError):
            continue  # gone by now, or none of ours
        mine = newest.setdefault(group, {})
        if run not in mine or position > mine[run].position:
            mine[run] = _Kept(position, saved, points, length)
    return [_group(mine) for _, mine in sorted(newest.items(), key=lambda item: min(item[1]))]


def _group(found: dict[Run, _Kept]) -> Underway:
    runs = tuple(sorted(found))
    kept = [found[run] for run in runs]
    return Underway(
        runs,
        min(each.position for each in kept),
        max(each.saved for each in kept),
        tuple(each.points[-1] for each in kept if each.points),
        _mean(row.get("seconds") for row in kept[0].points),
        *kept[0].length,
    )


def _mean(values: Iterable[Any]) -> float:
    known = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return fmean(known) if known else math.nan
