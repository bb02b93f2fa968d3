"""How many edges of the decoded cells are skip connections, or noise where a space has that, over the search."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from matplotlib.ticker import MultipleLocator

from reports.drawing.axes import draw_trajectories, epoch_axis, legend_of
from reports.drawing.published import entries, published, sources
from reports.drawing.sheet import sheet
from reports.plots import Plot
from reports.study.final_cells import CELLS
from reports.study.study import Study
from reports.study.trajectory import Trajectory, describe
from results.records.arch_key import operations, operations_in

if TYPE_CHECKING:
    import pandas as pd

ORDER = 65
_NAME = "skips"
_WORDS = {"skip_connect": "Skip connections", "noise": "Noise"}
_EDGES = {"skip_connect": "skip connections", "noise": "noise"}


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: a panel for each kind of cell, with the mean count of each method that searches."""
    operation = next((name for name in _WORDS if name in study.declared.operations), "")
    title = f"{_WORDS.get(operation, 'Skip connections')} in the cells"
    searching = [method for method in study.methods if not method.independent]
    archs = [arch for method in searching for record in study.drawn(method) for arch in record.points["arch"].dropna()]
    if not operation or not archs:
        yield Plot(_NAME, title, missing="its space has no skip connections, or no record holds a search")
        return
    cells = {cell: len(names) for cell, names in operations(archs[0]).items()}
    panels = {
        cell: [Trajectory.of(m, study.drawn(m), partial(_counts, operation=operation, cell=cell)) for m in searching]
        for cell in cells
    }
    references = published(study, study.datasets[0], "skips")
    first, main = next(iter(panels.items()))
    place = f": {CELLS.get(first, first)}" if len(cells) > 1 else ""
    figure, axes = sheet(
        title,
        study.context,
        [1.9] * len(cells),
        titled=len(cells) > 1,
        legend=[*legend_of(main), *entries(references)],
    )
    for ax, (cell, lines) in zip(axes[:, 0], panels.items(), strict=True):
        for reference, look in references if cell == "normal" else ():
            ax.plot(reference.epochs, reference.values, **look)
        draw_trajectories(ax, lines)
        ax.set(ylim=(-0.04 * cells[cell], 1.04 * cells[cell]), ylabel=f"of {cells[cell]} edges")
        ax.yaxis.set_major_locator(MultipleLocator(max(1, cells[cell] // 4)))
        if len(cells) > 1:
            ax.set_title(CELLS.get(cell, cell))
    epoch_axis(axes[-1, 0])
    yield Plot(
        _NAME,
        title,
        caption=f"How many edges of the decoded cells are {_EDGES[operation]}: mean over seeds with a band of one"
        " standard error; thin lines are single seeds.",
        note=sources(references),
        alt=f"{title}, {study.label}{place}. {describe(main)}",
        figure=figure,
    )


def _counts(points: pd.DataFrame, *, operation: str, cell: str) -> list[float]:
    """Return how often the architecture of each point has an operation in a kind of cell."""
    return [float(operations_in(arch, cell).count(operation)) for arch in points["arch"]]
