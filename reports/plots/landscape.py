"""Supernet accuracy around the final alpha, over a plane.

Read from the file beside a record, ``seed-003.landscape.parquet``; ``reports.plots.radius`` reads its other rows.

=================== ======== ===========================================================================
``kind``            string   "plane" or "radius"
``x``               float64  plane: step along the gradient of the loss; radius: size of the perturbation
``y``               float64  plane: step along a direction orthogonal to it; radius: no meaning
``valid_accuracy``  float64  of the supernet with fixed weights at the moved alpha, percent
=================== ======== ===========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reports.drawing.sheet import lowest_panels, sheet, small_multiples
from reports.plots import Plot
from reports.study.method_style import measured_on
from reports.study.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

ORDER = 40
_NAME, _TITLE = "landscape", "Landscape around the final alpha"


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: a small panel per method, the mean plane of its seeds."""
    shown = {method: _planes(study.landscapes_of(method).values()) for method in study.methods}
    shown = {method: found for method, found in shown.items() if found}
    if not shown:
        yield Plot(_NAME, _TITLE, missing="no record has a plane; 'measure.landscape' turns it on")
        return
    means = {method: sum(found[1:], found[0]) / len(found) for method, found in shown.items()}
    rows, columns = small_multiples(len(shown))
    figure, axes = sheet(
        _TITLE,
        study.context,
        [3.3 / columns] * rows,
        columns=columns,
        titled=True,
        right=0.85,
    )
    low = min(float(np.nanmin(mean)) for mean in means.values())
    high = max(float(np.nanmax(mean)) for mean in means.values())
    images = [_draw_plane(ax, mean, low, high) for ax, mean in zip(axes.flat, means.values(), strict=False)]
    for ax, method in zip(axes.flat, means, strict=False):
        ax.set_title(f"{method.label} (n={len(shown[method])})")
    for ax in axes[:, 1:].flat:
        ax.tick_params(labelleft=False)
    for ax in lowest_panels(axes, len(shown)):
        ax.set_xlabel("along the gradient")
    axes[-1, 0].set_ylabel("orthogonal to it")
    top, bottom = axes[0, -1].get_position(), axes[-1, -1].get_position()
    bar = figure.add_axes((0.87, bottom.y0, 0.022, top.y1 - bottom.y0))
    figure.colorbar(images[0], cax=bar, label="supernet accuracy, %")
    drops = (f"{m.label} {float(mean.max().max() - mean.min().min()):.1f}" for m, mean in means.items())
    yield Plot(
        _NAME,
        _TITLE,
        caption="Supernet accuracy with fixed weights while alpha moves along the gradient of the loss (x) and an"
        " orthogonal direction (y), mean over seeds.",
        note=f"All panels share one colour scale. {measured_on(means)}",
        alt=f"{_TITLE}, {study.label}. Highest minus lowest accuracy: {', '.join(drops)} points.",
        figure=figure,
    )


def _planes(tables: Iterable[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return the plane of each table that has one, rows by y and columns by x."""
    planes = (table[table["kind"] == "plane"] for table in tables)
    return [plane.pivot_table("valid_accuracy", "y", "x") for plane in planes if len(plane)]


def _draw_plane(ax: Axes, mean: pd.DataFrame, low: float, high: float) -> AxesImage:
    x, y = mean.columns.to_numpy(), mean.index.to_numpy()
    half_x, half_y = (np.ptp(v) / max(1, len(v) - 1) / 2 for v in (x, y))
    ax.grid(visible=False)
    return ax.imshow(
        mean.to_numpy(),
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=low,
        vmax=high,
        extent=(x.min() - half_x, x.max() + half_x, y.min() - half_y, y.max() + half_y),
    )
