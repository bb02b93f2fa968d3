"""Dominant eigenvalue of the Hessian of the loss that alpha descends with respect to alpha, over the search."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.ticker import MaxNLocator

from reports.drawing.axes import draw_trajectories, epoch_axis, legend_of, log_axis
from reports.drawing.published import entries, published, sources
from reports.drawing.sheet import sheet
from reports.plots import Plot
from reports.study.method_style import measured_on
from reports.study.study import Study
from reports.study.trajectory import describe

ORDER = 30
_TITLE = "Dominant eigenvalue of the alpha Hessian"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: the eigenvalue per epoch of every method that measured it."""
    lines = [study.column(method, "eigenvalue").measured() for method in study.methods]
    lines = [line for line in lines if not line.empty]
    if not lines:
        yield Plot("eigenvalue", _TITLE, missing="no record measured it")
        return
    references = published(study, study.datasets[0], "eigenvalue")
    figure, axes = sheet(_TITLE, study.context, [2.6], legend=[*legend_of(lines), *entries(references)])
    ax = axes[0, 0]
    for reference, look in references:
        ax.plot(reference.epochs, reference.values, **look)
    draw_trajectories(ax, lines)
    log_axis(ax, [*(line.values for line in lines), *(np.array(one.values) for one, _ in references)])
    ax.set_ylabel("dominant eigenvalue")
    if ax.get_yscale() == "linear":
        ax.yaxis.set_major_locator(MaxNLocator(5))  # finer steps would have labels too long for the margin
    epoch_axis(ax)
    yield Plot(
        "eigenvalue",
        _TITLE,
        caption="Mean over seeds with a band of one standard error; thin lines are single seeds.",
        note="Each value comes from one batch and is noisy: read the trend, not single points."
        f" {measured_on(line.method for line in lines)} {sources(references)}".rstrip(),
        alt=f"{_TITLE}, {study.label}. {describe(lines)}",
        figure=figure,
    )
