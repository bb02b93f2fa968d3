"""Every reader of a table refuses what cannot be accuracies in percent of the data sets that it names."""

import math
import warnings
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench.cli import data, inspect  # noqa: F401 - they add their commands
from bench.cli.application import app
from results.data import benchmark_table as tables
from results.data import convert as converters
from results.data.directory import State, verify
from results.errors import InputError
from results.scores.oracle import Chain, ScoresOracle, TableOracle
from results.scores.score import Score, merge_scores, read_scores
from results.scores.truth import truths

SETS = ("cifar10", "cifar100", "imagenet16-120")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
FIGURES = ("valid_accuracy", "test_accuracy")
#: Sixty cells, of every kind: some carry nothing, some have no convolution.
CELLS = [
    "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(a, "none", b, c, "none", a)
    for a, b, c in product(OPERATIONS, OPERATIONS, ("none", "nor_conv_3x3", "skip_connect"))
]


def accuracy(arch, dataset, split):
    """Return a figure as the benchmark has them: chance for what carries nothing, more with more convolutions."""
    chance, base, gain = {"cifar10": (10, 60, 5), "cifar100": (1, 35, 6), "imagenet16-120": (100 / 120, 15, 5)}[dataset]
    first, second, third = (node.strip("|").split("|") for node in arch.split("+"))
    one = not first[0].startswith("none")
    two = not second[0].startswith("none") or (one and not second[1].startswith("none"))
    out = not third[0].startswith("none") or (two and not third[2].startswith("none"))
    if not out:
        return float(chance)
    learned = base + gain * arch.count("nor_conv_3x3") + 2 * arch.count("nor_conv_1x1")
    return learned + (3.0 if (dataset, split) == ("cifar10", "test") else 0.0)


def nasbench201(cells=CELLS, sets=SETS):
    rows = list(product(sets, cells))
    columns = {"arch": [arch for _, arch in rows], "dataset": [dataset for dataset, _ in rows]}
    columns |= {name: [accuracy(arch, dataset, name[:-9]) for dataset, arch in rows] for name in FIGURES}
    return pa.table(columns)


def nasbench101():
    figures = [[85.0 + i, 86.0 + i, 87.0 + i] for i in range(6)]
    hashes = [f"{i:032x}" for i in range(6)]
    return pa.table({"module_hash": hashes, "valid_accuracy": figures, "test_accuracy": figures})


def changed(table, change, columns=FIGURES, where=None):
    """Return a table with ``change`` applied to the figures of its columns, those of one data set or of all."""
    for column in columns:
        values, mine = table[column].to_pylist(), [True] * len(table)
        if where:
            mine = [name == where for name in table["dataset"].to_pylist()]
        new = [_apply(change, v) if here else v for v, here in zip(values, mine, strict=True)]
        table = table.set_column(table.column_names.index(column), column, pa.array(new))
    return table


def _apply(change, value):
    return [change(v) for v in value] if isinstance(value, list) else value if value is None else change(value)


def fraction(value):
    return value / 100


def error(value):
    return 100 - value


LEARNING = [arch for arch in CELLS if "+|nor_conv_3x3~0|none~1|" in arch]  # from the input to the output
FAULTS_201 = {
    "fractions": (lambda t: changed(t, fraction), "fractions"),
    "fractions on one data set": (lambda t: changed(t, fraction, where="imagenet16-120"), "fractions"),
    "fractions in one split": (lambda t: changed(t, fraction, ["test_accuracy"]), "fractions"),
    "fractions of two cells": (lambda t: changed(nasbench201(CELLS[-2:], ["cifar10"]), fraction), "fractions"),
    "errors": (lambda t: changed(t, error), "errors"),
    "errors on cifar100": (lambda t: changed(t, error, where="cifar100"), "errors"),
    "errors in one split": (lambda t: changed(t, error, ["test_accuracy"]), "errors"),
    "errors of cells that carry something": (
        lambda t: changed(nasbench201([c for c in CELLS if accuracy(c, "cifar10", "valid") > 10]), error),
        "errors",
    ),
    "errors of five cells on cifar10": (lambda t: changed(nasbench201(LEARNING[:5], ["cifar10"]), error), "errors"),
    "above 100": (lambda t: changed(t, lambda v: v * 1.5, where="cifar10"), "not a percentage"),
    "below 0": (lambda t: changed(t, lambda v: v - 20), "not a percentage"),
    "infinite": (lambda t: changed(t, lambda v: math.inf if v > 80 else v), "not a percentage"),
    "a cell twice": (lambda t: pa.concat_tables([t, t.slice(3, 1)]), "twice"),
    "a cell twice, in another case": (
        lambda t: pa.concat_tables([t, t.slice(0, 1).set_column(1, "dataset", pa.array(["CIFAR10"]))]),
        "twice",
    ),
    "cifar10-valid by name": (
        lambda t: t.set_column(1, "dataset", pc.replace_substring(t["dataset"], "cifar10", "cifar10-valid")),
        "take validation accuracies from it and test accuracies from 'cifar10'",
    ),
    "cifar10-valid by its figures": (
        lambda t: changed(t, lambda v: v - 3 if v > 10 else v, ["test_accuracy"], "cifar10"),
        "of 'cifar10-valid', it seems",
    ),
    "another data set": (
        lambda t: t.set_column(1, "dataset", pc.replace_substring(t["dataset"], "cifar100", "cifar1000")),
        "data set 'cifar1000'; known are cifar10, cifar100, imagenet16-120",
    ),
    "a cell that does not exist": (
        lambda t: t.set_column(0, "arch", pc.replace_substring(t["arch"], "nor_conv_3x3~0", "nor_conv_5x5~0")),
        "which NAS-Bench-201 does not have",
    ),
    "text": (lambda t: changed(t, str, ["test_accuracy"]), "string in the column 'test_accuracy'"),
    "lists": (lambda t: changed(t, lambda v: [v]), "where it needs a number"),
    "a unit in the metadata": (lambda t: t.replace_schema_metadata({"unit": "fraction"}), "the unit 'fraction'"),
    "trainings in another unit": (
        lambda t: t.append_column("test_trials", pa.array([[v / 100] for v in t["test_accuracy"].to_pylist()])),
        "trainings have a mean of",
    ),
}
FAULTS_101 = {
    "fractions": (lambda t: changed(t, fraction), "fractions"),
    "errors": (lambda t: changed(t, error), "errors"),
    "errors in one split": (lambda t: changed(t, error, ["valid_accuracy"]), "errors"),
    "above 100": (lambda t: changed(t, lambda v: v + 10), "not a percentage"),
    "a cell twice": (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "twice"),
    "text": (lambda t: changed(t, str), "where it needs a list of numbers"),
    "plain numbers": (lambda t: t.set_column(1, "valid_accuracy", pa.array([90.0] * 6)), "needs a list of numbers"),
}
TABLES = {
    "nasbench201.parquet": (nasbench201, "nasbench201", CELLS[-1], FAULTS_201),
    "nasbench101.parquet": (nasbench101, "nasbench1shot1-1", "111:conv3x3", FAULTS_101),
}
CASES = [(name, fault) for name, (*_, faults) in TABLES.items() for fault in faults]
EVERY_FAULT = pytest.mark.parametrize(("name", "fault"), CASES, ids=[f"{n[:11]}: {f}" for n, f in CASES])


def one(folder, name, space, arch):
    [oracle] = TableOracle.find(folder)
    return oracle.score(space, arch, "cifar10")


def in_a_chain(folder, name, space, arch):
    return Chain(TableOracle.find(folder)).scores(space, [arch, arch], "cifar10")


def as_arrays(folder, name, space, arch):
    [oracle] = TableOracle.find(folder)
    return oracle.figures(space, [arch], "cifar10")


def as_ground_truth(folder, name, space, arch):
    return truths(space, [arch], ["cifar10"], TableOracle.find(folder))


def when_verified(folder, name, space, arch):
    status = next(s for s in verify(folder, lambda *_: None) if s.name == name)
    assert status.state in (State.PRESENT, State.CORRUPT)
    if status.state is State.CORRUPT:
        raise InputError(status.detail)


def when_converted(folder, name, space, arch):
    converters._write(folder / f"made/{name}", pq.read_table(folder / name))


READERS = [one, in_a_chain, as_arrays, as_ground_truth, when_verified, when_converted]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("DNAS_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.mark.parametrize("reader", READERS)
@EVERY_FAULT
def test_a_reader_refuses_it(folder, name, fault, reader):
    make, space, arch, faults = TABLES[name]
    spoil, says = faults[fault]
    table = spoil(make())
    pq.write_table(table, folder / name)
    (folder / "made").mkdir()
    with pytest.raises(InputError) as refused:
        reader(folder, name, space, arch)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list((folder / "made").iterdir())


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", TABLES)
def test_a_reader_takes_a_sound_table(folder, name, reader):
    make, space, arch, _ = TABLES[name]
    pq.write_table(make(), folder / name)
    reader(folder, name, space, arch)


@EVERY_FAULT
def test_the_commands_refuse_it(folder, name, fault, tmp_path):
    make, space, arch, faults = TABLES[name]
    pq.write_table(faults[fault][0](make()), folder / name)
    for command in (["score", space, arch], ["data", "verify"]):
        result = CliRunner().invoke(app, command)
        assert isinstance(result.exception, InputError)
        assert faults[fault][1] in str(result.exception)
    document = CliRunner().invoke(app, ["data", "verify", "--json"])
    assert '"state": "corrupt"' in document.stdout
    assert isinstance(document.exception, InputError)


def test_verify_ends_well_where_files_are_missing_or_sound(folder):
    pq.write_table(nasbench201(), folder / "nasbench201.parquet")
    assert CliRunner().invoke(app, ["data", "verify"], catch_exceptions=False).exit_code == 0


SCORE_FAULTS = {
    name: FAULTS_201[name]
    for name in ("fractions", "fractions of two cells", "errors", "errors on cifar100", "above 100", "below 0")
} | {"cifar10-valid by its figures": FAULTS_201["cifar10-valid by its figures"]}


def as_scores(table):
    rows = zip(*(table[name].to_pylist() for name in ("arch", "dataset", *FIGURES)), strict=True)
    return [Score("nasbench201", *row, release="a table", epochs=200) for row in rows]


@pytest.mark.parametrize("fault", SCORE_FAULTS)
def test_a_file_of_scores_is_held_to_the_same(tmp_path, fault):
    spoil, says = SCORE_FAULTS[fault]
    path = tmp_path / "scores.parquet"
    merge_scores(path, as_scores(spoil(nasbench201())))
    with pytest.raises(InputError, match=says):
        read_scores(path)
    with pytest.raises(InputError, match=says):
        ScoresOracle(path).score("nasbench201", CELLS[-1], "cifar10")


def test_a_sound_file_of_scores_is_read(tmp_path):
    merge_scores(tmp_path / "scores.parquet", as_scores(nasbench201()))
    assert len(read_scores(tmp_path / "scores.parquet")) == len(SETS) * len(CELLS)


def test_scores_of_retraining_may_be_as_bad_as_they_are(tmp_path):
    bad = [Score("nasbench201", arch, "digits", None, 0.5, (), (0.5,), "retrained", "retrain-x", 1) for arch in CELLS]
    merge_scores(tmp_path / "retrained.parquet", bad)
    assert read_scores(tmp_path / "retrained.parquet") == sorted(bad, key=lambda score: score.key)


def test_a_missing_training_is_left_out_and_the_others_are_counted(folder, tmp_path):
    lists = nasbench101()["test_accuracy"].to_pylist()
    lists[0], lists[1], lists[2] = [90.0, None, 92.0], [None, math.nan, 91.0], [None] * 3
    table = nasbench101().set_column(2, "test_accuracy", pa.array(lists))
    pq.write_table(table, folder / "nasbench101.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = tables.read(folder / "nasbench101.parquet", tables.NASBENCH101)
        assert list(read.splits["test"].mean[:2]) == [91.0, 91.0]
        assert math.isnan(read.splits["test"].mean[2])
        assert math.isnan(read.splits["test"].best[2])
        assert [read.splits["test"].trials_of(row) for row in range(3)] == [(90.0, 92.0), (91.0,), ()]
        assert np.isfinite(read.splits["valid"].mean).all()


def test_a_mean_that_is_missing_is_that_of_its_trainings(folder):
    table = nasbench201(CELLS[-2:], ["cifar10"])
    trials = pa.array([[60.0, None, 62.0], [70.0]])
    table = table.set_column(3, "test_accuracy", pa.array([None, 70.0])).append_column("test_trials", trials)
    pq.write_table(table, folder / "nasbench201.parquet")
    [oracle] = TableOracle.find(folder)
    score = oracle.score("nasbench201", CELLS[-2], "cifar10")
    assert (score.test, score.test_trials) == (61.0, (60.0, 62.0))


def test_score_says_how_many_trainings_a_mean_is_over(folder, tmp_path, monkeypatch):
    from bench import scoring
    from results.data.cellhash import cell_hash

    monkeypatch.setattr(scoring, "cells", lambda space, cache_dir=None: ("111:conv3x3",))
    columns = {"module_hash": [cell_hash("111:conv3x3")], "valid_accuracy": [[90.0, 91.0, 92.0]]}
    pq.write_table(pa.table(columns | {"test_accuracy": [[89.0, None, 90.0]]}), folder / "nasbench101.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = CliRunner().invoke(app, ["score", "nasbench1shot1-1", "111:conv3x3"])
    assert "test  89.50 % (mean of 2, standard deviation 0.71)" in result.stdout


@pytest.mark.data
@pytest.mark.parametrize("dataset", [None, *SETS])
@pytest.mark.parametrize(("change", "says"), [(fraction, "fractions"), (error, "errors")])
@pytest.mark.parametrize("columns", [FIGURES, FIGURES[:1], FIGURES[1:]], ids=["both", "valid", "test"])
def test_a_part_of_the_published_table_is_told_from_one_in_another_unit(
    data_dir, tmp_path, dataset, change, says, columns
):
    whole, path = pq.read_table(data_dir / "nasbench201.parquet"), tmp_path / "nasbench201.parquet"
    part = whole.take(np.arange(0, len(whole), 97))
    pq.write_table(changed(part, change, columns, dataset), path)
    with pytest.raises(InputError, match=says):
        tables.read(path, tables.NASBENCH201)


@pytest.mark.data
@pytest.mark.parametrize("step", [1, 97, 1_003, 9_001])
def test_the_published_table_and_parts_of_it_are_taken(data_dir, tmp_path, step):
    whole, path = pq.read_table(data_dir / "nasbench201.parquet"), tmp_path / "nasbench201.parquet"
    part = whole.take(np.arange(0, len(whole), step))
    pq.write_table(part, path)
    assert len(tables.read(path, tables.NASBENCH201).keys) == len(part)
