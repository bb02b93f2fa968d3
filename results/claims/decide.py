"""The rule of a verdict: on which side of a region the truth lies, if the seeds so far can tell.

A side is decided if an interval of the mean lies wholly on one side of each end of the region. The level of the
interval is one minus the error that is allowed. The p of a side is the least error at which it is decided: p is at most
5 % exactly if the 95 % interval decides. With a p, many claims can be corrected together (``results.claims.judge``).

An interval rests on the spread of the seeds, and seeds that give one or two numbers show next to nothing of it. So
there the seeds on a side are counted as well, and the larger p holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from results.claims.stats import Interval, half_width, mean_p, share_p

#: How often a verdict on one paper's claims may be false.
ERROR = 0.05
#: More seeds than anyone will run: beyond them a claim is not called decidable.
MOST_SEEDS = 1_000


class Side(StrEnum):
    """Where the truth lies."""

    BELOW = "below"
    INSIDE = "inside"
    ABOVE = "above"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Leaning:
    """What the seeds say.

    Attributes
    ----------
    side : where they lie; undecided if they are not on one side.
    p : the least error at which the rule decides for that side; 1 if undecided.
    interval : of the mean, at 95 %; None for fewer than two seeds.
    """

    side: Side
    p: float
    interval: Interval | None


@dataclass(frozen=True)
class Question:
    """Whether the true mean of one number per seed lies inside a region.

    The interval of the mean reaches from its lower limit with every value as low as it can be, to its upper limit with
    every value as high as it can be: the true mean is not below the mean of the least values, and not above that of the
    greatest. If the seeds give fewer than three numbers, those on a side are counted too: an exact test must say that
    they are more than half of all. With ``every`` and ``constant`` they are counted alone.

    Attributes
    ----------
    low, high : the least and the most that the value of each seed can be; the same where it is known. At least one.
    region : an end may be infinite. A seed that is counted and lies on an end is inside if ``closed``, else on no side.
    constant : the published seeds all gave one number, so that nothing is known of their spread.
    every : every seed must lie inside: one that lies outside decides against it, whatever the others do.
    spread, n : standard deviation and number of seeds of the published value that the region is centred on; an n of
        one makes it a constant.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    region: Interval
    closed: bool = False
    constant: bool = False
    every: bool = False
    spread: float = 0.0
    n: int = 1

    def leaning(self) -> Leaning:
        """Return the side on which the seeds lie, and its p."""
        interval = None
        if len(self.low) > 1:
            (least, below), (most, above) = (
                (mean, half_width(variance, len(self.low), self.spread**2, self.n)) for mean, variance in self._moments
            )
            interval = Interval(least - below, most + above)
        if self.every and self._outside:
            return Leaning(self._outside, 0.0, interval)
        if self.counted:
            side, hits = self._most()
            p = 1.0 if side is Side.UNDECIDED else share_p(hits, len(self.low))
            if p < 1 and self._averaged:
                p = max(p, self._sides()[side])
        else:
            sides = self._sides()
            side = min(sides, key=lambda s: sides[s])
            p = sides[side]
        return Leaning(side if p < 1 else Side.UNDECIDED, p, interval)

    def seeds_to_decide(self, threshold: float = ERROR) -> int | None:
        """Return the least number of seeds like these at which p would be at most ``threshold``.

        Each number up to ``MOST_SEEDS`` is tried: where the published spread comes from few seeds, p can rise again
        with more of ours, whose share of the degrees of freedom falls. None if no number is enough, or if some values
        are not known.
        """
        if self.low != self.high:
            return None
        side, hits = self._most()
        if self.counted and (side is Side.UNDECIDED or (self.every and self._outside)):
            return None
        if self.counted and self._averaged and self._sides()[side] == 1:
            return None

        def p(n: int) -> float:
            count = share_p(hits * n // len(self.low), n) if self.counted else 0.0
            return max(count, self._mean_p(n)) if self._averaged else count

        return next((n for n in range(len(self.low) + 1, MOST_SEEDS + 1) if p(n) <= threshold), None)

    @cached_property
    def counted(self) -> bool:
        """Whether the seeds on a side are counted, instead of or beside a test of their mean."""
        return self.every or self.constant or min(map(len, (set(self.low), set(self.high)))) < 3

    @cached_property
    def _averaged(self) -> bool:
        """Whether the mean is tested: it has a spread to rest on, and is what the claim is about."""
        if self.every or self.constant or len(self.low) < 2:
            return False
        return (self.spread > 0 and self.n > 1) or min(variance for _, variance in self._moments) > 0

    def _mean_p(self, n: int) -> float:
        """Return the p of ``n`` seeds of this mean and variance."""
        (mean, variance), _ = self._moments
        room = min(abs(mean - self.region.low), abs(mean - self.region.high))
        return mean_p(room, variance, n, self.spread**2, self.n)

    @cached_property
    def _outside(self) -> Side | None:
        """The side outside the region on which a seed certainly lies, the one of most such seeds; None if none does."""
        side = max((Side.BELOW, Side.ABOVE), key=lambda s: self.hits[s])
        return side if self.hits[side] else None

    @cached_property
    def _moments(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean and variance with every value as low, and with every value as high, as it can be."""
        low, high = (np.asarray(values, dtype=float) for values in (self.low, self.high))
        return (float(low.mean()), float(low.var(ddof=1))), (float(high.mean()), float(high.var(ddof=1)))

    def _sides(self) -> dict[Side, float]:
        """Return the p of each side: of the further of two ends, for the inside."""
        low, high = self._moments
        above, below = self.region.low, self.region.high
        return {
            Side.BELOW: self._p(high, high[0] - above, -1),
            Side.INSIDE: max(self._p(low, low[0] - above, 1), self._p(high, high[0] - below, -1)),
            Side.ABOVE: self._p(low, low[0] - below, 1),
        }

    def _p(self, moments: tuple[float, float], distance: float, sign: int) -> float:
        """Return the p of a mean's distance from an end, 1 where it lies on the other side of it."""
        if sign * distance <= 0:
            return 1.0
        return mean_p(sign * distance, moments[1], len(self.low), self.spread**2, self.n)

    @cached_property
    def hits(self) -> dict[Side, int]:
        """How many seeds lie on each side, whatever the architectures that are not scored turn out to be."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        within = np.less_equal if self.closed else np.less
        return {
            Side.BELOW: int((high < self.region.low).sum()),
            Side.INSIDE: int((within(self.region.low, low) & within(high, self.region.high)).sum()),
            Side.ABOVE: int((low > self.region.high).sum()),
        }

    def _most(self) -> tuple[Side, int]:
        """Return the side of more than half of the seeds, and how many are there."""
        side = max(self.hits, key=lambda s: self.hits[s])
        count = self.hits[side]
        return (side, count) if count > len(self.low) / 2 else (Side.UNDECIDED, count)
