"""Files that are larger than they look, or hold text that is none."""

import numpy as np
import pyarrow as pa
import pytest

from results.errors import InputError
from results.files import parquet


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.parquet"


def repeated(value, rows):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))


def test_a_table_of_too_many_rows_is_refused(path):
    parquet.write(path, pa.table({"x": repeated("a", 1001)}))
    assert parquet.read(path, fix="fix", most_rows=1001).num_rows == 1001
    with pytest.raises(InputError, match=r"expands to more than 1,000 rows .*; fix$"):
        parquet.read(path, fix="fix", most_rows=1000)


def test_a_table_whose_values_repeat_beyond_bounds_is_refused(path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_BYTES", 1 << 20)
    parquet.write(path, pa.table({"x": repeated("a" * 1000, 2000)}))
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match="expands"):
        parquet.read(path, fix="fix")


def test_what_is_read_piece_by_piece_is_what_was_written(path, monkeypatch):
    monkeypatch.setattr(parquet, "_BATCH", 7)
    lists = pa.array([[float(i)] * (i % 3) for i in range(50)])
    table = pa.table({"x": range(50), "y": lists, "z": repeated("b", 50)}, metadata={"a": "b"})
    parquet.write(path, table)
    found = parquet.read(path, fix="fix")
    assert found.equals(table)
    assert found.schema.metadata == table.schema.metadata
    assert parquet.read(path, ["y"], fix="fix").equals(table.select(["y"]))


def test_a_table_without_rows_keeps_its_columns(path):
    parquet.write(path, pa.table({"x": pa.array([], pa.int64()), "y": pa.array([], pa.string())}))
    assert parquet.read(path, ["y"], fix="fix").schema.names == ["y"]


def test_text_that_is_none_is_refused(path):
    parquet.write(path, pa.table({"x": pa.array([b"\xff\x00"]).view(pa.string())}))
    with pytest.raises(InputError, match="fix"):
        parquet.read(path, fix="fix")


def test_a_column_that_is_there_twice_is_refused(path):
    parquet.write(path, pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"]))
    with pytest.raises(InputError, match="the column 'x' twice"):
        parquet.read(path, fix="fix")
