"""Supernet accuracy against the size of a random perturbation of the final mix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from reports.drawing.axes import draw_trajectories, legend_of
from reports.drawing.sheet import sheet
from reports.plots import Plot
from reports.study.method_style import Method, measured_on
from reports.study.study import Study
from reports.study.trajectory import Trajectory, describe

ORDER = 45
_NAME, _TITLE = "radius", "Accuracy under perturbation of the final mix"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: accuracy over the radius, method by method; ``reports.plots.landscape`` says what is read."""
    lines = [_line(study, method) for method in study.methods]
    lines = [line for line in lines if not line.empty]
    if not lines:
        yield Plot(_NAME, _TITLE, missing="no record has radii; 'measure.landscape' turns them on")
        return
    figure, axes = sheet(_TITLE, study.context, [2.3], legend=legend_of(lines))
    ax = axes[0, 0]
    draw_trajectories(ax, lines)
    ax.set(xlabel="radius of the perturbation", ylabel="supernet accuracy, %")
    yield Plot(
        _NAME,
        _TITLE,
        caption="Mean over random perturbations of the mix, then over seeds, with a band of one standard error.",
        note=measured_on(line.method for line in lines),
        alt=f"{_TITLE}, {study.label}. {describe(lines, ' %', when='At the largest radius')}",
        figure=figure,
    )


def _line(study: Study, method: Method) -> Trajectory:
    """Return a method's accuracy at each radius, which takes the place of the epoch."""
    curves = {seed: _curve(table) for seed, table in study.landscapes_of(method).items()}
    curves = {seed: curve for seed, curve in curves.items() if len(curve)}
    radii = np.array(sorted({radius for curve in curves.values() for radius in curve.index}))
    values = np.array([curve.reindex(radii).to_numpy() for curve in curves.values()]).reshape(len(curves), len(radii))
    return Trajectory(method, tuple(curves), radii, values, np.zeros(values.shape, dtype=bool))


def _curve(table: pd.DataFrame) -> pd.Series:
    """Return the mean accuracy at each radius."""
    return pd.Series(table[table["kind"] == "radius"].groupby("x")["valid_accuracy"].mean())
