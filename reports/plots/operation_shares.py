"""The share of every operation in the mix over the search, method by method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from reports.drawing.axes import epoch_axis
from reports.drawing.operations import operation_colours, operation_legend
from reports.drawing.sheet import lowest_panels, sheet, small_multiples
from reports.plots import Plot
from reports.study.study import Study
from reports.study.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDER = 60
_NAME, _TITLE = "operation-shares", "Share of each operation in the mix"
_WHOLE = "Mean of the unperturbed mix over rows and seeds."
_APART = "Mean of the unperturbed mix over seeds and over the rows that have the operation, so shares do not add up."


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: a small panel per method, its operations stacked; as lines where rows differ in operations."""
    operations = study.declared.operations
    panels = []
    for method in study.methods:
        lines = [study.column(method, f"mix_{operation}") for operation in operations]
        if lines and not all(line.empty for line in lines):
            panels.append((method, lines))
    if not panels:
        yield Plot(_NAME, _TITLE, missing="no record holds a mix")
        return
    colours = operation_colours(operations)
    rows, columns = small_multiples(len(panels))
    figure, axes = sheet(
        _TITLE,
        study.context,
        [1.35] * rows,
        columns=columns,
        titled=True,
        legend=operation_legend(operations, study.declared.parameter_free),
    )
    for ax, (method, lines) in zip(axes.flat, panels, strict=False):
        _draw_shares(ax, lines, [colours[operation] for operation in operations], stacked=study.shares_add_up)
        ax.set(ylim=(0, 1), title=f"{method.label} (n={len(lines[0].seeds)})")
        ax.margins(x=0)
    for ax in axes[:, 1:].flat:
        ax.tick_params(labelleft=False)
    for ax in axes[:, 0]:
        ax.set_ylabel("share")
    for ax in lowest_panels(axes, len(panels)):
        epoch_axis(ax, 15 // columns)
    ends = (
        f"{method.label}: " + ", ".join(f"{o} {line.last()[0]:.2f}" for o, line in zip(operations, lines, strict=True))
        for method, lines in panels
    )
    yield Plot(
        _NAME,
        _TITLE,
        caption=_WHOLE if study.shares_add_up else _APART,
        alt=f"{_TITLE} after the last epoch, {study.label}. {'; '.join(ends)}.",
        figure=figure,
    )


def _draw_shares(ax: Axes, lines: Sequence[Trajectory], colours: Sequence[str], *, stacked: bool) -> None:
    if stacked:
        ax.stackplot(lines[0].epochs, np.nan_to_num(np.array([line.mean for line in lines])), colors=colours, lw=0)
        return
    for line, colour in zip(lines, colours, strict=True):
        ax.plot(line.epochs, line.mean, color=colour)
