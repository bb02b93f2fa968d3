"""Means, errors and gaps are those of the numbers that went in."""

import numpy as np
import pytest

from reports.study.method_style import Method
from reports.study.trajectory import Trajectory, describe

from .factory import record

DARTS = Method("darts", "DARTS", "#0072B2", "o")


def trajectory(*seeds, scored=False):
    """Return the trajectory of one list of values per seed."""
    records = [
        record(seed=i, archs=["x"] * len(values), columns={"eigenvalue": values}) for i, values in enumerate(seeds)
    ]
    return Trajectory.of(DARTS, records, lambda points: points["eigenvalue"], scored=scored)


def test_mean_and_standard_error_over_seeds():
    line = trajectory([1.0, 2.0], [3.0, 2.0])
    assert line.mean.tolist() == [2.0, 2.0]
    assert line.standard_error.tolist() == [1.0, 0.0]
    assert line.seeds == (0, 1)


def test_what_is_missing_leaves_the_mean_and_is_counted():
    line = trajectory([1.0, np.nan], [3.0, 5.0], scored=True)
    assert line.mean.tolist() == [2.0, 5.0]
    assert line.known.tolist() == [2, 1]
    assert np.isnan(line.standard_error[1])
    assert line.unscored.tolist() == [[False, True], [False, False]]


def test_nothing_known_is_nan_and_not_a_warning():
    line = trajectory([np.nan], [np.nan])
    assert line.empty
    assert np.isnan(line.mean).all()


def test_a_shorter_run_has_no_value_after_its_end_and_is_not_unscored_there():
    line = trajectory([1.0, 1.0, 1.0], [3.0], scored=True)
    assert line.epochs.tolist() == [0, 1, 2]
    assert line.mean.tolist() == [2.0, 1.0, 1.0]
    assert not line.unscored.any()


def test_measured_leaves_out_epochs_without_any_value():
    line = trajectory([1.0, np.nan, 2.0], [1.0, np.nan, np.nan]).measured()
    assert line.epochs.tolist() == [0, 2]


def test_described_by_where_it_ends():
    assert describe([trajectory([1.0, 2.0], [3.0, 4.0])], " %") == "After the last epoch: DARTS 3 % (n=2)."
    assert "DARTS unknown" in describe([trajectory([np.nan])])
    assert describe([]) == ""


@pytest.mark.parametrize("seeds", [1, 3])
def test_standard_error_is_that_of_numpy(seeds):
    values = np.random.default_rng(0).normal(size=(seeds, 4))
    error = trajectory(*values).standard_error
    if seeds == 1:
        assert np.isnan(error).all()
    else:
        np.testing.assert_allclose(error, values.std(axis=0, ddof=1) / np.sqrt(seeds))
