"""The store gives back what it was given, whole, and says which files are damaged."""

import json
import os
import string
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.errors import InputError
from results.files import parquet
from results.records import side_file
from results.records.record import Record
from results.records.run import Run
from results.records.store import Store

RUN = Run("paper", "nasbench201", "darts", 3)
NAMES = st.text(string.ascii_lowercase + string.digits + "-+", min_size=1, max_size=12)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def records(draw, make):
    n = draw(st.integers(1, 5))
    values = st.lists(FLOATS, min_size=n, max_size=n)
    operations = draw(st.lists(st.sampled_from(["mix_none", "alpha_grad_conv3x3", "weight_grad_x"]), unique=True))
    columns = {c: draw(values) for c in ("train_loss", "eigenvalue", "seconds", *operations)}
    columns["alpha"] = draw(st.lists(st.lists(FLOATS, max_size=4), min_size=n, max_size=n))
    run = Run(draw(NAMES), draw(NAMES), draw(NAMES), draw(st.integers(0, 10_000)))
    archs = tuple(draw(st.lists(st.text(max_size=20), min_size=n, max_size=n)))
    return make(run, archs, **columns)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_round_trip_is_bit_for_bit(make_record, data):
    record = data.draw(records(make_record))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.write(record)
        again = store.read(record.run)
    assert record.same(again)
    assert again.manifest == record.manifest
    assert list(again.points.dtypes.astype(str)) == list(record.points.dtypes.astype(str))
    seconds = zip(record.points["seconds"], again.points["seconds"], strict=True)
    assert all(a == b or (a != a and b != b) for a, b in seconds)


def test_equal_records_are_equal_bytes(tmp_path, make_record):
    for name in ("a", "b"):
        Store(tmp_path / name).write(make_record(RUN))
    first, second = (Store(tmp_path / name).path(RUN).read_bytes() for name in ("a", "b"))
    assert first == second


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_record(tmp_path, make_record, monkeypatch, step):
    store = Store(tmp_path)
    old = make_record(RUN, ("old",))
    store.write(old)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, step, interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.write(make_record(RUN, ("new", "newer")), replace=True)
    assert store.read(RUN).same(old)
    assert [p.name for p in store.path(RUN).parent.iterdir()] == ["seed-003.parquet"]


def test_records_are_filtered_and_sorted(tmp_path, make_record):
    store = Store(tmp_path)
    runs = [
        Run("paper", "nasbench201", "darts", 10),
        Run("paper", "nasbench201", "darts", 2),
        Run("paper+00ff00ff", "nasbench201", "darts", 0),
        Run("paper", "nasbench1shot1-1", "random", 0),
    ]
    for run in runs:
        store.write(make_record(run))
    store.write(make_record(Run("paper", "nasbench201", "sdarts-rs", 0), status="diverged"))
    assert [str(r.run) for r in store.records("paper", "nasbench201", complete_only=True)] == [
        "paper/nasbench201/darts/2",
        "paper/nasbench201/darts/10",
    ]
    assert len(store.records("paper", "nasbench201")) == 3
    assert len(store.records()) == 5
    assert [r.run.experiment for r in store.records("paper+00ff00ff")] == ["paper+00ff00ff"]
    assert Store(tmp_path / "nowhere").records() == []


def test_side_files_and_checkpoints_are_not_records(tmp_path, make_record):
    store = Store(tmp_path)
    store.write(make_record(RUN))
    side = store.side_path(RUN, "landscape")
    assert side.name == "seed-003.landscape.parquet"
    pq.write_table(pa.Table.from_pandas(LANDSCAPE), side)
    (tmp_path / ".checkpoints" / "a" / "b").mkdir(parents=True)
    (tmp_path / ".checkpoints" / "a" / "b" / "seed-000.parquet").write_bytes(b"no record")
    assert len(store.records()) == 1
    assert store.unreadable() == []


LANDSCAPE = pd.DataFrame({"kind": ["plane"], "x": [0.0], "y": [0.0], "valid_accuracy": [50.0]})


def test_a_landscape_lies_beside_its_own_record_alone(tmp_path, make_record):
    store, record = Store(tmp_path), make_record(RUN)
    other = Record(RUN, record.points, record.manifest.changed(config_hash="another"))
    store.write_side(RUN, "landscape", LANDSCAPE, record.config_hash)
    store.write(record)
    assert store.landscape(RUN).equals(LANDSCAPE)
    assert side_file.owner(store.side_path(RUN, "landscape")) == (RUN, record.config_hash)
    parquet.write(store.path(RUN), pq.read_table(filed(tmp_path / "other", other)))  # as if it had been killed just now
    assert store.landscape(RUN) is None
    store.write(other)
    assert not store.side_path(RUN, "landscape").exists()


def filed(folder: Path, record: Record) -> Path:
    store = Store(folder)
    store.write(record)
    return store.path(record.run)


def test_a_record_written_anew_keeps_its_landscape(tmp_path, make_record):
    store, record = Store(tmp_path), make_record(RUN)
    store.write(record)
    older = pa.Table.from_pandas(LANDSCAPE, preserve_index=False)
    for metadata in ({}, {b"dnas-run": str(RUN).encode()}):
        pq.write_table(older.replace_schema_metadata(metadata), store.side_path(RUN, "landscape"))
        store.write(record)
        assert store.landscape(RUN).equals(LANDSCAPE)


def test_a_landscape_that_says_no_protocol_is_the_records_until_another_is_filed(tmp_path, make_record):
    store, record = Store(tmp_path), make_record(RUN)
    store.write(record)
    older = pa.Table.from_pandas(LANDSCAPE).replace_schema_metadata({b"dnas-run": str(RUN).encode()})
    pq.write_table(older, store.side_path(RUN, "landscape"))
    assert store.landscape(RUN).equals(LANDSCAPE)
    store.write(Record(RUN, record.points, record.manifest.changed(config_hash="another")), replace=True)
    assert store.landscape(RUN) is None


def cut_off(path: Path, record: Record) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path, record: Record) -> None:
    path.write_bytes(b"")


def no_manifest(path: Path, record: Record) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def other_schema(path: Path, record: Record) -> None:
    manifest = json.dumps(record.manifest.as_dict() | {"schema": 99}).encode()
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"dnas": manifest}), path)


def no_config_hash(path: Path, record: Record) -> None:
    manifest = json.dumps({k: v for k, v in record.manifest.as_dict().items() if k != "config_hash"}).encode()
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"dnas": manifest}), path)


def list_for_manifest(path: Path, record: Record) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"dnas": b"[1]"}), path)


def missing_column(path: Path, record: Record) -> None:
    pq.write_table(pq.read_table(path).drop_columns("alpha"), path)


def another_run(path: Path, record: Record) -> None:
    manifest = json.dumps(record.manifest.as_dict() | {"run": vars(Run("x", "y", "z", 1))}).encode()
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"dnas": manifest}), path)


DAMAGES = [
    (cut_off, "cut off"),
    (empty, "cut off"),
    (no_manifest, "has no manifest"),
    (list_for_manifest, "has no manifest"),
    (no_config_hash, "it lacks 'config_hash'"),
    (other_schema, "schema 99"),
    (missing_column, "no column 'alpha'"),
    (another_run, "holds the record of x/y/z/1"),
]


@pytest.mark.parametrize(("damage", "says"), DAMAGES, ids=lambda x: getattr(x, "__name__", ""))
def test_a_damaged_file_is_listed_and_left_out(tmp_path, make_record, damage, says):
    store = Store(tmp_path)
    good, bad = make_record(Run("paper", "nasbench201", "darts", 4)), make_record(RUN)
    store.write(good)
    store.write(bad)
    damage(store.path(RUN), bad)
    assert [r.run for r in store.records()] == [good.run]
    [(path, line)] = store.unreadable()
    assert path == store.path(RUN)
    assert says in line
    assert str(path) in line
    assert "\n" not in line
    with pytest.raises(InputError, match=r"seed-003\.parquet"):
        store.read(RUN)


def test_a_missing_record_is_an_error_with_the_fix(tmp_path):
    with pytest.raises(InputError, match=r"no record of paper/nasbench201/darts/3 .*'dnas list'"):
        Store(tmp_path).read(RUN)


def test_a_missing_record_is_told_with_the_nearest_run(tmp_path, make_record):
    store = Store(tmp_path)
    store.write(make_record(RUN))
    with pytest.raises(InputError, match=r"no record of .*; did you mean 'paper/nasbench201/darts/3'\?"):
        store.read(replace(RUN, method="dart"))


def test_config_hash_comes_from_the_metadata(tmp_path, make_record):
    store = Store(tmp_path)
    assert store.config_hash(RUN) is None
    store.write(make_record(RUN))
    assert store.config_hash(RUN) == "0123abcd"
    store.path(RUN).write_bytes(b"PAR1")
    assert store.config_hash(RUN) is None
    assert store.manifest(RUN) is None


def test_wrong_columns_are_refused_before_anything_is_written(tmp_path, make_record):
    record = make_record(RUN)
    record.points["surprise"] = 1.0
    with pytest.raises(ValueError, match="surprise"):
        Store(tmp_path).write(record)
    assert list(tmp_path.iterdir()) == []


STAGES = {"stage": ["search", "search", "select"], "tried": [[], [], [float("nan"), 80.0]]}


def test_a_record_with_a_selection_is_read_as_it_was_written(tmp_path, make_record):
    record, store = make_record(RUN, ("a", "b", "c"), **STAGES), Store(tmp_path)
    store.write(record)
    again = store.read(RUN)
    assert record.same(again)
    assert not record.same(make_record(RUN, ("a", "b", "c"), **STAGES | {"tried": [[], [], [1.0, 80.0]]}))
    assert list(again.searched["arch"]) == ["a", "b"]
    assert list(again.selected["arch"]) == ["c"]
    assert list(again.course["arch"]) == ["a", "c"]
    assert (again.completed, again.final_arch) == (1, "c")
    assert list(again.points["arch"]) == ["a", "b", "c"]


def test_a_record_without_a_selection_is_all_search(make_record):
    record = make_record(RUN, ("a", "b"))
    assert record.searched is record.points
    assert record.course is record.points
    assert record.selected.empty
    assert record.completed == 1


@pytest.mark.parametrize(
    "stages", [["search", "select", "search"], ["select", "select", "select"], ["search", "search", "else"]]
)
def test_stages_that_no_search_has_are_refused(tmp_path, make_record, stages):
    store = Store(tmp_path)
    store.write(make_record(RUN, ("a", "b", "c"), **STAGES | {"stage": stages}))
    with pytest.raises(InputError, match="and then those of a selection"):
        store.read(RUN)


def test_a_stage_of_another_kind_is_refused(tmp_path, make_record):
    store = Store(tmp_path)
    store.write(make_record(RUN, ("a", "b", "c"), **STAGES))
    table = parquet.read(store.path(RUN), fix="")
    place = table.column_names.index("stage")
    parquet.write(store.path(RUN), table.set_column(place, "stage", pa.array([0, 0, 1])))
    with pytest.raises(InputError, match="column 'stage' of another kind"):
        store.read(RUN)
