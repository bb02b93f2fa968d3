"""Drawings of the cells that were found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from reports.drawing.arcs import Box, arc
from reports.drawing.operations import operation_colours, operation_legend
from reports.drawing.sheet import WIDTH, sheet
from reports.drawing.style import GRID, INK, MUTED, text_on
from reports.plots import Plot
from reports.study.final_cells import by_kind, most_found
from reports.study.study import Study
from results.records.manifest import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDER = 80
_NAME, _TITLE = "cells", "The cell that each method finds most often"
_MARGIN, _HEIGHT = 0.15, 0.95  # inches
_NODE = Box(width=0.5, height=0.3, rounding=0.06)  # inches
_SHORT = 1 / 72  # inches between the point of an arrow and its node
_RISE = {1: 0.0, 2: 0.24, 3: 0.33}  # inches between an edge's middle and the line of nodes, by nodes spanned
_HIGHEST = 0.42


def draw(study: Study) -> Iterator[Plot]:
    """Yield one figure: per method that searches the final cell that most of its seeds share."""
    found = list(_found(study))
    if not found:
        yield Plot(_NAME, _TITLE, missing="no complete record of a search says how its final cell is drawn")
        return
    operations = study.declared.operations
    colours = operation_colours(operations)
    panels = [
        (f"{label}{f', {name}' if name else ''}: {seeds}", part)
        for label, seeds, _, cell in found
        for name, part in by_kind(cell).items()
    ]
    figure, axes = sheet(
        _TITLE,
        study.context,
        [_HEIGHT] * len(panels),
        gap=0.05,
        left=_MARGIN,
        right=_MARGIN,
        bottom=0.05,
        legend=operation_legend(operations, study.declared.parameter_free),
        titled=True,
        share_x=False,
    )
    for ax, (title, part) in zip(axes[:, 0], panels, strict=True):
        ax.set_title(title)
        _draw_cell(ax, part, colours)
    yield Plot(
        _NAME,
        _TITLE,
        caption="Data flows from left to right through operations, which the colours name.",
        note="Of cells that equally many seeds find, that of the first seed is drawn. A node that several edges enter"
        " sums them. Operations are on edges or on nodes, as the space has them; an edge of the operation none is not"
        " drawn.",
        alt=f"{_TITLE}, {study.label}. "
        + ", ".join(f"{label} ({seeds}): {arch}" for label, seeds, arch, _ in found)
        + ".",
        figure=figure,
    )


def _found(study: Study) -> Iterator[tuple[str, str, str, Cell]]:
    """Yield the label of each method that searches, the seeds that share its cell in words, the key and the cell."""
    for method in study.methods:
        finals = [record for record in study.drawn(method) if record.complete]
        cells = {arch: cell for record in finals for arch, cell in record.manifest.cells.items()}
        finals = [record for record in finals if record.final_arch in cells]
        if finals and not method.independent:
            arch, seeds = most_found(finals)
            yield method.label, seeds, arch, cells[arch]


def _draw_cell(ax: Axes, cell: Cell, colours: Mapping[str, str]) -> None:
    """Draw the nodes in a line and the edges as arcs, in inches; odd spans pass below, even ones above."""
    nodes, (width, height) = cell.nodes, (_NODE.width, _NODE.height)
    span = WIDTH - 2 * _MARGIN
    ax.set(xlim=(0, span), ylim=(-_HEIGHT / 2, _HEIGHT / 2))
    ax.set_axis_off()
    step = (span - width - 0.1) / max(1, len(nodes) - 1)
    middles = [0.05 + width / 2 + place * step for place in range(len(nodes))]
    for x, label in zip(middles, nodes, strict=True):
        colour = colours.get(label)
        box = FancyBboxPatch(
            (x - width / 2, -height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={_NODE.rounding}",
            fc=colour or GRID,
            ec="none",
            zorder=3,
        )
        ax.add_artist(box)  # not add_patch: the limits are fixed
        ink = text_on(colour) if colour else INK
        ax.text(x, 0, re.sub(r"_?(\d+x\d+)$", r"\n\1", label), ha="center", va="center", size=7, color=ink, zorder=4)
    for source, target, label in cell.edges:
        rise = _RISE.get(target - source, _HIGHEST) * (1 if (target - source) % 2 else -1)
        arrow = FancyArrowPatch(
            path=arc(middles[source], middles[target], -2 * rise, _NODE, _SHORT),
            arrowstyle="-|>",
            mutation_scale=8,
            ls=":" if label == "none" else "-",
            lw=2 if label in colours else 1,
            color=colours.get(label, MUTED),
        )
        ax.add_artist(arrow)
