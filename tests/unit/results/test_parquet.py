"""A file is whole or absent, and a damaged one is noticed."""

import os

import numpy as np
import pyarrow as pa
import pytest

from results.errors import InputError
from results.files import parquet

TABLE = pa.table({"name": [f"{i:032x}" for i in range(5000)], "value": np.random.default_rng(0).random(5000)})


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "table.parquet"
    parquet.write(path, TABLE)
    assert parquet.read(path, fix="").equals(TABLE)
    assert parquet.read(path, ["value"], optional=["name", "absent"], fix="").column_names == ["value", "name"]
    assert [p.name for p in path.parent.iterdir()] == ["table.parquet"]


def test_a_flipped_byte_is_noticed(tmp_path):
    """Every page has a checksum; of the headers, a flip either fails or changes nothing that is read."""
    path = tmp_path / "table.parquet"
    parquet.write(path, TABLE)
    sound, noticed, passed = path.read_bytes(), 0, 0
    for place in range(4, len(sound), 1499):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x10]) + sound[place + 1 :])
        try:
            found = parquet.read(path, fix="")
        except InputError:
            noticed += 1
        else:
            assert found.equals(TABLE)
            passed += 1
    assert noticed > 20 * passed


def test_an_interruption_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "table.parquet"
    parquet.write(path, TABLE)
    monkeypatch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        parquet.write(path, TABLE.slice(0, 1))
    assert parquet.read(path, fix="").equals(TABLE)
    assert [p.name for p in tmp_path.iterdir()] == ["table.parquet"]


def test_a_damaged_name_of_a_column_is_no_error_where_nothing_is_read(tmp_path):
    path = tmp_path / "table.parquet"
    parquet.write(path, pa.table({"valid_accuracy": [1.0]}))
    content = path.read_bytes()
    for bit in (0x80, 0x40):
        found = bytearray(content)
        for start in [at for at in range(len(content)) if content.startswith(b"valid_accuracy", at)]:
            found[start] ^= bit
        path.write_bytes(found)
        assert parquet.read_metadata(path, b"run") is None
        assert "valid_accuracy" not in parquet.column_names(path)
