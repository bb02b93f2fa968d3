"""What is said about the data directory."""

import hashlib
import pwd
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results.data import cifar10, directory
from results.data.directory import State, check, status, verify
from results.data.fetch import fetch
from results.data.sources import NASBENCH101_TABLE, NASBENCH201_TABLE, SOURCES, TABLES
from results.errors import InputError


def silent(what, done, total):
    """Report nothing."""


@pytest.fixture
def source(monkeypatch):
    """Shrink the published file of NAS-Bench-101 to 1,000 bytes."""
    digest = hashlib.sha256(bytes(1000)).hexdigest()
    small = replace(SOURCES["nasbench101"], size=1000, checksum=f"sha256:{digest}")
    monkeypatch.setitem(SOURCES, "nasbench101", small)
    return small


def found(folder, name, **arguments):
    """Return what ``status`` says about one source or table."""
    return next(s for s in status(folder, **arguments) if s.name == name)


def write_nasbench101(path, hashes=("a" * 32, "b" * 32), **changes):
    columns = {
        "module_hash": list(hashes),
        "valid_accuracy": [[90.0, 91.0, 92.0]] * len(hashes),
        "test_accuracy": [[89.0, 90.0, 91.0]] * len(hashes),
    }
    pq.write_table(
        pa.table(columns | changes, metadata={"release": "nasbench_only108"}), path, write_page_checksum=True
    )
    return path


SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"


def write_nasbench201(path, **changes):
    columns = {
        "arch": [SKIP, SKIP.replace("skip_connect", "nor_conv_3x3")] * 2,
        "dataset": ["cifar10", "cifar10", "cifar100", "cifar100"],
        "valid_accuracy": [90.0, 91.0, 70.0, None],
        "test_accuracy": [89.0, 90.0, 69.0, 70.0],
    }
    pq.write_table(pa.table(columns | changes, metadata={"release": "NATS-tss-v1_0-3ffb9"}), path)
    return path


def test_the_data_directory_is_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    assert directory.data_dir() == tmp_path
    monkeypatch.setenv("DNAS_DATA", "~/tables")
    assert directory.data_dir(new=True) == Path.home() / "tables"
    with pytest.raises(InputError, match="DNAS_DATA is ~/tables, which is not a folder; correct or unset it"):
        directory.data_dir()
    monkeypatch.delenv("DNAS_DATA")
    assert directory.data_dir().name == "dnas-bench"


def test_without_a_home_directory_a_line_says_what_to_set(monkeypatch):
    def homeless(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", homeless)
    monkeypatch.setattr(pwd, "getpwnam", homeless)
    for name in ("HOME", "DNAS_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="home directory cannot be determined; set DNAS_DATA to a folder, or set HOME"):
        directory.data_dir()
    monkeypatch.setenv("DNAS_DATA", "~nobody-here/tables")
    with pytest.raises(InputError, match="home directory cannot be determined"):
        directory.data_dir()


def test_names_each_missing_file_its_place_and_what_works_without_it(tmp_path):
    statuses = status(tmp_path / "absent")
    assert [s.name for s in statuses] == [*SOURCES, *(table.path for table in TABLES)]
    for s in statuses:
        assert s.state is State.MISSING
        assert str(s.path) in s.detail
        assert s.without
        assert "\n" not in s.detail
    needed = {s.name for s in statuses if s.needed}
    assert needed == {"cifar10", "nasbench101", "nasbench201", NASBENCH101_TABLE, NASBENCH201_TABLE}


def test_the_registry_is_whole():
    for name, source in SOURCES.items():
        assert source.name == name
        alone = name.startswith(("cifar100", "svhn"))  # their publishers' addresses are the only ones that are known
        assert len(source.addresses) >= (1 if alone else 2)
        scheme = "http://" if name.startswith("svhn") else "https://"  # its publisher has no other
        assert all(address.startswith(scheme) for address in source.addresses)
        algorithm, _, digest = source.checksum.partition(":")
        assert len(digest) == 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
        assert source.table in {"", *(table.path for table in TABLES)}
    assert SOURCES["nasbench201-v1_1"].checksum.endswith("096897")


@pytest.mark.parametrize(
    ("content", "glance", "thorough"),
    [
        (bytes(1000), State.PRESENT, State.PRESENT),
        (bytes(999), State.TRUNCATED, State.TRUNCATED),
        (bytes(1001), State.CORRUPT, State.CORRUPT),
        (bytes(999) + b"\x01", State.PRESENT, State.CORRUPT),
    ],
)
def test_a_source_is_held_to_its_size_and_checksum(tmp_path, source, content, glance, thorough):
    path = tmp_path / source.path
    path.write_bytes(content)
    assert found(tmp_path, "nasbench101").state is glance
    assert check(path, source, silent)[0] is thorough
    assert next(s for s in verify(tmp_path) if s.name == "nasbench101").state is thorough


def test_an_archive_is_found_beside_its_folder_too(tmp_path):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"short")
    assert found(tmp_path, "cifar10").state is State.TRUNCATED


def test_an_unpacked_archive_serves(tmp_path):
    folder = tmp_path / SOURCES["nasbench201"].unpacked
    folder.mkdir()
    (folder / "000000.pickle.pbz2").touch()
    s = found(tmp_path, "nasbench201")
    assert (s.state, s.path, s.detail) == (State.UNKNOWN, folder, "unpacked, 1 files")
    assert not s.needed


def test_a_source_is_not_needed_once_its_table_is_made(tmp_path):
    write_nasbench101(tmp_path / NASBENCH101_TABLE)
    assert not found(tmp_path, "nasbench101").needed
    assert found(tmp_path, "nasbench201").needed


def test_describes_a_table(tmp_path):
    write_nasbench201(tmp_path / NASBENCH201_TABLE)
    s = found(tmp_path, NASBENCH201_TABLE)
    assert (s.state, s.needed) == (State.PRESENT, False)
    assert (s.rows, s.datasets, s.release) == (4, {"cifar10": 2, "cifar100": 2}, "NATS-tss-v1_0-3ffb9")
    assert s.detail == "4 of 46,875 rows"


def test_counts_the_cells_of_each_space_that_a_table_has(tmp_path):
    write_nasbench101(tmp_path / NASBENCH101_TABLE)
    write_nasbench101(tmp_path / "nasbench101-some-partial.parquet", ["c" * 32])
    write_nasbench101(tmp_path / "nasbench101-sample-20001.parquet")
    spaces = {"nasbench1shot1-1": {"a" * 32, "c" * 32, "d" * 32}, "nasbench1shot1-2": set()}
    covered = {s.name: s.coverage for s in status(tmp_path, spaces) if s.coverage}
    assert covered == {
        NASBENCH101_TABLE: {"nasbench1shot1-1": (1, 3), "nasbench1shot1-2": (0, 0)},
        "nasbench101-some-partial.parquet": {"nasbench1shot1-1": (1, 3), "nasbench1shot1-2": (0, 0)},
    }


@pytest.mark.parametrize(
    ("spoil", "state"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), State.TRUNCATED),
        (lambda path: path.write_bytes(b""), State.TRUNCATED),
        (lambda path: write_nasbench201(path), State.CORRUPT),
    ],
)
def test_a_table_that_cannot_be_read_is_said_to_be(tmp_path, spoil, state):
    path = write_nasbench101(tmp_path / NASBENCH101_TABLE)
    spoil(path)
    s = found(tmp_path, NASBENCH101_TABLE)
    assert (s.state, s.needed) == (state, True)
    assert "\n" not in s.detail


@pytest.mark.parametrize(
    ("write", "name", "changes", "fault"),
    [
        (write_nasbench101, NASBENCH101_TABLE, {"module_hash": ["a" * 32] * 2}, "twice"),
        (write_nasbench101, NASBENCH101_TABLE, {"test_accuracy": [[1.0], [101.0]]}, "test_accuracy"),
        (write_nasbench201, NASBENCH201_TABLE, {"arch": [SKIP] * 4}, "twice"),
        (write_nasbench201, NASBENCH201_TABLE, {"arch": ["|x|", SKIP] * 2}, "the cell '|x|', which NAS-Bench-201"),
        (write_nasbench201, NASBENCH201_TABLE, {"valid_accuracy": [0.1, -0.1, 1, 1]}, "valid_accuracy"),
        (write_nasbench201, NASBENCH201_TABLE, {"valid_accuracy": [0.1, float("inf"), 1, 1]}, "valid_accuracy"),
    ],
)
def test_verify_reads_every_row(tmp_path, write, name, changes, fault):
    write(tmp_path / name, **changes)
    assert found(tmp_path, name).state is State.PRESENT
    s = next(s for s in verify(tmp_path) if s.name == name)
    assert s.state is State.CORRUPT
    assert fault in s.detail


def test_verify_notices_a_flipped_byte_in_a_table(tmp_path):
    path = write_nasbench101(tmp_path / NASBENCH101_TABLE, [f"{i:032x}" for i in range(500)])
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    s = next(s for s in verify(tmp_path) if s.name == NASBENCH101_TABLE)
    assert s.state in (State.TRUNCATED, State.CORRUPT)


@pytest.fixture
def hub_layout(tmp_path, monkeypatch):
    """Write CIFAR-10 as data set hubs do, without the images."""
    labels = np.random.default_rng(0).integers(0, 10, 60_000)
    digest = hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest()
    monkeypatch.setattr(directory, "CIFAR10_LABELS_SHA256", digest)

    def write(train=labels[:50_000], test=labels[50_000:]):
        (tmp_path / "cifar10").mkdir(exist_ok=True)
        shards = {"train-00000-of-00002": train[:25_000], "train-00001-of-00002": train[25_000:]}
        for name, shard in {**shards, "test-00000-of-00001": test}.items():
            pq.write_table(pa.table({"label": shard}), tmp_path / "cifar10" / f"{name}.parquet")
        return labels

    return write


def test_images_in_the_hubs_layout_serve_if_they_are_in_the_official_order(tmp_path, hub_layout):
    labels = hub_layout()
    s = found(tmp_path, "cifar10")
    assert (s.state, s.needed, s.path) == (State.UNKNOWN, False, tmp_path / "cifar10")
    hub_layout(np.roll(labels[:50_000], 10_000))
    s = found(tmp_path, "cifar10")
    assert (s.state, s.needed) == (State.CORRUPT, True)
    assert "not in the official order" in s.detail


def test_the_copy_that_is_reported_on_is_the_one_that_is_decoded(tmp_path, hub_layout):
    """A stray shard does not stand for a data set."""
    hub_layout()
    archive = tmp_path / SOURCES["cifar10"].path
    archive.write_bytes(b"short")
    assert found(tmp_path, "cifar10").path == tmp_path / "cifar10"
    (tmp_path / "cifar10/test-00000-of-00001.parquet").unlink()
    s = found(tmp_path, "cifar10")
    assert (s.path, s.state, s.detail) == (archive, State.TRUNCATED, "5 bytes where 170,052,171 were published")
    assert cifar10.find(tmp_path) == cifar10.Copy(archive)
    archive.unlink()
    assert found(tmp_path, "cifar10").state is State.MISSING
    assert cifar10.find(tmp_path) is None
    unpacked = tmp_path / "cifar-10-batches-bin"
    unpacked.mkdir()
    for name in cifar10.BATCHES:
        assert found(tmp_path, "cifar10").state is State.MISSING
        (unpacked / name).touch()
    s = found(tmp_path, "cifar10")
    assert (s.path, s.state, s.needed) == (unpacked, State.UNKNOWN, False)


def test_files_of_images_are_closed(tmp_path, hub_layout, monkeypatch):
    opened = []

    class Noted(pq.ParquetFile):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            opened.append(self)

    hub_layout()
    monkeypatch.setattr(pq, "ParquetFile", Noted)
    assert found(tmp_path, "cifar10").state is State.UNKNOWN
    assert [file.closed for file in opened] == [True] * 3


def test_fetching_is_content_with_another_form(tmp_path, hub_layout, monkeypatch):
    monkeypatch.setenv("DNAS_OFFLINE", "1")
    hub_layout()
    assert fetch(["cifar10"], tmp_path) == [tmp_path / "cifar10"]


def test_images_in_the_hubs_layout_must_all_be_there(tmp_path, hub_layout):
    labels = hub_layout()
    (tmp_path / "cifar10/train-00001-of-00002.parquet").unlink()
    assert found(tmp_path, "cifar10").detail == "35,000 of 60,000 images; lacks train-00001-of-00002.parquet"
    hub_layout(np.concatenate([labels, labels]))
    assert found(tmp_path, "cifar10").state is State.CORRUPT
    (tmp_path / "cifar10/test-00000-of-00001.parquet").write_bytes(b"")
    assert found(tmp_path, "cifar10").state is State.TRUNCATED


@pytest.mark.data
def test_describes_the_data_at_hand(data_dir):
    statuses = {s.name: s for s in status(data_dir)}
    assert statuses["cifar10"].state is State.UNKNOWN
    table = statuses[NASBENCH201_TABLE]
    assert table.datasets == dict.fromkeys(("cifar10", "cifar100", "imagenet16-120"), 15_625)
    assert statuses["nasbench101-1shot1-partial.parquet"].rows == 5_385
    assert {s.name for s in verify(data_dir, silent) if s.state is State.CORRUPT} == set()
