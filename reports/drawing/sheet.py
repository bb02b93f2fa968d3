"""The sheet a figure is drawn on: a heading, a legend and rows of axes at fixed places in inches.

Fixed places make axes line up from figure to figure, and spare the layout engine's pass over each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from reports.drawing.style import MUTED

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

WIDTH = 4.8  # inches: text is still read when a phone shows the whole width
_HEADING, _CONTEXT_LINE, _LEGEND_LINE, _AIR, _TITLE = 0.46, 0.14, 0.2, 0.12, 0.2
_CONTEXT_CHARACTER, _CHARACTER, _HANDLE = 0.065, 0.069, 0.50  # mean widths, the last of a handle with its spacing


def sheet(
    title: str,
    context: str,
    heights: Sequence[float],
    *,
    columns: int = 1,
    legend: Sequence[Artist] = (),
    left: float = 0.62,
    right: float = 0.12,
    bottom: float = 0.44,
    gap: float = 0.2,
    gutter: float = 0.25,
    titled: bool = False,
    share_x: bool = True,
) -> tuple[Figure, np.ndarray]:
    """Return a figure and its axes, an array ``(len(heights), columns)``.

    Parameters
    ----------
    title, context : what is shown, and of what: a figure passed on without its page still says both.
    heights : of each row of axes, in inches.
    legend : labelled artists, drawn above the axes so that they cover no data.
    left, right, bottom, gap, gutter : margins and the space between rows and between columns, in inches.
    titled : whether each of the axes has a title, which needs room.
    share_x : whether all rows share the x axis; only the lowest is then labelled.
    """
    lines, per_line = _legend_lines(legend, WIDTH - 0.2)
    gap += _TITLE * titled
    context_lines = wrap(context, int((WIDTH - 0.2) / _CONTEXT_CHARACTER), break_on_hyphens=False)
    heading = _HEADING + _CONTEXT_LINE * (len(context_lines) - 1)
    top = heading + lines * _LEGEND_LINE + _AIR + _TITLE * titled
    height = top + sum(heights) + gap * (len(heights) - 1) + bottom
    figure = Figure(figsize=(WIDTH, height))
    # Not bold: embedding a second font in every PDF would cost as much as all the rest of saving it.
    figure.text(0.1 / WIDTH, 1 - 0.08 / height, title, va="top", size=10.5)
    figure.text(
        0.1 / WIDTH,
        1 - 0.28 / height,
        "\n".join(line.removesuffix(" ·") for line in context_lines),
        va="top",
        size=8,
        color=MUTED,
    )
    if legend:
        anchor = (0.1 / WIDTH, 1 - heading / height)
        figure.legend(handles=legend, loc="upper left", bbox_to_anchor=anchor, ncols=per_line)
    across = (WIDTH - left - right - gutter * (columns - 1)) / columns
    axes = np.empty((len(heights), columns), dtype=object)
    edge = height - top
    for row, tall in enumerate(heights):
        edge -= tall
        for column in range(columns):
            start = left + column * (across + gutter)
            place = (start / WIDTH, edge / height, across / WIDTH, tall / height)
            ax: Axes = figure.add_axes(place, sharex=axes[0, column] if share_x and row else None)
            if share_x and row < len(heights) - 1:
                ax.tick_params(labelbottom=False)
            axes[row, column] = ax
        edge -= gap
    return figure, axes


def small_multiples(count: int) -> tuple[int, int]:
    """Return rows and columns for ``count`` small panels; two abreast leave room for a method's name."""
    columns = min(count, 2)
    return ceil(count / columns), columns


def lowest_panels(axes: np.ndarray, count: int) -> list[Axes]:
    """Hide the axes beyond ``count``; return the lowest of each column that are left, with labels at their ticks."""
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    lowest = list(axes.flat[max(0, count - axes.shape[1]) : count])
    for ax in lowest:
        ax.tick_params(labelbottom=True)
    return lowest


def _legend_lines(legend: Sequence[Artist], width: float) -> tuple[int, int]:
    """Return how many lines the legend takes and how many entries stand in a line."""
    if not legend:
        return 0, 1
    widest = max(len(str(artist.get_label())) for artist in legend) * _CHARACTER + _HANDLE
    per_line = min(len(legend), max(1, int(width / widest)))
    lines = ceil(len(legend) / per_line)
    return lines, ceil(len(legend) / lines)
