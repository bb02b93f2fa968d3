"""The distribution of a space's cells has bins of one width on the axis that it is drawn on."""

import numpy as np
import pytest

from reports.drawing.style import style
from reports.plots import population
from reports.study.study import Study

from .factory import TRUTH, Table, record


@pytest.mark.parametrize(("worst", "scale"), [(10.0, "log"), (60.0, "linear")])
def test_bins_are_alike_on_the_axis(worst, scale):
    table = {"cifar10": np.linspace(worst, 47.0 if scale == "linear" else 95.0, 500)}
    truth = dict.fromkeys(TRUTH, 55.0 if scale == "linear" else 90.0)
    with style():
        (plot, *_) = population.draw(Study.of([record()], Table(truth), population=table))
    above = plot.figure.axes[0]
    assert above.get_xscale() == scale
    edges = np.array([(bar.get_x(), bar.get_x() + bar.get_width()) for bar in above.patches])
    edges = np.log(edges) if scale == "log" else edges
    np.testing.assert_allclose(np.ptp(edges, axis=1), np.ptp(edges, axis=1)[0], rtol=1e-6)
    assert sum(bar.get_height() for bar in above.patches) == 500
