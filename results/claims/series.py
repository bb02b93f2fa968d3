"""A metric along one search, and the number that is read off it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


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


@dataclass(frozen=True)
class Series:
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


def part(epochs: np.ndarray) -> np.ndarray:
    """Return which part of the search is done after each of its points."""
    return epochs / epochs[-1] if epochs[-1] else np.ones_like(epochs)
