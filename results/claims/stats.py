"""Small-sample statistics: intervals, paired comparisons, and how many seeds would decide.

Every random draw comes from the generator that the caller passes, so that equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

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


def bootstrap(values: ArrayLike, rng: np.random.Generator, level: float = LEVEL) -> Interval | None:
    """Return the bias-corrected and accelerated bootstrap interval of a mean.

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
        (sample,), np.mean, n_resamples=RESAMPLES, confidence_level=level, method="BCa", rng=rng
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def half_width(variance: float, n: int, their_variance: float = 0.0, their_n: int = 1, level: float = LEVEL) -> float:
    """Return half of Welch's interval of the difference of two means.

    Parameters
    ----------
    variance, n : of one sample, n at least two.
    their_variance, their_n : of the other; with an n of one the other side is a constant.
    """
    error, freedom = _welch(variance, n, their_variance, their_n)
    return float(special.stdtrit(freedom, (1 + level) / 2)) * error if error else 0.0


def _welch(variance: float, n: int, their_variance: float, their_n: int) -> tuple[float, float]:
    """Return the standard error of a difference of two means, and its degrees of freedom."""
    mine, theirs = variance / n, their_variance / their_n if their_n > 1 else 0.0
    if mine + theirs == 0:
        return 0.0, 1.0
    freedom = (mine + theirs) ** 2 / (mine**2 / (n - 1) + (theirs**2 / (their_n - 1) if theirs else 0.0))
    return sqrt(mine + theirs), freedom


def mean_p(distance: float, variance: float, n: int, their_variance: float = 0.0, their_n: int = 1) -> float:
    """Return Welch's two-sided p of a difference of two means: one minus the level at which ``half_width`` is as wide.

    Parameters
    ----------
    distance : between the means, at least zero.
    variance, n, their_variance, their_n : as for ``half_width``.
    """
    error, freedom = _welch(variance, n, their_variance, their_n)
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(2 * special.stdtr(freedom, -distance / error))


def share_p(hits: int, n: int) -> float:
    """Return the two-sided p of the hypothesis that a share is one half, where ``hits`` of ``n`` seeds have it.

    It is exact: twice the chance that a fair coin gives at least as many, so that it is never below the rate at which a
    share of one half or less is taken for more.
    """
    return min(1.0, 2 * float(stats.binom.sf(hits - 1, n, 0.5)))


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
    if len(differences) == 1 or not differences.any():
        return Paired(float(differences.mean()), interval, 1.0, len(differences))
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


def holm_threshold(others: Sequence[float], error: float) -> float:
    """Return the greatest p that Holm's method would still accept of one more test, the others being as they are.

    It is ``error`` divided by the number of tests that are not accepted before it, itself included.
    """
    tests = len(others) + 1
    for accepted, p in enumerate(sorted(others)):
        if p > error / (tests - accepted):
            return error / (tests - accepted)
    return error
