"""Arcs from the edge of one node to the edge of another.

matplotlib cuts an arc at the shapes that it joins anew for each file, by asking the shapes about point after point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot, sqrt

from matplotlib.path import Path

Point = tuple[float, float]
Curve = tuple[Point, Point, Point]  # a quadratic Bezier curve
_HALVINGS = 40


@dataclass(frozen=True)
class Box:
    """A rectangle around the point where it is drawn, with the rounded corners of matplotlib's box style "round"."""

    width: float
    height: float
    rounding: float

    def holds(self, x: float, y: float) -> bool:
        """Say whether a point, relative to the middle, is inside."""
        across, along = (self.width / 2 - abs(x)) / self.rounding, (self.height / 2 - abs(y)) / self.rounding
        if min(across, along) <= 0:
            return False
        return max(across, along) >= 1 or sqrt(across) + sqrt(along) > 1  # a corner is a quadratic Bezier curve


def arc(start: float, end: float, control: float, box: Box, short: float) -> Path:
    """Return the arc between the boxes around two points of the x axis.

    Parameters
    ----------
    start, end : where the boxes are.
    control : height of the control point, twice that of the arc.
    short : how far from the edge of the second box it ends.
    """
    whole: Curve = (start, 0.0), ((start + end) / 2, control), (end, 0.0)
    outside = _after(whole, lambda x, y: box.holds(x - start, y))
    between = _after(_reversed(outside), lambda x, y: box.holds(x - end, y))
    touches = between[0]
    shorter = _after(between, lambda x, y: hypot(x - touches[0], y - touches[1]) < short)
    return Path(_reversed(shorter), [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def _after(curve: Curve, within: Callable[[float, float], bool]) -> Curve:
    """Return a curve from where it leaves the place in which it begins; all of it where it ends there too."""
    if within(*curve[2]):
        return curve
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if within(*_rest(curve, middle)[0]) else (low, middle)
    return _rest(curve, high)


def _reversed(curve: Curve) -> Curve:
    return curve[2], curve[1], curve[0]


def _rest(curve: Curve, t: float) -> Curve:
    """Return the part of a curve from the parameter ``t`` on, by de Casteljau's construction."""
    first, control, last = curve
    one, other = _between(first, control, t), _between(control, last, t)
    return _between(one, other, t), other, last


def _between(one: Point, other: Point, t: float) -> Point:
    return (1 - t) * one[0] + t * other[0], (1 - t) * one[1] + t * other[1]
