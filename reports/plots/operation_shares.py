"""The share of every operation in the mix over the search, method by method."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reports.drawing.axes import epoch_axis
from reports.drawing.operations import operation_colours, operation_legend
from reports.drawing.sheet import sheet, small_multiples
from reports.plots import Plot
from reports.study.study import Study

ORDER = 60
_NAME, _TITLE = "operation-shares", "Share of each operation in the mix"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: a small panel per method, its operations stacked."""
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
        shares = np.nan_to_num(np.array([line.mean for line in lines]))
        ax.stackplot(lines[0].epochs, shares, colors=[colours[o] for o in operations], lw=0)
        ax.set(ylim=(0, 1), title=f"{method.label} (n={len(lines[0].seeds)})")
        ax.margins(x=0)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[:, 1:].flat:
        ax.tick_params(labelleft=False)
    for ax in axes[:, 0]:
        ax.set_ylabel("share")
    for ax in axes[-1]:
        epoch_axis(ax, 15 // columns)
    ends = (
        f"{method.label}: " + ", ".join(f"{o} {line.last()[0]:.2f}" for o, line in zip(operations, lines, strict=True))
        for method, lines in panels
    )
    yield Plot(
        _NAME,
        _TITLE,
        caption="Mean of the unperturbed mix over rows and seeds.",
        alt=f"{_TITLE} after the last epoch, {study.label}. {'; '.join(ends)}.",
        figure=figure,
    )
