"""Error of the supernet on the images that train its weights and on those that train alpha, over the search."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from reports.drawing.axes import draw_trajectories, epoch_axis, legend_of, percent_axis
from reports.drawing.published import entries, published, sources
from reports.drawing.sheet import sheet
from reports.plots import Plot
from reports.study.method_style import measured_on
from reports.study.study import Study
from reports.study.trajectory import Trajectory, describe

ORDER = 68
_NAME, _TITLE = "supernet-error", "Error of the supernet"
_PANELS = {"train_accuracy": "training", "valid_accuracy": "validation"}


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: a panel of training errors and one of validation errors, each where records hold them."""
    panels = {column: _lines(study, column) for column in _PANELS}
    panels = {column: lines for column, lines in panels.items() if lines}
    if "valid_accuracy" not in panels:
        yield Plot(_NAME, _TITLE, missing="no record holds the supernet's validation accuracy")
        return
    references = published(study, study.datasets[0], "supernet error")
    main = panels["valid_accuracy"]
    most = max(panels.values(), key=len)
    absent = [line.method.label for line in most if line.method not in [other.method for other in main]]
    figure, axes = sheet(
        _TITLE,
        study.context,
        [1.9] * len(panels),
        titled=True,
        legend=[*legend_of(most), *entries(references)],
    )
    for ax, (column, lines) in zip(axes[:, 0], panels.items(), strict=True):
        beside = references if column == "valid_accuracy" else ()
        for reference, look in beside:
            ax.plot(reference.epochs, reference.values, **look)
        draw_trajectories(ax, lines)
        percent_axis(ax, [*(line.values for line in lines), *(np.array(one.values) for one, _ in beside)])
        ax.set(title=_PANELS[column], ylabel="error, %")
    epoch_axis(axes[-1, 0])
    yield Plot(
        _NAME,
        _TITLE,
        caption="With the mixed operations: mean over seeds with a band of one standard error; thin lines are single"
        " seeds.",
        note=_note(main, absent, sources(references)),
        alt=f"{_TITLE}, {study.label}: validation. {describe(main, ' %')}",
        figure=figure,
    )


def _lines(study: Study, column: str) -> list[Trajectory]:
    """Return the error in percent of every method that trains a supernet, where its records hold the accuracy."""
    searching = [method for method in study.methods if not method.independent]
    error = partial(_error, column=column)
    lines = [Trajectory.of(method, study.drawn(method), error).measured() for method in searching]
    return [line for line in lines if not line.empty]


def _error(points: pd.DataFrame, *, column: str) -> np.ndarray:
    return 100 - np.asarray(points[column]) if column in points else np.full(len(points), np.nan)


def _note(lines: list[Trajectory], absent: list[str], published_in: str) -> str:
    """Return on which images each error is measured, for which methods none is, and what the published one is."""
    parts = [
        "Training errors are those of an epoch's weight steps: on augmented images, and at the moved alphas where a"
        " method moves them.",
        measured_on([line.method for line in lines], "Validation errors are measured"),
        *([f"Not validated: {', '.join(absent)}."] if absent else []),
        *([f"{published_in} That error is on augmented images, ours on plain ones."] if published_in else []),
    ]
    return " ".join(parts)
