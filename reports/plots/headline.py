"""The figure beside the answer: how good the cells are, and what those of DARTS are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reports.drawing.axes import (
    INCOMPLETE,
    INDEPENDENT,
    draw_independent,
    draw_trajectories,
    epoch_axis,
    legend_of,
    percent_axis,
    scored,
)
from reports.drawing.operations import operation_colours, operation_legend
from reports.drawing.sheet import sheet
from reports.plots import Plot
from reports.study.final_cells import leading
from reports.study.method_style import Method
from reports.study.study import Study, dataset_label
from reports.study.trajectory import Trajectory, describe
from results.records.arch_key import operations_in

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDER = 5
_NAME, _TITLE = "headline", "Test error, and what the cells are made of"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: test error of every method above the operations of the first method's cells."""
    dataset, releases = study.datasets[0], study.releases(study.datasets[0])
    if not releases:
        yield Plot(_NAME, _TITLE, missing=study.unscored)
        return
    everything = [study.error(method, dataset, "test", releases[0]) for method in study.compared]
    lines = [line for line in everything if not line.empty]
    first = leading(study.methods)
    if not lines:
        yield Plot(_NAME, _TITLE, missing=f"the scores of {releases[0]} hold no test accuracy")
        return
    operations = study.declared.operations
    shares = [_made_of(study, first, operation) for operation in operations]
    figure, axes = sheet(
        _TITLE,
        f"{study.context} · {dataset_label(dataset)} · scores:\N{NO-BREAK SPACE}{releases[0]}",
        [2.2, 1.3] if shares else [2.2],
        titled=bool(shares),
        legend=[*legend_of(lines), *operation_legend(operations, study.declared.parameter_free)],
    )
    _draw_errors(axes[0, 0], lines)
    if shares:
        axes[0, 0].set_title("all methods")
        _draw_shares(axes[1, 0], first, operations, shares)
    epoch_axis(axes[-1, 0])
    ends = ", ".join(f"{o} {s.last()[0]:.2f}" for o, s in zip(operations, shares, strict=True))
    yield Plot(
        _NAME,
        _TITLE,
        caption=f"Above: mean over seeds with a band of one standard error; below: {first.label}'s decoded cells.",
        note=_note(everything, releases[0]),
        alt=f"{_TITLE}, {study.label}. {describe(lines, ' %')} {first.label}'s cells at the end: {ends}.",
        figure=figure,
    )


def _note(lines: Sequence[Trajectory], release: str) -> str:
    drawn = any(line.method.independent and not line.empty for line in lines)
    return " ".join([INCOMPLETE, *([INDEPENDENT] if drawn else []), scored(lines, release)])


def _made_of(study: Study, method: Method, operation: str) -> Trajectory:
    """Return the share of an operation among those of each point's decoded cell."""

    def share(points: pd.DataFrame) -> list[float]:
        return [names.count(operation) / max(1, len(names)) for names in map(operations_in, points["arch"])]

    return Trajectory.of(method, study.drawn(method), share)


def _draw_errors(ax: Axes, lines: Sequence[Trajectory]) -> None:
    searches = [line for line in lines if not line.method.independent]
    draws = [draw_independent(ax, line) for line in lines if line.method.independent]
    draw_trajectories(ax, searches)
    percent_axis(ax, [*draws, *(line.values for line in searches)])
    ax.set_ylabel("test error, %")


def _draw_shares(ax: Axes, method: Method, operations: Sequence[str], shares: Sequence[Trajectory]) -> None:
    colours = operation_colours(operations)
    means = np.nan_to_num(np.array([share.mean for share in shares]))
    ax.stackplot(shares[0].epochs, means, colors=[colours[o] for o in operations], lw=0)
    ax.set(ylim=(0, 1), ylabel="share", title=f"operations in the cells of {method.label}")
