"""Downloads from a web server on this machine that behaves in all the ways that servers do."""

import errno
import hashlib
import os
import socket
from collections import namedtuple
from contextlib import contextmanager

import pytest

from results.data import fetch as module
from results.data.directory import State, status
from results.data.fetch import fetch
from results.data.sources import SOURCES, Source
from results.errors import InputError

from . import server

CONTENT = bytes(i * i % 251 for i in range(1_000_000))
STEP = 1 << 16


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch):
    monkeypatch.delenv("DNAS_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "TIMEOUT", (5.0, 5.0))


@contextmanager
def source_at(monkeypatch, *behaviours, checksum="sha256"):
    """Serve one file at as many addresses as there are ``behaviours``; yield the list of requests."""
    named = {f"mirror{i}": behaviour for i, behaviour in enumerate(behaviours)}
    digest = hashlib.new(checksum, CONTENT).hexdigest()
    with server.serving(CONTENT, **named) as (address, log):
        source = Source(
            name="made-up",
            what="made up",
            path="folder/file.bin",
            size=len(CONTENT),
            checksum=f"{checksum}:{digest}",
            addresses=tuple(f"{address}/{name}" for name in named),
            without="everything else",
        )
        monkeypatch.setitem(SOURCES, "made-up", source)
        yield log


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("checksum", ["sha256", "md5"])
@pytest.mark.parametrize("behaviour", [server.good, server.slow, server.without_ranges])
def test_downloads_and_checks(tmp_path, monkeypatch, behaviour, checksum):
    with source_at(monkeypatch, behaviour, checksum=checksum) as log:
        assert fetch(["made-up"], tmp_path) == [tmp_path / "folder/file.bin"]
    assert (tmp_path / "folder/file.bin").read_bytes() == CONTENT
    assert log == [("mirror0", 0)]
    assert listing(tmp_path) == ["folder/file.bin"]


def test_leaves_a_sound_file_alone(tmp_path, monkeypatch):
    with source_at(monkeypatch, server.good) as log:
        fetch(["made-up"], tmp_path)
        fetch(["made-up"], tmp_path)
    assert len(log) == 1


def test_resumes_at_the_same_address_where_it_was_cut_off(tmp_path, monkeypatch):
    with source_at(monkeypatch, server.cut_off(6 * STEP)) as log:
        fetch(["made-up"], tmp_path)
    assert (tmp_path / "folder/file.bin").read_bytes() == CONTENT
    assert log == [("mirror0", 0), ("mirror0", 6 * STEP), ("mirror0", 12 * STEP)]


def test_resumes_at_the_next_address(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", (5.0, 0.3))
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with source_at(monkeypatch, server.stalled, server.good) as log:
        fetch(["made-up"], tmp_path)
    assert (tmp_path / "folder/file.bin").read_bytes() == CONTENT
    assert log == [("mirror0", 0), ("mirror1", 2 * STEP)]


def test_resumes_in_the_next_call(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with source_at(monkeypatch, server.cut_off(3 * STEP)) as log:
        with pytest.raises(InputError, match=r"127\.0\.0\.1: connection broken off"):
            fetch(["made-up"], tmp_path)
        assert listing(tmp_path) == ["folder/file.bin.part"]
        monkeypatch.setattr(module, "ATTEMPTS", 5)
        fetch(["made-up"], tmp_path)
    assert log[1] == ("mirror0", 3 * STEP)
    assert (tmp_path / "folder/file.bin").read_bytes() == CONTENT


def test_does_not_insist_where_nothing_is_gained(tmp_path, monkeypatch):
    behaviour = server.cut_off_without_ranges(3 * STEP)
    with source_at(monkeypatch, behaviour) as log, pytest.raises(InputError, match="connection broken off"):
        fetch(["made-up"], tmp_path)
    assert len(log) == 2


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (server.missing, "404 Not Found"),
        (server.corrupt, "wrong checksum"),
        (server.another_size, "offers 1,000,004 bytes where 1,000,000 were published"),
        (server.web_page, "offers a web page"),
        (server.unannounced, "connection broken off"),
        (server.stalled, "no answer in time"),
    ],
)
def test_asks_the_next_address(tmp_path, monkeypatch, behaviour, fault):
    monkeypatch.setattr(module, "TIMEOUT", (5.0, 0.3))
    with source_at(monkeypatch, behaviour, server.good) as log:
        fetch(["made-up"], tmp_path)
    assert (tmp_path / "folder/file.bin").read_bytes() == CONTENT
    assert log[-1][0] == "mirror1"
    (tmp_path / "folder/file.bin").unlink()
    with source_at(monkeypatch, behaviour), pytest.raises(InputError, match=fault) as error:
        fetch(["made-up"], tmp_path)
    assert "\n" not in str(error.value)
    assert "folder/file.bin" not in listing(tmp_path)


def test_names_what_is_wrong_with_each_address(tmp_path, monkeypatch):
    with source_at(monkeypatch, server.missing, server.corrupt), pytest.raises(InputError) as error:
        fetch(["made-up"], tmp_path)
    assert str(error.value) == (
        "no address delivers file.bin (127.0.0.1: 404 Not Found; 127.0.0.1: wrong checksum);"
        f" try again later, or put it at {tmp_path}/folder/file.bin by hand"
    )


def test_begins_anew_where_the_part_was_of_another_file(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file.bin.part").write_bytes(b"of another file")
    with source_at(monkeypatch, server.good) as log:
        fetch(["made-up"], tmp_path)
    assert log == [("mirror0", 15), ("mirror0", 0)]
    assert (tmp_path / "folder/file.bin").read_bytes() == CONTENT


def test_a_damaged_file_stays_until_there_is_a_sound_one(tmp_path, monkeypatch):
    path = tmp_path / "folder/file.bin"
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    with source_at(monkeypatch, server.good), pytest.raises(InputError, match=f"{path} is not the file that was pub"):
        fetch(["made-up"], tmp_path)
    assert path.read_bytes() == b"damaged"
    with source_at(monkeypatch, server.corrupt), pytest.raises(InputError, match="wrong checksum"):
        fetch(["made-up"], tmp_path, replace=True)
    assert path.read_bytes() == b"damaged"
    with source_at(monkeypatch, server.good):
        fetch(["made-up"], tmp_path, replace=True)
    assert path.read_bytes() == CONTENT


def test_an_address_where_nobody_listens(tmp_path, monkeypatch):
    with source_at(monkeypatch, server.good):
        pass
    with pytest.raises(InputError, match=r"127\.0\.0\.1: no connection"):
        fetch(["made-up"], tmp_path)


@pytest.mark.parametrize("value", ["1", "true"])
def test_offline_opens_no_socket(tmp_path, monkeypatch, value):
    def forbidden(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setenv("DNAS_OFFLINE", value)
    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)
    with pytest.raises(InputError, match=r"nasbench_only108\.tfrecord is missing and DNAS_OFFLINE is set") as error:
        fetch(["nasbench101"], tmp_path)
    assert "\n" not in str(error.value)
    assert SOURCES["nasbench101"].without in str(error.value)
    assert listing(tmp_path) == []


def test_offline_is_content_with_a_sound_file(tmp_path, monkeypatch):
    with source_at(monkeypatch, server.good):
        fetch(["made-up"], tmp_path)
    monkeypatch.setenv("DNAS_OFFLINE", "1")
    assert fetch(["made-up"], tmp_path) == [tmp_path / "folder/file.bin"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(self, url, done):
        self.part.write_bytes(b"the first bytes")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module._Resuming, "_receive", full)
    with source_at(monkeypatch, server.good), pytest.raises(InputError, match="No space left on device") as error:
        fetch(["made-up"], tmp_path)
    assert "\n" not in str(error.value)
    assert listing(tmp_path) == []


def test_asks_for_space_before_it_starts(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage(0, 0, 1000))
    with source_at(monkeypatch, server.good) as log, pytest.raises(InputError, match=r"0\.0 GB more than are free"):
        fetch(["made-up"], tmp_path)
    assert log == []


def test_names_the_nearest_source(tmp_path):
    with pytest.raises(InputError, match="unknown source 'nasbench102'; did you mean 'nasbench101'"):
        fetch(["nasbench102"], tmp_path)
    with pytest.raises(InputError, match="known are cifar10, cifar100, svhn-train"):
        fetch(["xyz"], tmp_path)


def test_reports_bytes(tmp_path, monkeypatch):
    reports = []
    with source_at(monkeypatch, server.cut_off(6 * STEP)):
        fetch(["made-up"], tmp_path, lambda *report: reports.append(report))
    done = [done for _, done, _ in reports]
    assert done == sorted(done)
    assert reports[-1] == ("fetching file.bin", len(CONTENT), len(CONTENT))


def test_nothing_is_drawn_where_there_is_no_terminal(tmp_path, monkeypatch, capfd):
    with source_at(monkeypatch, server.good):
        fetch(["made-up"], tmp_path)
    assert capfd.readouterr() == ("", "")


def test_status_tells_of_a_download_that_was_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with source_at(monkeypatch, server.cut_off(3 * STEP)):
        with pytest.raises(InputError):
            fetch(["made-up"], tmp_path)
        (found,) = [s for s in status(tmp_path) if s.name == "made-up"]
    assert found.state is State.MISSING
    assert found.detail.endswith("196,608 of its 1,000,000 bytes are downloaded")
