"""From the file of NAS-Bench-101 to its table."""

import dataclasses
import random

import pytest

from results.data import convert_nasbench101
from results.errors import InputError

from .synthetic101 import Training, payload, record, trainings, write

CELL = Training(
    module_hash="00005c142e6f48ac74fdcf73e3439874",
    adjacency="0100" + "0010" + "0001" + "0000",
    operations="input,conv3x3-bn-relu,maxpool3x3,output",
    valid=0.9160656929016113,
    test=0.9116586446762085,
)


def silent(what, done, total):
    """Report nothing."""


@pytest.fixture(autouse=True)
def cells_of_a_whole_file(monkeypatch):
    monkeypatch.setattr(convert_nasbench101, "CELLS", 1)


def read(path, *content):
    return convert_nasbench101.read(write(path / "any.tfrecord", content), silent)


def test_one_row_per_cell_with_every_training_in_percent(tmp_path):
    others = [dataclasses.replace(CELL, valid=v, test=v - 0.01, seconds=s) for v, s in ((0.5, 1.0), (0.25, 2.0))]
    table = read(tmp_path, CELL, *others)
    assert table.to_pylist() == [
        {
            "module_hash": "00005c142e6f48ac74fdcf73e3439874",
            "adjacency": [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0],
            "ops": ["input", "conv3x3-bn-relu", "maxpool3x3", "output"],
            "valid_accuracy": [91.60656929016113, 50.0, 25.0],
            "test_accuracy": pytest.approx([91.16586446762085, 49.0, 24.0]),
            "train_seconds": [1769.25, 1.0, 2.0],
            "parameters": 8_555_530,
        }
    ]
    assert table.schema.metadata[b"release"] == b"nasbench_only108"


def test_rows_are_sorted_however_the_records_are(tmp_path, monkeypatch):
    monkeypatch.setattr(convert_nasbench101, "CELLS", 40)
    monkeypatch.setattr(convert_nasbench101, "_SLICE", 7)
    content = list(trainings(40))
    table = read(tmp_path, *content)
    hashes = table["module_hash"].to_pylist()
    assert hashes == sorted({t.module_hash for t in content})
    for row in random.Random(0).sample(table.to_pylist(), 10):
        own = [t for t in content if t.module_hash == row["module_hash"]]
        assert row["valid_accuracy"] == [100 * t.valid for t in own]
        assert row["test_accuracy"] == [100 * t.test for t in own]
        assert "".join(map(str, row["adjacency"])) == own[0].adjacency
        assert ",".join(row["ops"]) == own[0].operations


def test_passes_over_other_lengths_of_training(tmp_path):
    short = [dataclasses.replace(CELL, epochs=epochs, valid=0.1) for epochs in (4, 12, 36)]
    table = read(tmp_path, *short, CELL, *short, CELL, CELL)
    assert table["valid_accuracy"].to_pylist() == [[100 * CELL.valid] * 3]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"adjacency": "0" * 64, "operations": "input" + ",maxpool3x3" * 6 + ",output"}, "7 vertices"),
        ({"adjacency": "0111110" + "0011110" + "0000010" + "0" * 28}, "does not fit"),
        ({"adjacency": "0110" + "0010" + "0001" + "1000"}, "strictly upper triangular"),
        ({"adjacency": "0200" + "0010" + "0001" + "0000"}, "strictly upper triangular"),
        ({"adjacency": "010" + "001" + "000"}, "does not fit"),
        ({"adjacency": "01000"}, "does not fit"),
        ({"operations": "input,conv5x5-bn-relu,maxpool3x3,output"}, "conv5x5"),
        ({"operations": "output,conv3x3-bn-relu,maxpool3x3,input"}, "is not input"),
        ({"module_hash": "00005c14"}, "not a module hash"),
        ({"module_hash": "x" * 32}, "not a module hash"),
        ({"parameters": 2**40}, "record 0 of any.tfrecord is not of NAS-Bench-101"),
    ],
)
def test_refuses_a_cell_outside_the_space(tmp_path, change, fault):
    with pytest.raises(InputError, match=fault) as error:
        read(tmp_path, *[dataclasses.replace(CELL, **change)] * 3)
    assert "\n" not in str(error.value)


def test_refuses_a_tenth_edge(tmp_path):
    rows = ["0111100", "0011100", "0001001", "0000100", "0000010", "0000001", "0000000"]
    cell = dataclasses.replace(CELL, adjacency="".join(rows), operations="input" + ",maxpool3x3" * 5 + ",output")
    assert cell.adjacency.count("1") == 12
    with pytest.raises(InputError, match="9 edges"):
        read(tmp_path, cell)


@pytest.mark.parametrize("accuracy", [-0.1, 1.1, 93.0, float("nan")])
def test_refuses_what_is_no_accuracy(tmp_path, accuracy):
    with pytest.raises(InputError, match="not between 0 and 1"):
        read(tmp_path, CELL, CELL, dataclasses.replace(CELL, test=accuracy))


def test_refuses_a_cell_without_its_three_trainings(tmp_path):
    with pytest.raises(InputError, match=f"cell {CELL.module_hash} does not have 3 trainings of 108 epochs"):
        read(tmp_path, CELL, CELL)


def test_refuses_a_file_without_all_cells(tmp_path):
    other = dataclasses.replace(CELL, module_hash="f" * 32)
    with pytest.raises(InputError, match="2 of 1 cells"):
        read(tmp_path, *[CELL, other] * 3)
    with pytest.raises(InputError, match="0 of 1 cells"):
        read(tmp_path)


@pytest.mark.parametrize(
    "odd", [b"", b"[]", b"{}", b"null", b"[1, 108, 3, 4, 5]", b'["a", 108, "0", "b", "c"]', b"\xff"]
)
def test_refuses_other_records(tmp_path, odd):
    path = tmp_path / "any.tfrecord"
    path.write_bytes(record(payload(CELL)) + record(odd))
    with pytest.raises(InputError, match=r"record 1 of any\.tfrecord is not of NAS-Bench-101"):
        convert_nasbench101.read(path, silent)


def test_reports_bytes(tmp_path):
    reports = []
    path = write(tmp_path / "any.tfrecord", [CELL] * 3)
    convert_nasbench101.read(path, lambda *report: reports.append(report))
    assert reports[-1] == ("reading any.tfrecord", path.stat().st_size, path.stat().st_size)
