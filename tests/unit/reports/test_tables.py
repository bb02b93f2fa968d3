"""The numbers in the tables are those that were put in."""

import numpy as np
import pandas as pd

from reports.study import Study
from reports.tables import final_table, points_table, runs_table, summary_table

from .factory import ALL_SKIP, CONVOLUTIONS, TRUTH, Table, record


def rows(table, **wanted):
    """Return the rows, as dicts, whose cells are as wanted."""
    named = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return [row for row in named if all(row[key.replace("_", " ")] == value for key, value in wanted.items())]


def test_final_numbers_are_mean_spread_and_best_over_seeds():
    records = [record(seed=0), record(seed=1, archs=[CONVOLUTIONS])]
    table = final_table([Study.of(records, Table(TRUTH))])
    (row,) = rows(table, data_set="CIFAR-10", quantity="test accuracy")
    assert (row["n"], row["mean"], row["best"]) == ("2", "74.15", "94.00")
    assert row["std"] == f"{np.std([54.3, 94.0], ddof=1):.2f}"
    assert row["scores"] == "a table"
    (row,) = rows(table, data_set="CIFAR-100", quantity="validation accuracy")
    assert row["mean"] == "73.15"


def test_on_1shot1_the_number_is_an_error_and_the_best_is_the_lowest():
    records = [record(seed=s, space="nasbench1shot1-1", archs=[a]) for s, a in enumerate(("a", "b"))]
    table = final_table([Study.of(records, Table({"a": 94.0, "b": 93.0}))])
    (row,) = rows(table, data_set="CIFAR-10", quantity="test error")
    assert (row["mean"], row["best"]) == ("6.50", "6.00")


def test_what_is_not_scored_or_not_finished_is_counted_and_kept_out_of_the_mean():
    records = [record(seed=0), record(seed=1, archs=["unknown"]), record(seed=2, status="failed")]
    study = Study.of(records, Table(TRUTH))
    (row,) = rows(final_table([study]), data_set="CIFAR-10", quantity="test accuracy")
    assert (row["n"], row["mean"], row["std"]) == ("1", "54.30", "–")
    assert (row["not scored"], row["not finished"]) == ("1", "1")
    assert "54.30 (n=1 of 3)" in summary_table([study]).rows[0]


def test_nothing_scored_still_has_a_row():
    table = final_table([Study.of([record()], Table({}))])
    (row,) = rows(table, data_set="CIFAR-10", quantity="test accuracy")
    assert (row["n"], row["mean"], row["not scored"], row["scores"]) == ("0", "–", "1", "–")


def test_retrained_cells_have_no_row_of_a_split_that_they_lack():
    table = final_table([Study.of([record(dataset="digits")], Table(TRUTH, "retrain-quick", "retrained"))])
    assert {row[2] for row in table.rows} == {"test accuracy"}


def test_the_summary_is_methods_by_spaces_and_data_sets():
    first = Study.of([record("sdarts-adv"), record("darts")], Table(TRUTH))
    second = Study.of([record("darts", space="nasbench1shot1-1", archs=["a"])], Table({"a": 94.0}))
    table = summary_table([first, second])
    assert table.columns[0] == "method"
    assert "NAS-Bench-201: CIFAR-10 accuracy" in table.columns
    assert "NAS-Bench-1Shot1, space 1: CIFAR-10 error" in table.columns
    assert [row[0] for row in table.rows] == ["DARTS", "SDARTS-ADV"]
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert cells["NAS-Bench-1Shot1, space 1: CIFAR-10 error"] == "6.00 (n=1)"
    assert "NAS-Bench-1Shot1, space 1" not in table.rows[1]


def test_runs_say_how_each_ended():
    study = Study.of([record(seed=0), record(seed=1, status="failed")], Table(TRUTH))
    complete, failed = rows(runs_table([study]))
    assert complete["status"] == "complete"
    assert complete["final architecture"] == ALL_SKIP
    assert complete["test, %"] == "54.30"
    assert complete["epochs"] == "2"
    assert failed["note"] == "the loss is not finite"


def test_points_hold_every_point_with_its_score():
    points = points_table([Study.of([record(seed=0), record(seed=1)], Table({CONVOLUTIONS: 94.0}))])
    assert len(points) == 6
    assert points["cifar10 test"].iloc[:2].tolist() == [94.0, 94.0]
    assert pd.isna(points["cifar10 test"].iloc[2])
    assert "alpha" not in points


def test_all_forms_print_the_same_numbers():
    table = final_table([Study.of([record(seed=0), record(seed=1, archs=[CONVOLUTIONS])], Table(TRUTH))])
    for form in (table.csv(), table.markdown(), table.latex()):
        assert form.count("74.15") == 3  # on three data sets
