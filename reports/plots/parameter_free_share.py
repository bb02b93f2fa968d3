"""The Matthew effect: how much of the mix the operations without weights take over the search."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reports.drawing.axes import draw_level, draw_trajectories, epoch_axis, legend_of, level_entry
from reports.drawing.sheet import sheet
from reports.plots import Plot
from reports.study.study import Study
from reports.study.trajectory import Trajectory, describe

ORDER = 50
_SPAN = 0.2  # of the axis at least: a change of a hundredth is to look like one
_NAME, _TITLE = "parameter-free-share", "Share of the mix on operations without weights"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: the share of each method per epoch, beside that of a uniform mix."""
    free = [f"mix_{operation}" for operation in study.declared.parameter_free]
    operations = study.declared.operations
    lines = [
        Trajectory.of(method, study.drawn(method), lambda points: points.reindex(columns=free).sum(axis=1, min_count=1))
        for method in study.methods
    ]
    lines = [line for line in lines if not line.empty]
    if not free or not lines:
        yield Plot(_NAME, _TITLE, missing="no record holds a mix, or its space has no operation without weights")
        return
    if not study.shares_add_up:
        yield Plot(_NAME, _TITLE, missing="edges of its space have different operations, so their shares do not add up")
        return
    figure, axes = sheet(_TITLE, study.context, [2.3], legend=[*legend_of(lines), level_entry("uniform mix")])
    ax = axes[0, 0]
    draw_trajectories(ax, lines)
    uniform = len(free) / len(operations)
    draw_level(ax, uniform)
    values = np.concatenate([line.values[np.isfinite(line.values)] for line in lines])
    low, high = min(values.min(), uniform - _SPAN / 2), max(values.max(), uniform + _SPAN / 2)
    ax.set(ylim=(max(0.0, low - 0.02), min(1.0, high + 0.02)), ylabel="share of the mix")
    epoch_axis(ax)
    yield Plot(
        _NAME,
        _TITLE,
        caption=f"Weight of {', '.join(name.removeprefix('mix_') for name in free)} in the unperturbed mix, mean over"
        " rows.",
        note="The papers expect operations without weights to gain weight first, because they work from the first step"
        " on. A line above the dashed one would show that. The band is one standard error of the mean over seeds.",
        alt=f"{_TITLE}, {study.label}. {describe(lines)}",
        figure=figure,
    )
