"""A study joins records with scores, never mixes releases, and leaves out what cannot be trusted."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from reports.drawing.axes import draw_independent
from reports.plots import anytime_error
from reports.study.method_style import MARKERS, methods_of
from reports.study.study import Study
from reports.tabular.tables import points_table, runs_table
from results.records.record import IMPORTED
from results.scores.oracle import Chain

from .factory import ALL_SKIP, CONVOLUTIONS, METHODS, TRUTH, Table, record


def test_errors_are_those_of_the_oracle():
    study = Study.of([record()], Table(TRUTH))
    (method,) = study.methods
    np.testing.assert_allclose(study.error(method, "cifar10", "test", "a table").values, [[6.0, 6.0, 45.7]])
    np.testing.assert_allclose(study.error(method, "cifar10", "valid", "a table").values, [[7.0, 7.0, 46.7]])


def test_a_score_of_another_release_counts_as_not_scored():
    oracle = Chain([Table({CONVOLUTIONS: 94.0}), Table({ALL_SKIP: 50.0}, "retrain-paper", "retrained")])
    study = Study.of([record()], oracle)
    assert study.releases("cifar10") == ("a table", "retrain-paper")
    table = study.error(study.methods[0], "cifar10", "test", "a table")
    assert table.unscored.tolist() == [[False, False, True]]
    retrained = study.error(study.methods[0], "cifar10", "test", "retrain-paper")
    assert retrained.unscored.tolist() == [[True, True, False]]


def test_a_cell_found_on_digits_is_not_reported_on_other_data_sets():
    study = Study.of([record(dataset="digits", experiment="quick")], Table(TRUTH))
    assert study.datasets == ("digits",)


def test_a_cell_found_on_cifar10_is_reported_where_it_is_scored():
    assert Study.of([record()], Table(TRUTH)).datasets == ("cifar10", "cifar100", "ImageNet16-120")
    assert Study.of([record()], Table({})).datasets == ("cifar10",)


def test_a_failed_run_is_not_drawn():
    study = Study.of([record(status="failed"), record(seed=1)], Table(TRUTH))
    assert [r.run.seed for r in study.drawn(study.methods[0])] == [1]


def test_a_diverged_run_is_drawn_up_to_its_first_point_without_finite_alphas():
    alphas = [[0.0, 0.1], [np.nan, 0.1], [0.0, 0.1]]
    study = Study.of([record(status="diverged", columns={"alpha": alphas})], Table(TRUTH))
    (drawn,) = study.drawn(study.methods[0])
    assert drawn.points["epoch"].tolist() == [0]


def test_the_optimum_is_that_of_the_population():
    assert Study.of([record()], Table({}), population={"cifar10": [90.0, 94.37]}).optimum("cifar10") == 94.37
    assert Study.of([record()], Table({})).optimum("cifar10") is None


def test_methods_come_in_the_order_and_colours_of_their_records():
    methods = methods_of(record(name) for name in reversed(METHODS))
    assert [m.id for m in methods] == list(METHODS)
    assert [m.colour for m in methods] == [METHODS[m.id]["colour"] for m in methods]
    assert len({m.marker for m in methods}) == len(methods) <= len(MARKERS)


@pytest.mark.parametrize("colour", [None, "red", "#12345", "#000000;} body{display:none", 7])
def test_what_is_no_colour_is_replaced(colour):
    (method,) = methods_of([record(manifest={"method": {"label": "x", "colour": colour}})])
    assert method.colour == "#0072B2"


def test_random_search_makes_no_trajectory_but_a_search_of_another_code_does():
    drawn, brought = record("random"), record("darts", manifest={"method": {"levels": 0}, "config_hash": IMPORTED})
    assert {m.id: m.independent for m in methods_of([drawn, brought])} == {"random": True, "darts": False}


def test_random_draws_stand_as_their_median_and_middle_half():
    study = Study.of([record("random", archs=[CONVOLUTIONS, ALL_SKIP, CONVOLUTIONS, CONVOLUTIONS])], Table(TRUTH))
    ax = Figure().add_subplot()
    quartiles = draw_independent(ax, study.error(study.methods[0], "cifar10", "test", "a table"))
    np.testing.assert_allclose(quartiles, [6.0, 6.0, 6.0 + (45.7 - 6.0) / 4])
    (line,) = ax.lines
    assert line.get_xydata().tolist() == [[0, 6.0], [3, 6.0]]
    assert line.get_gid() == "mean.random"


def selected(**more):
    """Return a record of two epochs, and of a selection of two rounds that leaves the all-skip cell."""
    archs = (CONVOLUTIONS, CONVOLUTIONS, ALL_SKIP, ALL_SKIP, CONVOLUTIONS)
    columns = {"stage": ["search"] * 3 + ["select"] * 2, "tried": [[], [], [], [50.0, 40.0], []]}
    return record(archs=archs, columns=columns, **more)


def test_curves_over_epochs_end_in_what_a_selection_chose_and_leave_its_rounds_out():
    study = Study.of([selected(), record(seed=1)], Table(TRUTH))
    (method,) = study.methods
    errors = study.error(method, "cifar10", "test", "a table")
    assert errors.epochs.tolist() == [0, 1, 2]
    np.testing.assert_allclose(errors.values, [[6.0, 6.0, 6.0], [6.0, 6.0, 45.7]])
    accuracies = study.column(method, "valid_accuracy")
    np.testing.assert_allclose(accuracies.values, [[40.0, 40.1, 40.2], [41.0, 41.1, 41.2]])


def test_tables_count_epochs_without_a_selection_and_hours_with_it():
    row = runs_table([Study.of([selected()], Table(TRUTH))]).rows[0]
    assert row[4:7] == ("2", CONVOLUTIONS, "94.00")
    assert row[7] == f"{4 * 2.0 / 3600:.3g}"
    points = points_table([Study.of([selected()], Table(TRUTH))])
    assert points["stage"].tolist() == ["search"] * 3 + ["select"] * 2
    assert "tried" not in points


def test_a_time_that_nobody_measured_is_not_printed_as_none_at_all():
    untimed = record("random", columns={"seconds": np.full(3, np.nan)})
    assert runs_table([Study.of([untimed], Table(TRUTH))]).rows[0][7] == "–"


def test_the_figure_of_errors_says_which_methods_select():
    (plot, *_) = anytime_error.draw(Study.of([selected()], Table(TRUTH)))
    assert "what a selection after it chose" in plot.note
    (plot, *_) = anytime_error.draw(Study.of([record()], Table(TRUTH)))
    assert "selection" not in plot.note
