"""Arcs are cut where matplotlib cuts them."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionStyle, FancyBboxPatch

from reports.drawing.arcs import Box, arc

BOX = Box(width=0.5, height=0.3, rounding=0.06)
DPI, SHORT = 1000, 1 / 72  # a pixel is a thousandth of an inch: matplotlib cuts to a hundredth of a pixel


def of_matplotlib(start, end, control):
    figure = Figure(figsize=(5, 1), dpi=DPI)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 5), ylim=(-0.5, 0.5))
    look = {"boxstyle": f"round,pad=0,rounding_size={BOX.rounding}", "ec": "none"}
    boxes = [FancyBboxPatch((x - BOX.width / 2, -BOX.height / 2), BOX.width, BOX.height, **look) for x in (start, end)]
    for box in boxes:
        ax.add_patch(box)
    ends = ax.transData.transform([(start, 0), (end, 0)])
    style = ConnectionStyle("Arc3", rad=-control / (end - start))
    cut = style(*ends, patchA=boxes[0], patchB=boxes[1], shrinkA=0, shrinkB=SHORT * DPI)
    return ax.transData.inverted().transform(cut.vertices)


@pytest.mark.parametrize("end", [1.1, 2.0, 3.1, 4.5])
@pytest.mark.parametrize("control", [0.0, 0.48, -0.66, 0.84])
def test_from_edge_to_edge(end, control):
    ours = arc(0.4, end, control, BOX, SHORT)
    np.testing.assert_allclose(ours.vertices, of_matplotlib(0.4, end, control), atol=2e-4)


def test_the_arc_of_overlapping_nodes_is_whole():
    np.testing.assert_array_equal(arc(0.4, 0.5, 0.0, BOX, 0.2).vertices, [(0.4, 0), (0.45, 0), (0.5, 0)])
