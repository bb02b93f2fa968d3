"""The file of scores merges, sorts and survives a round trip."""

import multiprocessing
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.errors import InputError
from results.files.parquet import column_names
from results.scores.score import Score, is_scores, merge_scores, read_scores

PERCENT = st.floats(0, 100)


def consistent(score):
    """Return a score whose means are those of its trainings, where there are any."""
    means = {
        split: fmean(trials) if (trials := getattr(score, f"{split}_trials")) else getattr(score, split)
        for split in ("valid", "test")
    }
    return replace(score, **means)


SCORES = st.builds(
    Score,
    space=st.sampled_from(["nasbench201", "nasbench1shot1-1"]),
    arch=st.text("ab", min_size=1, max_size=3),
    dataset=st.sampled_from(["cifar10", "cifar100"]),
    valid=st.none() | PERCENT,
    test=st.none() | PERCENT,
    valid_trials=st.lists(PERCENT, max_size=3).map(tuple),
    test_trials=st.lists(PERCENT, max_size=3).map(tuple),
    source=st.sampled_from(["table", "retrained"]),
    release=st.sampled_from(["nasbench_only108", "retrain-quick"]),
    epochs=st.integers(0, 200),
).map(consistent)


@settings(max_examples=20, deadline=None)
@given(st.lists(SCORES, max_size=8))
def test_merging_is_an_upsert_in_any_order(scores):
    last = {score.key: score for score in scores}
    with tempfile.TemporaryDirectory() as folder:
        one_by_one, at_once = Path(folder, "a.parquet"), Path(folder, "b.parquet")
        merge_scores(one_by_one, [])
        for score in scores:
            merge_scores(one_by_one, [score])
        merge_scores(at_once, reversed(list(last.values())))
        assert read_scores(one_by_one) == [last[key] for key in sorted(last)]
        assert one_by_one.read_bytes() == at_once.read_bytes()


def _add(path, start, numbers):
    start.wait()
    for number in numbers:
        merge_scores(path, [Score("nasbench201", f"{number:03}", "cifar10", 1.0, float(number))])


def test_no_row_is_lost_where_several_processes_add_some(tmp_path):
    path, spawn = tmp_path / "runs" / "retrained.parquet", multiprocessing.get_context("spawn")
    start = spawn.Barrier(3)
    processes = [spawn.Process(target=_add, args=(path, start, range(first, 45, 3))) for first in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert [score.test for score in read_scores(path)] == [float(number) for number in range(45)]
    assert [p.name for p in path.parent.iterdir()] == ["retrained.parquet"]


def test_an_absent_file_holds_no_scores(tmp_path):
    assert read_scores(tmp_path / "scores.parquet") == []


def test_a_file_of_another_schema_is_named(tmp_path):
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"space": ["nasbench201"]}), path)
    with pytest.raises(InputError, match=r"scores\.parquet lacks the column 'arch'; .*version control"):
        read_scores(path)
    merge_scores(tmp_path / "good.parquet", [Score("nasbench201", "a", "cifar10", 1.0, 2.0)])
    table = pq.read_table(tmp_path / "good.parquet")
    pq.write_table(table.set_column(5, "epochs", pa.array(["many"])), path)
    with pytest.raises(InputError, match="'epochs' that is not of type int64"):
        read_scores(path)


def test_what_only_retraining_says_is_kept_where_it_is_said(tmp_path):
    """Files without such scores have the columns of older versions."""
    plain = Score("nasbench201", "a", "cifar10", None, 91.0, (), (91.0,), "retrained", "retrain-own", 3)
    merge_scores(tmp_path / "old.parquet", [plain])
    merge_scores(tmp_path / "new.parquet", [plain, replace(plain, arch="b", best_test=92.0, parameters=7)])
    assert {*column_names(tmp_path / "new.parquet")} - {*column_names(tmp_path / "old.parquet")} == {
        "best_test",
        "parameters",
    }
    assert all(is_scores(tmp_path / name) for name in ("old.parquet", "new.parquet"))
    first, second = read_scores(tmp_path / "new.parquet")
    assert (first, second.best_test, second.parameters) == (plain, 92.0, 7)


def test_a_best_test_that_is_no_percentage_is_refused(tmp_path):
    score = Score(
        "nasbench201", "a", "cifar10", None, 91.0, (), (91.0,), "retrained", "retrain-own", 3, best_test=101.0
    )
    merge_scores(tmp_path / "s.parquet", [score])
    with pytest.raises(InputError, match="'best_test' holds 101"):
        read_scores(tmp_path / "s.parquet")


def gap(name, value):
    """Return what puts a gap into a column."""

    def spoil(table):
        column = pa.array([value], table.schema.field(name).type)
        return table.set_column(table.column_names.index(name), name, column)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda table: pa.concat_tables([table, table]), "has a score twice"),
        (gap("release", None), "has a gap in its column 'release'"),
        (gap("epochs", None), "has a gap in its column 'epochs'"),
        (gap("test_trials", [None]), "has a gap in its column 'trials'"),
    ],
)
def test_a_score_that_lacks_something_or_is_there_twice_is_refused(tmp_path, spoil, says):
    path = tmp_path / "scores.parquet"
    merge_scores(path, [Score("nasbench201", "a", "cifar10", 1.0, 2.0, (1.0,), (2.0,))])
    pq.write_table(spoil(pq.read_table(path)), path)
    with pytest.raises(InputError, match=rf"scores\.parquet {says}; "):
        read_scores(path)
