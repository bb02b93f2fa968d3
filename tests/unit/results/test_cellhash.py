"""Hashes of cells, and the file that keeps those of a space."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results.data import cellhash
from results.data.cellhash import cell_hash, hashed_cells

CELLS = ("1:", "101:conv3x3", "111:conv3x3", "101:conv1x1")


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(cellhash, "_known", {})


@pytest.fixture
def hashed(monkeypatch):
    """Return the cells that were hashed rather than read, as they are."""
    done, real = [], cellhash._parse
    monkeypatch.setattr(cellhash, "_parse", lambda arch: done.append(arch) or real(arch))
    return done


def fresh():
    cellhash._known.clear()


def test_cells_are_hashed_once_and_read_afterwards(tmp_path, hashed):
    path, reports = tmp_path / "cells" / "space.parquet", []
    assert hashed_cells(path, "1", lambda: CELLS, lambda *report: reports.append(report)) == CELLS
    assert hashed == list(CELLS)
    assert reports[-1] == ("hashing space, once", 4, 4)
    wanted = [cell_hash(arch) for arch in CELLS]
    fresh()
    assert hashed_cells(path, "1", pytest.fail) == CELLS
    assert [cell_hash(arch) for arch in CELLS] == wanted
    assert hashed == list(CELLS)
    assert [p.name for p in path.parent.iterdir()] == ["space.parquet"]


def test_another_version_is_hashed_anew(tmp_path, hashed):
    path = tmp_path / "space.parquet"
    hashed_cells(path, "1", lambda: CELLS)
    fresh()
    assert hashed_cells(path, "2", lambda: CELLS[:2]) == CELLS[:2]
    assert hashed == [*CELLS, *CELLS[:2]]
    fresh()
    assert hashed_cells(path, "2", pytest.fail) == CELLS[:2]


def test_a_damaged_file_is_made_anew(tmp_path):
    path = tmp_path / "space.parquet"
    hashed_cells(path, "1", lambda: CELLS)
    sound, wanted = path.read_bytes(), dict(cellhash._known)
    flips = (sound[:i] + bytes([sound[i] ^ 1]) + sound[i + 1 :] for i in range(0, len(sound), 97))
    for damaged in (b"", sound[:-20], sound[: len(sound) // 2], *flips):
        fresh()
        path.write_bytes(damaged)
        assert hashed_cells(path, "1", lambda: CELLS) == CELLS
        assert cellhash._known == wanted
        fresh()
        assert hashed_cells(path, "1", pytest.fail) == CELLS


@pytest.mark.parametrize("column", [["0" * 32] * 4, [None] * 4, [0] * 4])
def test_a_well_formed_file_with_other_hashes_is_made_anew(tmp_path, column):
    path = tmp_path / "space.parquet"
    hashed_cells(path, "1", lambda: CELLS)
    wanted = [cell_hash(arch) for arch in CELLS]
    table = pq.read_table(path)
    pq.write_table(pa.table({"arch": CELLS, "module_hash": column}, metadata=table.schema.metadata), path)
    fresh()
    hashed_cells(path, "1", lambda: CELLS)
    assert [cell_hash(arch) for arch in CELLS] == wanted


def test_a_folder_that_cannot_be_written_to_is_done_without(tmp_path):
    (tmp_path / "file").touch()
    assert hashed_cells(tmp_path / "file" / "space.parquet", "1", lambda: CELLS) == CELLS
