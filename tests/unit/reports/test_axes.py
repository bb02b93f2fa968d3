"""What the legend of trajectories counts."""

import numpy as np
import pytest

from reports.drawing.axes import legend_of
from reports.study.method_style import Method
from reports.study.trajectory import Trajectory

NAN = np.nan


@pytest.mark.parametrize(
    ("values", "independent", "counted"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], False, "n=2"),
        ([[1.0, NAN], [NAN, 4.0]], False, "n=2"),
        ([[NAN, 2.0], [NAN, NAN]], False, "n=1 of 2"),
        ([[NAN, NAN], [NAN, NAN]], False, "n=0 of 2"),
        ([[1.0, NAN], [3.0, 4.0]], True, "3 draws"),
    ],
)
def test_seeds_without_any_value_are_not_counted(values, independent, counted):
    method = Method("darts", "DARTS", "#0072B2", "o", independent=independent)
    values = np.array(values)
    line = Trajectory(method, (0, 1), np.array([0, 1]), values, np.isnan(values))
    assert [entry.get_label() for entry in legend_of([line])] == [f"DARTS ({counted})"]
