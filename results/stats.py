"""Small-sample statistics: intervals, paired comparisons, and how many seeds would decide.

Every random draw comes from the generator that the caller passes, so that equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
RESAMPLES = 9_999


@dataclass(frozen=True)
class Interval:
    """A closed interval; either end may be infinite."""

    low: float
    high: float


def iqm(values: ArrayLike) -> float:
    """Return the interquartile mean: the mean of the middle half."""
    return float(stats.trim_mean(np.asarray(values, dtype=float), 0.25))


def bootstrap(
    values: ArrayLike,
    rng: np.random.Generator,
    statistic: Callable[..., float] = np.mean,
    level: float = LEVEL,
) -> Interval | None:
    """Return the bias-corrected and accelerated bootstrap interval of a statistic of one sample.

    It is for description: with fewer than about ten values it is too narrow to decide on.

    Returns
    -------
    None for fewer than two values; a single point where all values are equal.
    """
    sample = np.asarray(values, dtype=float)
    if len(sample) < 2:
        return None
    if np.ptp(sample) == 0:
        return Interval(float(sample[0]), float(sample[0]))
    found = stats.bootstrap(
        (sample,),
        lambda x: statistic(x),
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="BCa",
        vectorized=False,
        rng=rng,
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def half_width(variance: float, n: int, their_variance: float = 0.0, their_n: int = 1, level: float = LEVEL) -> float:
    """Return half of Welch's interval of the difference of two means.

    Parameters
    ----------
    variance, n : of one sample, n at least two.
    their_variance, their_n : of the other; with an n of one the other side is a constant.
    """
    mine, theirs = variance / n, their_variance / their_n if their_n > 1 else 0.0
    if mine + theirs == 0:
        return 0.0
    freedom = (mine + theirs) ** 2 / (mine**2 / (n - 1) + (theirs**2 / (their_n - 1) if theirs else 0.0))
    return float(stats.t.ppf((1 + level) / 2, freedom)) * sqrt(mine + theirs)


@cache
def share_interval(hits: int, n: int, level: float = LEVEL) -> Interval:
    """Return Jeffreys's interval of a proportion: its mean coverage is right at any n.

    Brown, Cai & DasGupta, Interval estimation for a binomial proportion, Statistical Science 16 (2001), section 4.
    """
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(stats.beta.ppf(tail, hits + 0.5, n - hits + 0.5))
    high = 1.0 if hits == n else float(stats.beta.ppf(1 - tail, hits + 0.5, n - hits + 0.5))
    return Interval(low, high)


@dataclass(frozen=True)
class Paired:
    """A comparison of two methods, seed by seed.

    Attributes
    ----------
    difference : mean of first - second.
    interval : bootstrap interval of that mean, None for fewer than two pairs.
    p : two-sided, from all sign flips of the differences (or many random ones beyond 13 pairs). It cannot fall
        below 2 / 2**n: five pairs never reach 5 %.
    n : number of pairs.
    """

    difference: float
    interval: Interval | None
    p: float
    n: int


def compare(first: ArrayLike, second: ArrayLike, rng: np.random.Generator) -> Paired:
    """Compare two samples of which the i-th entries share a seed."""
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if not len(differences):
        raise ValueError("no seed has both methods")
    interval = bootstrap(differences, rng)
    if not differences.any():
        return Paired(0.0, interval, 1.0, len(differences))
    found = stats.permutation_test(
        (differences,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=rng,
    )
    return Paired(float(differences.mean()), interval, float(found.pvalue), len(differences))


def holm(p: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm's step-down method, in the order given."""
    adjusted = [0.0] * len(p)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        running = max(running, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = running
    return adjusted
