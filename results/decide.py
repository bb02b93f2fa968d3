"""The rule of a verdict: on which side of a region the truth lies, if the seeds at hand can tell."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from results.stats import Interval, half_width, share_interval

#: More seeds than anyone will run: beyond them a claim is not called decidable.
MOST_SEEDS = 1_000


class Side(StrEnum):
    """Where the truth lies."""

    BELOW = "below"
    INSIDE = "inside"
    ABOVE = "above"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Decision:
    """What the seeds say.

    Attributes
    ----------
    side : the answer.
    interval : of the mean; None for fewer than two seeds.
    seeds : where undecided, the number at which seeds like these would decide; None where no number would, or where
        values are not known.
    """

    side: Side
    interval: Interval | None
    seeds: int | None = None


def decide(
    low: ArrayLike,
    high: ArrayLike,
    region: Interval,
    *,
    each: bool = False,
    spread: float = 0.0,
    n: int = 1,
) -> Decision:
    """Decide whether the true mean lies inside ``region``.

    The 95 % interval of the mean lies wholly on one side of each end of the region, or nothing is decided. It reaches
    from the lower limit, were every value as low as it can be, to the upper limit, were every value as high.

    Where all values are equal that interval has no width and says nothing: then, or with ``each``, the seeds are
    counted instead, and a side is taken when the 95 % interval of its share of the seeds lies above one half.

    Parameters
    ----------
    low, high : the least and the most that the value of each seed can be; the same where it is known. At least one.
    region : open; an end may be infinite.
    each : count seeds whatever their spread. For claims that every seed ends in the same architecture.
    spread, n : standard deviation and number of seeds of the published value that the region is centred on; an n of
        one makes it a constant.
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    seeds = len(low)
    interval = None
    if seeds > 1:
        (least, below), (most, above) = (_mean(values, spread, n) for values in (low, high))
        interval = Interval(least - below, most + above)
    if each or interval is None or np.ptp(low) == np.ptp(high) == 0:
        side, enough = _by_count(low, high, region)
        return Decision(side, interval, enough)
    side = _side(interval, region)
    if side is not Side.UNDECIDED or not np.array_equal(low, high):
        return Decision(side, interval)
    return Decision(side, interval, _enough(low, region, spread, n))


def _mean(values: np.ndarray, spread: float, n: int) -> tuple[float, float]:
    """Return the mean and half the width of its interval."""
    return float(values.mean()), half_width(float(values.var(ddof=1)), len(values), spread**2, n)


def _side(interval: Interval, region: Interval) -> Side:
    if interval.low > region.high:
        return Side.ABOVE
    if interval.high < region.low:
        return Side.BELOW
    if region.low < interval.low and interval.high < region.high:
        return Side.INSIDE
    return Side.UNDECIDED


def _enough(values: np.ndarray, region: Interval, spread: float, n: int) -> int | None:
    """Return the number of seeds at which the interval would leave the nearest end of the region outside."""
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    room = min(abs(mean - region.low), abs(mean - region.high))
    more = range(len(values) + 1, MOST_SEEDS + 1)
    place = bisect_left(more, True, key=lambda seeds: half_width(variance, seeds, spread**2, n) < room)
    return more[place] if place < len(more) else None


def _by_count(low: np.ndarray, high: np.ndarray, region: Interval) -> tuple[Side, int | None]:
    """Return the side of most seeds, and where none has most of them how many seeds would show it."""
    n = len(low)
    hits = {
        Side.BELOW: int((high < region.low).sum()),
        Side.INSIDE: int(((region.low < low) & (high < region.high)).sum()),
        Side.ABOVE: int((low > region.high).sum()),
    }
    side = max(hits, key=lambda s: hits[s])
    if share_interval(hits[side], n).low > 0.5:
        return side, None
    if hits[side] <= n / 2 or not np.array_equal(low, high):
        return Side.UNDECIDED, None
    more = range(n + 1, MOST_SEEDS + 1)
    enough = (seeds for seeds in more if share_interval(hits[side] * seeds // n, seeds).low > 0.5)
    return Side.UNDECIDED, next(enough, None)
