"""The groups of a store that are under way, from the heads of their checkpoints alone.

Reading takes no lock and writes nothing, so that it works beside any engine, and on a store that cannot be written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

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
    """

    runs: tuple[Run, ...]
    position: _At
    saved: float
    latest: tuple[dict[str, Any], ...]
    seconds: float

    def __str__(self) -> str:
        run = self.runs[0]
        return f"{run.experiment}/{run.space}/{run.method}/{','.join(str(each.seed) for each in self.runs)}"

    def left(self, points: int) -> float:
        """Return the seconds that are left of a search of so many epochs and rounds, at the pace so far."""
        return self.seconds * max(0, points - self.position[0])

    def mean(self, name: str) -> float:
        """Return the mean over seeds of a column of the newest rows; NaN where none has it."""
        return _mean(row.get(name) for row in self.latest)

    @property
    def operations(self) -> list[str]:
        """The operations of the space, in its order, as the rows name them."""
        return [name.removeprefix("mix_") for row in self.latest[:1] for name in row if name.startswith("mix_")]


def underway(root: Path) -> list[Underway]:
    """Return the groups that have a checkpoint below a store's root, each at its newest position, sorted by run."""
    newest: dict[tuple[Any, ...], dict[Run, tuple[_At, float, list[dict[str, Any]]]]] = {}
    for path in sorted((root / ".checkpoints").glob("*/*/*/seed-*.ckpt")):
        try:
            found, saved = head(path), path.stat().st_mtime
            if found is None:
                continue
            run, position = Run(**found["run"]), (int(found["epoch"]), int(found.get("step", 0)))
            group = (*run.arm, *found["meta"].get("group", [run.seed]))
            points = [row for row in found["points"] if isinstance(row, dict)]
        except (OSError, KeyError, TypeError, ValueError, AttributeError):  # gone by now, or none of ours
            continue
        mine = newest.setdefault(group, {})
        if run not in mine or position > mine[run][0]:
            mine[run] = (position, saved, points)
    return [_group(mine) for _, mine in sorted(newest.items(), key=lambda item: min(item[1]))]


def _group(found: dict[Run, tuple[_At, float, list[dict[str, Any]]]]) -> Underway:
    runs = tuple(sorted(found))
    rows = [points for _, _, points in (found[run] for run in runs)]
    return Underway(
        runs,
        min(position for position, _, _ in found.values()),
        max(saved for _, saved, _ in found.values()),
        tuple(points[-1] for points in rows if points),
        _mean(row.get("seconds") for row in rows[0]),
    )


def _mean(values: Iterable[Any]) -> float:
    known = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return fmean(known) if known else math.nan
