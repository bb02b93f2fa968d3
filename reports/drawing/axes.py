"""How trajectories are drawn: a mean, its standard error, single seeds, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from reports.drawing.style import MUTED
from reports.study.method_style import Method
from reports.study.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROUND_PERCENTS = np.array([0.1, 0.2, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 100])
_SPREAD = 3.0  # factor between the extremes from which an axis is logarithmic
_ROUND_STEPS = [1, 2, 2.5, 5, 10]
_MARKERS_PER_LINE = 8
_SPARSE = 0.5  # share of values known below which a line would suggest more than is known
_LEVEL: dict[str, Any] = {"color": MUTED, "lw": 1, "ls": (0, (5, 2))}
_EPOCHS = "completed epochs"
_DODGE = 0.5  # part of the distance between two points over which sparse methods spread


def draw_trajectories(ax: Axes, trajectories: Sequence[Trajectory]) -> None:
    """Draw the methods over each other, each with its seeds, its mean and a band of one standard error.

    A mean is solid where every seed has a value, dotted where some have none, and absent where none has. If a
    method has fewer than half of its values, they are marks beside each other, without a line.
    """
    for place, trajectory in enumerate(trajectories):
        if trajectory.empty:
            continue
        if np.isfinite(trajectory.values).mean() < _SPARSE:
            _draw_marks(ax, trajectory, (place + 0.5) / len(trajectories) - 0.5)
        else:
            _draw_line(ax, trajectory, place)


def _draw_marks(ax: Axes, trajectory: Trajectory, shift: float) -> None:
    method, epochs = trajectory.method, trajectory.epochs
    x = epochs + _DODGE * shift * (np.diff(epochs).min() if len(epochs) > 1 else 1)
    for seed, values in zip(trajectory.seeds, trajectory.values, strict=True):
        (seed_marks,) = ax.plot(x, values, ls="", marker="_", ms=6, color=method.colour)
        seed_marks.set_gid(f"seed.{method.id}.{seed}")
    (mean,) = ax.plot(x, trajectory.mean, ls="", marker=method.marker, ms=5, color=method.colour, zorder=3)
    mean.set_gid(f"mean.{method.id}")
    bars = ax.vlines(
        x,
        trajectory.mean - trajectory.standard_error,
        trajectory.mean + trajectory.standard_error,
        color=method.colour,
        lw=1,
    )
    bars.set_gid(f"band.{method.id}")


def _draw_line(ax: Axes, trajectory: Trajectory, place: int) -> None:
    method, epochs, mean = trajectory.method, trajectory.epochs, trajectory.mean
    for seed, values in zip(trajectory.seeds, trajectory.values, strict=True):
        (line,) = ax.plot(epochs, values, lw=0.6, alpha=0.4, color=method.colour)
        line.set_gid(f"seed.{method.id}.{seed}")
    error = trajectory.standard_error
    band = ax.fill_between(epochs, mean - error, mean + error, color=method.colour, alpha=0.16, lw=0)
    band.set_gid(f"band.{method.id}")
    whole = np.where(trajectory.known == len(trajectory.seeds), mean, np.nan)
    step = max(1, len(epochs) // _MARKERS_PER_LINE)
    dotted: dict[str, Any] = {"ls": ":", "lw": 1.2}
    marked: dict[str, Any] = {"marker": method.marker, "markevery": (place % step, step)}  # staggered: none is hidden
    for values, look in ((mean, dotted), (whole, marked)):
        (line,) = ax.plot(epochs, values, color=method.colour, zorder=3 + place / 100, **look)
        line.set_gid(f"mean.{method.id}")


#: What ``draw_trajectories`` draws of scores, as a note says it.
INCOMPLETE = "A line is dotted where some seeds are not scored or have ended, and broken where none is scored."


def scored(trajectories: Sequence[Trajectory], release: str) -> str:
    """Return in words how many points have no score."""
    lost, points = sum(int(t.unscored.sum()) for t in trajectories), sum(t.points for t in trajectories)
    return f"{release} does not score {lost} of {points} points." if lost else f"All {points} points are scored."


#: What ``draw_independent`` draws, as a note says it.
INDEPENDENT = "Random search has no trajectory: its line is the median of all draws, its band their middle half."


def draw_independent(ax: Axes, trajectory: Trajectory) -> np.ndarray:
    """Draw independent points as their median with a band over the middle half of them.

    Returns
    -------
    The quartiles, ``(3,)``.
    """
    method, ends = trajectory.method, trajectory.epochs[[0, -1]]
    low, middle, high = quartiles = np.nanquantile(trajectory.values, (0.25, 0.5, 0.75))
    band = ax.fill_between(ends, low, high, color=method.colour, alpha=0.16, lw=0)
    band.set_gid(f"band.{method.id}")
    (line,) = ax.plot(ends, [middle, middle], color=method.colour, marker=method.marker, lw=1.2, zorder=2)
    line.set_gid(f"mean.{method.id}")
    return quartiles


def draw_unscored(ax: Axes, trajectories: Sequence[Trajectory]) -> None:
    """Draw, one row per method, the share of seeds that are not scored at each epoch, and print the count."""
    rows = list(reversed([t for t in trajectories if t.unscored.any()]))
    for place, trajectory in enumerate(rows):
        method, share = trajectory.method, trajectory.unscored.mean(axis=0)
        bars = ax.fill_between(trajectory.epochs, place, place + 0.8 * share, step="mid", color=method.colour, lw=0)
        bars.set_gid(f"band.{method.id}")
        row = ax.get_yaxis_transform()
        ax.plot(-0.025, place + 0.4, method.marker, ms=4, color=method.colour, transform=row, clip_on=False)
        count = f"{trajectory.unscored.sum()} of {trajectory.points}"
        ax.text(1.01, place + 0.4, count, transform=row, va="center", size=7)
    ax.set(ylim=(-0.1, len(rows)), title="not scored")
    ax.yaxis.set_major_locator(NullLocator())
    ax.grid(visible=False)


def legend_of(trajectories: Iterable[Trajectory]) -> list[Line2D]:
    """Return a legend entry for each trajectory: the method and its seeds that have a value, or independent draws."""
    return [method_entry(t.method, f"{t.method.label} ({_count(t)})") for t in trajectories]


def _count(trajectory: Trajectory) -> str:
    finite, seeds = np.isfinite(trajectory.values), len(trajectory.seeds)
    if trajectory.method.independent:
        return f"{finite.sum()} draws"
    known = int(finite.any(axis=1).sum())
    return f"n={seeds}" if known == seeds else f"n={known} of {seeds}"


def method_entry(method: Method, label: str) -> Line2D:
    """Return the legend entry of a method."""
    return Line2D([], [], color=method.colour, marker=method.marker, label=label)


def draw_level(ax: Axes, level: float) -> None:
    """Draw a level to compare with; ``level_entry`` names it in the legend, where the label covers no data."""
    ax.axhline(level, zorder=2, **_LEVEL)


def level_entry(label: str) -> Line2D:
    """Return the legend entry of a level."""
    return Line2D([], [], label=label, **_LEVEL)


def percent_axis(ax: Axes, values: Iterable[Any], axis: Literal["x", "y"] = "y") -> None:
    """Give an axis of errors in percent round ticks; logarithmic where the values span a factor of three."""
    known = np.concatenate([np.ravel(v) for v in values])
    known = known[np.isfinite(known)]
    low, high = float(known.min()), float(known.max())
    ticks = ax.xaxis if axis == "x" else ax.yaxis
    if low > 0 and high / low >= _SPREAD:
        low, high = low * 0.93, high * 1.08
        ax.set(**{f"{axis}scale": "log"})
        ticks.set_major_locator(FixedLocator(_thin(_ROUND_PERCENTS, low, high)))
        ticks.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ticks.set_minor_locator(NullLocator())
    else:
        air = 0.08 * (high - low) or 0.5
        low, high = max(0.0, low - air), high + air
        ticks.set_major_locator(MaxNLocator(6, steps=_ROUND_STEPS))
    ax.set(**{f"{axis}lim": (low, high)})


def log_axis(ax: Axes, values: Iterable[np.ndarray]) -> None:
    """Make the y axis logarithmic, with plain numbers, where the values are positive and span a factor of three."""
    known = np.concatenate([np.ravel(v) for v in values])
    known = known[np.isfinite(known)]
    if known.min() <= 0 or known.max() / known.min() < _SPREAD:
        return
    decades = np.log10(known.max() / known.min())
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1,), numticks=12))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(NullLocator())


def epoch_axis(ax: Axes, ticks: int = 7) -> None:
    """Label the x axis with completed epochs, in whole numbers."""
    ax.set_xlabel(_EPOCHS)
    ax.xaxis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10]))
    ax.margins(x=0.015)


def epoch_scale(figure: Figure) -> tuple[float, ...]:
    """Return where epochs lie across a figure: x of two points in SVG units (72 an inch), then their epochs.

    It is empty where the figure's axes are not all above one axis of epochs.
    """
    width = 72 * figure.get_figwidth()
    places = {(ax.get_position().x0, ax.get_position().x1, *ax.get_xlim()) for ax in figure.axes}
    if len(places) != 1 or not any(ax.get_xlabel() == _EPOCHS for ax in figure.axes):
        return ()
    ((left, right, first, last),) = places
    return tuple(round(float(value), 2) for value in (left * width, right * width, first, last))


def _thin(ticks: np.ndarray, low: float, high: float) -> list[float]:
    """Return the ticks between two bounds, without those too near the one below on a logarithmic axis."""
    kept: list[float] = []
    for tick in ticks[(ticks >= low) & (ticks <= high)]:
        if not kept or np.log(tick / kept[-1]) > np.log(high / low) / 8:
            kept.append(float(tick))
    return kept
