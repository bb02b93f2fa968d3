"""Tables of scores and of ground truth: used, or refused in a line that says how to make them anew."""

import math

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from results.data.cellhash import cell_hash
from results.scores.score import Score, merge_scores

from .strategies import LONG, damaged, examples, parquet, tables
from .test_records import Store as RecordStore
from .test_records import record

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CONV = SKIP.replace("skip_connect", "nor_conv_3x3")
CELL = "111:conv3x3"
SETS = ["cifar10", "cifar100", "imagenet16-120"]
NASBENCH201 = pa.table(
    {
        "index": [0, 1] * 3,
        "arch": [SKIP, CONV] * 3,
        "dataset": [name for name in SETS for _ in range(2)],
        "valid_accuracy": [50.0, 90.0] * 3,
        "test_accuracy": [51.0, 91.0] * 3,
        "valid_trials": [[49.0, 51.0], [90.0]] * 3,
        "test_trials": [[51.0], [91.0]] * 3,
        "epochs": [200] * 6,
        "release": ["a release"] * 6,
    }
)
NASBENCH101 = pa.table(
    {
        "module_hash": [cell_hash(CELL), "0" * 32],
        "valid_accuracy": [[90.0, 91.0, 92.0], [10.0] * 3],
        "test_accuracy": [[89.0, 90.0, math.nan], [10.0] * 3],
    }
).replace_schema_metadata({b"release": b"nasbench_only108"})
COMMANDS = st.sampled_from(
    [
        ["score", "nasbench201", SKIP],
        ["score", "nasbench201", SKIP, "--json"],
        ["score", "nasbench1shot1-1", CELL],
        ["data", "status"],
        ["data", "verify", "--json"],
        ["check"],
        ["list"],
        ["show", "paper/nasbench201/darts/0"],
    ]
)


def scores():
    return [
        Score("nasbench201", SKIP, "cifar10", 50.0, 51.0, (50.0,), (51.0,), "table", "a release", 200),
        Score("nasbench201", CONV, "digits", None, 91.0, (), (91.0,), "retrained", "retrain-quick", 3),
    ]


def laid_out(folder):
    (folder / "data").mkdir()
    RecordStore(folder / "results" / "runs").write(record(seed=0))
    return folder


def test_the_tables_that_are_changed_are_sound(feed, work):
    folder = laid_out(work())
    for name, table in {"nasbench201": NASBENCH201, "nasbench101": NASBENCH101}.items():
        (folder / "data" / f"{name}.parquet").write_bytes(parquet(table))
    assert "test  51.00 %" in feed("score", "nasbench201", SKIP, cwd=folder).out
    assert "test  89.50 %" in feed("score", "nasbench1shot1-1", CELL, cwd=folder).out
    assert not feed("data", "verify", cwd=folder).refused


def test_the_file_of_scores_that_is_changed_is_sound(feed, work):
    folder = laid_out(work())
    merge_scores(folder / "results" / "scores.parquet", scores())
    assert "test  51.00 %" in feed("score", "nasbench201", SKIP, cwd=folder).out


@examples(13)
@given(data=tables(NASBENCH201), command=COMMANDS)
def test_a_table_of_nasbench201(feed, work, data, command):
    folder = laid_out(work())
    (folder / "data" / "nasbench201.parquet").write_bytes(data)
    feed(*command, cwd=folder, statuses=(0, 1, 2))


@examples(13)
@given(
    data=tables(NASBENCH101),
    command=COMMANDS.filter(lambda words: LONG or words != ["data", "status"]),
    name=st.sampled_from(["nasbench101", "nasbench101-1shot1-partial"]),
)
def test_a_table_of_nasbench101(feed, work, data, command, name):
    folder = laid_out(work())
    (folder / "data" / f"{name}.parquet").write_bytes(data)
    feed(*command, cwd=folder, statuses=(0, 1, 2))


def file_of_scores(folder):
    merge_scores(folder / "sound.parquet", scores())
    import pyarrow.parquet as pq

    return pq.read_table(folder / "sound.parquet")


@examples(13)
@given(data=st.data(), command=COMMANDS, place=st.sampled_from(["scores.parquet", "runs/paper/retrained.parquet"]))
def test_a_file_of_scores(feed, work, data, command, place):
    folder = laid_out(work())
    table = file_of_scores(folder)
    (folder / "results" / place).write_bytes(data.draw(tables(table)))
    feed(*command, cwd=folder, statuses=(0, 1, 2))


@examples(10)
@given(data=damaged(parquet(NASBENCH201)), source=st.sampled_from(["a.tfrecord", "a.tar", "a.pth", "a.parquet"]))
def test_conversion_of_anything(feed, work, data, source):
    folder = work()
    (folder / source).write_bytes(data)
    assert feed("data", "convert", source, cwd=folder).refused
    assert not (folder / "data").exists() or not list((folder / "data").iterdir())
