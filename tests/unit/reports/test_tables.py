"""The numbers in the tables are those that were put in."""

import numpy as np
import pandas as pd

from reports.study.study import Study
from reports.tabular.tables import final_table, paired_table, points_table, runs_table, summary_table

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


def test_final_numbers_say_median_interquartile_mean_and_interval():
    cells = {"a": 90.0, "b": 91.0, "c": 93.0, "d": 40.0}
    records = [record(seed=seed, archs=[arch]) for seed, arch in enumerate(cells)]
    (row,) = rows(final_table([Study.of(records, Table(cells))]), data_set="CIFAR-10", quantity="test accuracy")
    assert (row["median"], row["IQM"]) == ("90.50", "90.50")
    low, high = map(float, row["95 % interval"].strip("[]").split(","))
    assert 40.0 <= low < 78.5 < high <= 93.0
    (alone,) = rows(final_table([Study.of(records[:1], Table(cells))]), data_set="CIFAR-10", quantity="test accuracy")
    assert (alone["median"], alone["IQM"], alone["95 % interval"]) == ("90.00", "90.00", "–")


def test_pairs_are_of_one_seed_and_against_the_first_method():
    """Seed 2 has one method only, seed 3 of SDARTS-RS is not scored: two pairs, one and three points apart."""
    cells = {"a": 90.0, "b": 91.0, "c": 93.0}
    first = [record("darts", seed, archs=[arch]) for seed, arch in ((0, "a"), (1, "a"), (2, "c"), (3, "a"))]
    other = [record("sdarts-rs", seed, archs=[arch]) for seed, arch in ((0, "b"), (1, "c"), (3, "unknown"))]
    table = paired_table([Study.of([*first, *other], Table(cells))])
    (row,) = rows(table, data_set="CIFAR-10")
    assert (row["method"], row["against"], row["quantity"]) == ("SDARTS-RS", "DARTS", "test accuracy")
    assert (row["pairs"], row["difference"], row["p"]) == ("2", "+2.00", "0.500")


def test_methods_without_a_common_seed_make_no_pair():
    records = [record("darts", 0), record("sdarts-rs", 1)]
    assert paired_table([Study.of(records, Table(TRUTH))]).rows == ()


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


def test_the_summary_says_which_draw_stands_for_a_method_that_draws():
    drawn, searched = (Study.of([record(name)], Table(TRUTH)) for name in ("random", "darts"))
    assert "random: the last draw of each seed alone." in summary_table([drawn]).note
    assert "draw" not in summary_table([searched]).note


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
        assert form.count("28.07") == 3 * 2  # the spread on three data sets, two splits
