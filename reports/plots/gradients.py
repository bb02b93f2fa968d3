"""Gradient norms of operations with and without weights over the search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from reports.drawing.axes import draw_trajectories, epoch_axis, legend_of, log_axis
from reports.drawing.sheet import sheet
from reports.plots import Plot
from reports.study.study import Study
from reports.study.trajectory import Trajectory

ORDER = 55
_NAME, _TITLE = "gradients", "Gradient norm by group of operations"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: alpha gradients of both groups, and weight gradients of the operations with weights."""
    free = study.declared.parameter_free
    weighted = [o for o in study.declared.operations if o not in free]
    groups = {
        "alpha, operations without weights": [f"alpha_grad_{operation}" for operation in free],
        "alpha, operations with weights": [f"alpha_grad_{operation}" for operation in weighted],
        "weights": [f"weight_grad_{operation}" for operation in weighted],
    }
    panels = {label: _lines(study, columns) for label, columns in groups.items()}
    panels = {label: lines for label, lines in panels.items() if lines}
    if not panels:
        yield Plot(_NAME, _TITLE, missing="no record holds gradient norms")
        return
    legend = legend_of(max(panels.values(), key=len))
    figure, axes = sheet(
        _TITLE,
        study.context,
        [1.45] * len(panels),
        titled=True,
        legend=legend,
    )
    for ax, (label, lines) in zip(axes[:, 0], panels.items(), strict=True):
        draw_trajectories(ax, lines)
        log_axis(ax, [line.values for line in lines])
        ax.set(title=label, ylabel="gradient norm")
    epoch_axis(axes[-1, 0])
    yield Plot(
        _NAME,
        _TITLE,
        caption="Root of the summed squares over the operations of a group: mean over seeds with a band of one standard"
        " error.",
        alt=f"{_TITLE} per epoch, {study.label}: {', '.join(panels)}.",
        figure=figure,
    )


def _lines(study: Study, columns: Sequence[str]) -> list[Trajectory]:
    """Return each method's norm over a group of columns, where it recorded them."""

    def norm(points: pd.DataFrame) -> pd.Series:
        return (points.reindex(columns=columns) ** 2).sum(axis=1, min_count=1) ** 0.5

    lines = [Trajectory.of(method, study.drawn(method), norm) for method in study.methods]
    return [line for line in lines if not line.empty]
