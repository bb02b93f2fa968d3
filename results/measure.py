"""What the records say about a claim: one number per seed, or a range where architectures are not scored."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from results.claims import Claim, Criterion
from results.oracle import Oracle
from results.record import Record, Run

_END = Criterion(">")  # a number is read where a direction is by default: after the last epoch


@dataclass(frozen=True)
class Reading:
    """One number of one seed.

    Attributes
    ----------
    low, high : the number, or what it could be at the least and the most where architectures are not scored.
    points : how many architectures were looked up; unscored : how many of them no oracle knows.
    """

    low: float
    high: float
    points: int = 0
    unscored: int = 0

    def __sub__(self, other: Reading) -> Reading:
        return Reading(
            self.low - other.high,
            self.high - other.low,
            self.points + other.points,
            self.unscored + other.unscored,
        )


class Evidence:
    """Complete records, and the oracle that scores them.

    Parameters
    ----------
    landscapes : supernet accuracy around the final alpha: columns ``kind`` ("plane" is used), ``x``, ``y`` and
        ``valid_accuracy`` in percent.
    """

    def __init__(self, records: Iterable[Record], oracle: Oracle, landscapes: Mapping[Run, pd.DataFrame]) -> None:
        self._oracle, self._landscapes = oracle, landscapes
        self._records: defaultdict[tuple[str, str, str], list[Record]] = defaultdict(list)
        for record in sorted(records, key=lambda r: r.run):
            if record.complete:
                self._records[record.run.experiment, record.run.space, record.run.method].append(record)

    def readings(self, claim: Claim) -> list[Reading]:
        """Return one reading per seed, or per seed that the baseline has too."""
        mine = self._of_method(claim, claim.method)
        if claim.test is None or not claim.test.baseline:
            return list(mine.values())
        theirs = self._of_method(claim, claim.test.baseline)
        return [reading - theirs[seed] for seed, reading in mine.items() if seed in theirs]

    def absent(self, claim: Claim) -> str:
        """Say why there is no reading for ``claim``, and the mend."""
        methods = [claim.method, *([claim.test.baseline] if claim.test and claim.test.baseline else [])]
        for method in methods:
            name = f"{claim.experiment}/{claim.space}/{method}"
            records = self._records[claim.experiment, claim.space, method]
            if not records:
                command = f"dnas run {claim.experiment} --space {claim.space} --method {method}"
                return f"no complete record; '{command}' makes them"
            if _mixed(records):
                return f"the records of {name} follow several protocols; remove the old ones"
            if not self._of_method(claim, method):
                return f"{claim.metric} was not measured in {name}"
        return f"no seed has both {' and '.join(methods)}"

    def _of_method(self, claim: Claim, method: str) -> dict[int, Reading]:
        records = self._records[claim.experiment, claim.space, method]
        if _mixed(records):
            return {}
        found = {record.run.seed: self._read(claim, record) for record in records}
        return {seed: reading for seed, reading in found.items() if reading is not None}

    def _read(self, claim: Claim, record: Record) -> Reading | None:
        test = claim.test or _END
        if claim.metric == "landscape-drop":
            drop = _landscape_drop(self._landscapes.get(record.run))
            return None if drop is None else Reading(drop, drop)
        series = self._series(claim, record)
        level = series.average(test.window, test.log)
        if test.reference is None or level is None:
            return level
        before = series.average(test.reference, test.log)
        return None if before is None else level - before

    def _series(self, claim: Claim, record: Record) -> _Series:
        points, metric = record.points, claim.metric
        part = _part(points["epoch"].to_numpy(float))
        if metric.startswith("share:"):
            shares = np.array([_share(arch, metric.removeprefix("share:")) for arch in points["arch"]])
            return _Series(part, shares, shares)
        if metric not in ("accuracy", "error"):
            column = points[metric].to_numpy(float) if metric in points else np.full(len(points), np.nan)
            return _Series(part, column, column)
        scores = self._oracle.scores(record.run.space, points["arch"].tolist(), claim.dataset)
        values = [getattr(s, claim.split) if s is not None and s.source == "table" else None for s in scores]
        accuracy = np.array([np.nan if v is None else v for v in values], dtype=float)
        optimum = record.manifest.get("space", {}).get("optimum") or {}
        best = float(optimum.get(claim.dataset, 100.0)) if claim.split == "test" else 100.0
        low, high = np.nan_to_num(accuracy, nan=0.0), np.nan_to_num(accuracy, nan=best)
        if metric == "error":
            low, high = 100 - high, 100 - low
        return _Series(part, low, high, np.isnan(accuracy))


@dataclass(frozen=True)
class _Series:
    """A metric along a search.

    Attributes
    ----------
    part : of the search that is done at each point, from 0 to 1.
    low, high : the least and the most that the metric can be there; NaN where it was not measured.
    unscored : where no oracle knows the architecture; None for a metric that no oracle is asked for.
    """

    part: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unscored: np.ndarray | None = None

    def average(self, window: tuple[float, float], log: bool) -> Reading | None:
        """Return the average over a window, None where nothing was measured in it."""
        inside = (window[0] <= self.part) & (self.part <= window[1]) & np.isfinite(self.low)
        if not inside.any():
            return None
        low, high = float(self.low[inside].mean()), float(self.high[inside].mean())
        if log:
            if low <= 0:
                return None
            low, high = math.log(low), math.log(high)
        if self.unscored is None:
            return Reading(low, high)
        return Reading(low, high, int(inside.sum()), int(self.unscored[inside].sum()))


def _part(epochs: np.ndarray) -> np.ndarray:
    return epochs / epochs[-1] if epochs[-1] else np.ones_like(epochs)


def _mixed(records: list[Record]) -> bool:
    """Whether runs of one experiment, space and method followed different protocols."""
    return len({record.config_hash for record in records}) > 1


def _share(arch: str, operation: str) -> float:
    """Return the share of ``operation`` among the operations that an architecture key names."""
    names = re.findall(r"[a-z]\w*", arch)
    return names.count(operation) / len(names) if names else math.nan


def _landscape_drop(landscape: pd.DataFrame | None) -> float | None:
    """Return by how much the mean accuracy over the plane lies below that at its centre, in percent."""
    if landscape is None:
        return None
    plane = landscape[landscape["kind"] == "plane"]
    if plane.empty:
        return None
    x, y, accuracy = (np.asarray(plane[c], dtype=float) for c in ("x", "y", "valid_accuracy"))
    return float(accuracy[np.hypot(x, y).argmin()] - accuracy.mean())
