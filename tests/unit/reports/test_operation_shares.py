"""Shares of operations in the mix, on spaces whose edges do and do not have the same operations."""

import numpy as np
import pytest

from reports.drawing.style import style
from reports.plots import landscape, operation_shares, parameter_free_share
from reports.study.study import Study

from .factory import TRUTH, Table, record, surroundings

#: Means over the rows that have the operation, as on S1, whose rows have two operations of six.
UNEVEN = {f"mix_{name}": np.full(3, 0.5) for name in ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")}


def study_of(columns=None):
    return Study.of([record("darts", seed, columns=columns) for seed in (0, 1)], Table(TRUTH))


@pytest.fixture(autouse=True)
def in_style():
    with style():
        yield


def test_shares_of_one_list_of_operations_are_stacked_up_to_one():
    study = study_of()
    (plot,) = operation_shares.draw(study)
    assert study.shares_add_up
    assert len(plot.figure.axes[0].collections) == 5
    assert not plot.figure.axes[0].lines


def test_shares_over_different_rows_are_lines_inside_the_axis():
    study = study_of(UNEVEN)
    (plot,) = operation_shares.draw(study)
    assert not study.shares_add_up
    assert not plot.figure.axes[0].collections
    assert [line.get_ydata()[0] for line in plot.figure.axes[0].lines] == [0.5, 0.5, 0.5, 0.5, 0.2]
    assert "do not add up" in plot.caption


def test_shares_over_different_rows_are_not_summed():
    (plot,) = parameter_free_share.draw(study_of(UNEVEN))
    assert plot.figure is None
    assert "different operations" in plot.missing


@pytest.mark.parametrize("module", [operation_shares, landscape])
def test_the_lowest_panel_of_each_column_has_its_axis_labelled(module):
    records = [record(method) for method in ("darts", "sdarts-rs", "sdarts-adv")]
    around = {each.run: surroundings() for each in records}
    (plot,) = module.draw(Study.of(records, Table(TRUTH), landscapes=around))
    above, right, below, hidden = plot.figure.axes[:4]
    assert [ax.get_visible() for ax in (above, right, below, hidden)] == [True, True, True, False]
    for ax, labelled in ((above, False), (right, True), (below, True)):
        assert bool(ax.get_xlabel()) == labelled
        assert all(tick.label1.get_visible() == labelled for tick in ax.xaxis.get_major_ticks())


def test_the_share_without_weights_says_what_is_expected_and_what_would_show_it():
    (plot,) = parameter_free_share.draw(study_of())
    assert "expect operations without weights to gain weight first" in plot.note
    assert "A line above the dashed one would show that." in plot.note
    assert "starve" not in plot.note
    assert "one standard error" in plot.note
