"""Which converter a file gets, and that a failure changes nothing."""

import errno
import hashlib
import os
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from results.data import convert as converters
from results.data import convert_nasbench101, convert_nasbench201
from results.data.cellhash import cell_hash
from results.data.convert import convert
from results.data.directory import State, status
from results.data.sources import SOURCES
from results.errors import InputError
from results.scores.oracle import Chain, TableOracle

from . import synthetic101, synthetic201


@pytest.fixture(autouse=True)
def small_releases(monkeypatch):
    monkeypatch.setattr(convert_nasbench101, "CELLS", 5)
    monkeypatch.setattr(convert_nasbench201, "CELLS", 3)


@pytest.fixture
def tfrecord(tmp_path):
    return synthetic101.write(tmp_path / "made-up.tfrecord", synthetic101.trainings(5))


@pytest.fixture
def published(tfrecord, tmp_path, monkeypatch):
    """Pass the made-up file off as the published one."""
    content = tfrecord.read_bytes()
    source = replace(
        SOURCES["nasbench101"],
        size=len(content),
        checksum=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
    monkeypatch.setitem(SOURCES, "nasbench101", source)
    path = tmp_path / source.path
    path.write_bytes(content)
    return path


def test_makes_the_table_of_nasbench101(tfrecord, tmp_path):
    made = convert(tfrecord, tmp_path)
    assert made == [tmp_path / "nasbench101.parquet"]
    assert pq.read_table(made[0]).num_rows == 5


def test_makes_both_tables_of_nasbench201(tmp_path):
    folder = synthetic201.write_folder(tmp_path / SOURCES["nasbench201"].unpacked, 3)
    made = convert("nasbench201", tmp_path)
    assert [path.name for path in made] == ["nasbench201.parquet", "nasbench201-12epochs.parquet"]
    assert [set(pq.read_table(path)["epochs"].to_pylist()) for path in made] == [{200}, {12}]
    assert convert(str(folder), tmp_path / "elsewhere")[0].parent == tmp_path / "elsewhere"


def test_scoring_reads_what_was_made(tmp_path):
    folder = synthetic201.write_folder(tmp_path / "NATS-tss-v1_0-3ffb9-simple", 3)
    cell = next(synthetic101.trainings(1))
    one_edge = replace(cell, module_hash=cell_hash("1:"), adjacency="0100", operations="input,output")
    others = list(synthetic101.trainings(4, seed=1))
    convert(folder, tmp_path)
    convert(synthetic101.write(tmp_path / "made-up.tfrecord", [one_edge] * 3 + others), tmp_path)

    oracle = Chain(TableOracle.find(tmp_path))
    arch = synthetic201.archs(3)[1]
    score = oracle.score("nasbench201", arch, "ImageNet16-120")
    assert score is not None
    assert (score.epochs, score.release) == (200, "NATS-tss-v1_0-3ffb9")
    trials = synthetic201.cell(1, arch)["200"]["all_results"]
    assert score.test == np.mean([trials["ImageNet16-120", seed]["eval_acc1es"]["x-test@199"] for seed in (777, 888)])
    score = oracle.score("nasbench1shot1-2", "1:", "cifar10")
    assert score is not None
    assert (score.epochs, score.release) == (108, "nasbench_only108")
    assert score.valid_trials == (100 * cell.valid,) * 3


def test_finds_a_source_by_its_name(published, tmp_path):
    convert("nasbench101", tmp_path)
    found = {s.name: s for s in status(tmp_path)}
    assert found["nasbench101.parquet"].state is State.PRESENT
    assert not found["nasbench101.parquet"].needed


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nasbench101", r"nasbench_only108\.tfrecord is missing .*; run 'dnas data fetch nasbench101'"),
        ("nasbench11", "nasbench11 does not exist; did you mean 'nasbench101'"),
        ("absent.tfrecord", "absent.tfrecord does not exist; give a published file, or one of nasbench101, nas"),
        ("cifar10", "'cifar10' is used as it is"),
    ],
)
def test_says_what_to_do_about_a_missing_file(tmp_path, source, message):
    with pytest.raises(InputError, match=message):
        convert(source, tmp_path)


def test_says_what_it_can_read(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no table")
    with pytest.raises(InputError, match=r"neither a \.tfrecord, \.tar or \.pth"):
        convert(path, tmp_path)


def test_refuses_a_published_file_with_another_checksum(published, tmp_path):
    content = bytearray(published.read_bytes())
    content[-30] ^= 1
    published.write_bytes(content)
    with pytest.raises(InputError, match=r"is corrupt \(its sha256 is .*\); run 'dnas data fetch nasbench101'"):
        convert("nasbench101", tmp_path)
    published.write_bytes(content[:-1])
    with pytest.raises(InputError, match="is truncated"):
        convert(published, tmp_path)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("spoil", [flip, cut])
def test_a_damaged_file_leaves_the_earlier_table(tfrecord, tmp_path, spoil):
    (before,) = convert(tfrecord, tmp_path)
    content = before.read_bytes()
    files = sorted(tmp_path.iterdir())
    spoil(tfrecord)
    with pytest.raises(InputError) as error:
        convert(tfrecord, tmp_path, replace=True)
    assert "\n" not in str(error.value)
    assert before.read_bytes() == content
    assert sorted(tmp_path.iterdir()) == files


def test_a_full_disk_leaves_the_earlier_table(tfrecord, tmp_path, monkeypatch):
    (before,) = convert(tfrecord, tmp_path)
    content = before.read_bytes()
    files = sorted(tmp_path.iterdir())

    def full(table, file, **_):
        file.write(b"the first bytes")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(converters.parquet.pq, "write_table", full)
    with pytest.raises(InputError, match="No space left on device") as error:
        convert(tfrecord, tmp_path, replace=True)
    assert "\n" not in str(error.value)
    assert before.read_bytes() == content
    assert sorted(tmp_path.iterdir()) == files


def test_an_interrupted_conversion_can_be_run_again(tfrecord, tmp_path):
    def interrupted(what, done, total):
        raise KeyboardInterrupt

    files = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        convert(tfrecord, tmp_path, interrupted)
    assert sorted(tmp_path.iterdir()) == files
    first = convert(tfrecord, tmp_path)[0].read_bytes()
    with pytest.raises(InputError, match=r"nasbench101\.parquet is a table that is there already; --replace"):
        convert(tfrecord, tmp_path)
    assert convert(tfrecord, tmp_path, replace=True)[0].read_bytes() == first


def test_nothing_is_drawn_where_there_is_no_terminal(tfrecord, tmp_path, capfd):
    convert(tfrecord, tmp_path)
    assert capfd.readouterr() == ("", "")
