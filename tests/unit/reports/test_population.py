"""Where found cells stand: bins of one width on the axis that they are drawn on, and labels inside the figure."""

import numpy as np
import pytest

from reports.drawing.style import style
from reports.plots import final_errors, population
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


@pytest.mark.parametrize("module", [population, final_errors])
@pytest.mark.parametrize("label", ["DARTS (2nd order), L2 243e-4", "best of five decays " * 6, "x" * 120])
def test_long_labels_stay_inside_the_figure(module, label):
    long = record(manifest={"method": {"label": label.strip(), "order": 0, "levels": 2}})
    with style():
        (plot, *_) = module.draw(Study.of([long], Table(TRUTH), population={"cifar10": [50.0, 94.0]}))
        plot.figure.draw_without_rendering()
        (box,) = [tick.get_window_extent() for tick in plot.figure.axes[-1].get_yticklabels()]
    assert box.x0 >= 0
    assert plot.figure.axes[-1].get_position().width > 0.3
