"""What the command line says about a space and about the tables."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench import scoring
from bench.cli import data, inspect  # noqa: F401 - they add their commands
from bench.cli.application import app
from results.data.cellhash import cell_hash
from results.errors import InputError
from results.scores.score import Score, merge_scores

SPACE = "nasbench1shot1-1"
FEW = ("101:conv3x3", "111:conv3x3", "1:")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data directory with a table of two of the three cells that space 1 is made to have."""
    monkeypatch.setenv("DNAS_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(scoring, "_cache_dir", lambda: tmp_path / "cells")
    monkeypatch.setattr(scoring, "cells", lambda space, cache_dir=None: FEW)
    (tmp_path / "data").mkdir()
    columns = {
        "module_hash": [cell_hash(arch) for arch in FEW[:2]],
        "valid_accuracy": [[90.0, 91.0, 92.0], [80.0, 80.0, 80.0]],
        "test_accuracy": [[89.0, 90.0, 91.0], [88.0, 90.0, 95.0]],
    }
    pq.write_table(pa.table(columns), tmp_path / "data" / "nasbench101-some-partial.parquet")
    return tmp_path / "data"


def run(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_statistics_say_what_they_are_over(folder):
    text = run("info", SPACE, "--stats")
    assert "reachable cells: 3" in text
    assert "test: 2 of 3 reachable cells are scored\n" in text
    best = "over the 2 of 3 cells that the table covers"
    assert f"best mean of trials, {best}: 91.00 % accuracy, 9.00 % error\n        111:conv3x3" in text
    assert f"best single training, {best}: 95.00 % accuracy, 5.00 % error\n        111:conv3x3" in text
    assert f"best mean of trials, {best}: 91.00 % accuracy, 9.00 % error\n        101:conv3x3" in text
    assert "published: best test error 5.45 %" in text
    assert "published: best validation error 4.93 %" in text
    assert "single trainings of an incomplete list of cells" in text
    assert "automl/nasbench-1shot1" in text


def test_statistics_of_a_space_without_a_table_say_so():
    assert "no table scores this space" in run("info", "darts-s2", "--stats")


def test_info_says_how_many_cells_differ():
    text = run("info", "nasbench201")
    assert (
        "reachable cells: 15,625\n  of these, 6,466 differ: the benchmark counts a skip connection as its source"
        in text
    )
    document = json.loads(run("info", "nasbench201", "--json"))
    assert (document["reachable_cells"], document["distinct_cells"]) == (15_625, 6_466)


def test_info_shows_the_supernet_of_a_method():
    plain, partial = (json.loads(run("info", "darts-s2", "--json", *more)) for more in ((), ("--method", "pc-darts")))
    assert (plain["weights"], plain["alphas"]) == (665_466, 56)
    assert (partial["weights"], partial["alphas"]) == (149_946, 56 + 28)
    assert partial["reachable_cells"] == plain["reachable_cells"]


def test_info_lists_the_sites_and_what_each_keeps():
    operations = "none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3"
    assert f"  alphas: 30\n    edges        6 x 5, keeps 1: {operations}\n" in run("info", "nasbench201")
    assert "    normal       14 x 2, keeps 2 of the rows of each node: " in run("info", "darts-s1")
    with pytest.raises(InputError, match=r"'darts-minus' does not run on .*; choose another space"):
        run("info", "nasbench1shot1-1", "--method", "darts-minus")


def test_statistics_as_json(folder):
    document = json.loads(run("info", SPACE, "--stats", "--json"))
    of_dataset = document["stats"]["cifar10"]
    assert (of_dataset["release"], of_dataset["epochs"]) == ("nasbench_only108", 108)
    test = of_dataset["test"]
    assert (of_dataset["cells"], of_dataset["scored"], of_dataset["best_test_mean"]) == (3, 2, 91.0)
    assert (test["scored"], test["complete"]) == (2, False)
    assert test["best_mean"] == {
        "accuracy": 91.0,
        "arch": "111:conv3x3",
        "over": "over the 2 of 3 cells that the table covers",
    }
    zero = {c["split"]: c["value"] for c in document["published"] if "regret" in c["protocol"]}
    assert zero == pytest.approx({"test": 5.448716878890991, "valid": 4.9278855323791504})
    assert all(c["source"] for c in document["published"])


def test_statistics_of_a_complete_table_are_said_to_be(folder, monkeypatch):
    monkeypatch.setattr(scoring, "cells", lambda space, cache_dir=None: FEW[:2])
    text = run("info", SPACE, "--stats")
    assert "test: 2 of 2 reachable cells are scored, the complete set\n" in text
    assert "best mean of trials, over the complete set: 91.00 %" in text
    assert "that the table covers" not in text


def test_statistics_without_a_table_keep_what_is_published(folder):
    text = run("info", "nasbench201", "--stats")
    assert text.count("no table is available; 'dnas data status' says what is missing") == 3
    assert "published: best test accuracy 94.37 %" in text
    document = json.loads(run("info", "nasbench201", "--stats", "--json"))
    assert document["stats"] == dict.fromkeys(("cifar10", "cifar100", "ImageNet16-120"))


def test_a_score_has_its_trials_and_its_rank(folder, tmp_path):
    (tmp_path / "runs").mkdir()
    text = run("score", SPACE, "111:conv3x3", "--runs", tmp_path / "runs")
    assert "cifar10 (nasbench_only108, 108 epochs, table)" in text
    rest = "of 2 scored cells; the space has 3"
    assert f"validation  80.00 % (mean of 3, standard deviation 0.00), rank 2 {rest}" in text
    assert f"test  91.00 % (mean of 3, standard deviation 3.61), rank 1 {rest}" in text
    document = json.loads(run("score", SPACE, "111:conv3x3", "--runs", tmp_path / "runs", "--json"))
    test = document["scores"]["cifar10"]["splits"]["test"]
    assert test.pop("spread") == pytest.approx(13**0.5)  # (9 + 1 + 16) / 2
    assert test == {
        "split": "test",
        "value": 91.0,
        "trials": [88.0, 90.0, 95.0],
        "n": 3,
        "epochs": 108,
        "release": "nasbench_only108",
        "source": "table",
        "rank": 1,
        "scored": 2,
        "cells": 3,
    }


def test_a_kept_score_without_the_table_has_no_rank(folder, tmp_path):
    kept = Score(SPACE, "111:conv3x3", "cifar10", 90.0, 91.0, (), (91.0,), release="nasbench_only108", epochs=108)
    merge_scores(tmp_path / "scores.parquet", [kept])
    (folder / "nasbench101-some-partial.parquet").unlink()
    (tmp_path / "runs").mkdir()
    text = run("score", SPACE, "111:conv3x3", "--runs", tmp_path / "runs")
    assert "validation  90.00 % (trials not listed)\n" in text
    assert "test  91.00 % (one training)\n" in text


def test_status_counts_the_cells_of_each_table(folder):
    columns = {"arch": ["a", "b"] * 2, "dataset": ["cifar10"] * 2 + ["cifar100"] * 2} | dict.fromkeys(
        ("valid_accuracy", "test_accuracy"), [1.0] * 4
    )
    pq.write_table(pa.table(columns), folder / "nasbench201.parquet")
    text = run("data", "status")
    assert "2 cells x 2 data sets: cifar10, cifar100" in text
    assert "2 cells on cifar10" in text
    assert f"covers 2 of 3 cells of {SPACE}" in text
    files = {file["name"]: file for file in json.loads(run("data", "status", "--json"))}
    assert files["nasbench201.parquet"]["datasets"] == {"cifar10": 2, "cifar100": 2}
    assert files["nasbench101-some-partial.parquet"]["coverage"][SPACE] == [2, 3]
