"""Stores that are full, read-only or shared: one line that says so, nothing half written, nothing run twice."""

import os
import subprocess
import sys
import time

import pytest

from results.records.store import Store

OVERRIDES = ("training.epochs=3", "training.batch=8", "retrain.recipe=''", "seeds=0-1")


@pytest.fixture(scope="module")
def command(cut):
    options = [part for override in (*cut, *OVERRIDES) for part in ("-o", override)]
    return [
        "run",
        "quick",
        "--space",
        "nasbench201",
        "--method",
        "darts",
        "--workers",
        "1",
        "--device",
        "cpu",
        *options,
    ]


@pytest.fixture(scope="module")
def whole(dnas_each, command, tmp_path_factory):
    """The records of the same runs, where nothing happened."""
    folder = tmp_path_factory.mktemp("whole")
    (answer,) = dnas_each([(command, folder, {})])
    assert answer.status == 0, answer.err
    return {record.run: record for record in Store(folder / "results" / "runs").records()}


@pytest.fixture
def disk(tmp_path):
    """Mount a file system of its own, with options as of ``mount -o``; only root can."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("no file system can be mounted here")
        return place

    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root mounts file systems")
    yield mount
    subprocess.run(["umount", "--lazy", place], capture_output=True, check=False)


def refused(answer, says):
    assert answer.status == 2, answer
    (line,) = [line for line in answer.err.splitlines() if ": epoch " not in line]
    assert line.startswith("dnas: cannot use disk/")  # the folder, also of a disk that is full
    assert says in line
    return True


def equal(store, whole):
    records = store.records()
    assert store.unreadable() == []
    assert list(store.root.rglob("*.part*")) == []
    return len(records) == len(whole) and all(record.same(whole[record.run]) for record in records)


@pytest.mark.parametrize("size", ["16k", "128k"])
def test_a_full_disk_is_named_and_the_search_goes_on_when_it_has_room(disk, dnas_each, command, whole, size):
    place = disk(f"size={size}")
    (full,) = dnas_each([([*command, "--runs", "disk/runs"], place.parent, {})])
    refused(full, "No space left on device")
    store = Store(place / "runs")
    assert store.unreadable() == store.records() == []
    disk("remount,size=64m")
    (again,) = dnas_each([([*command, "--runs", "disk/runs"], place.parent, {})])
    assert again.status == 0, again.err
    assert equal(store, whole)


def test_a_read_only_store_can_be_looked_at_and_is_not_run_into(disk, dnas_each, command, whole):
    place = disk("size=64m")
    store = Store(place / "runs")
    for record in list(whole.values())[:1]:
        store.write(record)
    disk("remount,ro")
    runs = ["--runs", "disk/runs"]
    run, listed, planned, checked, built = dnas_each(
        [
            ([*command, *runs], place.parent, {}),
            (["list", *runs], place.parent, {}),
            (["plan", *command[1:6], *runs], place.parent, {}),
            (["check", *runs], place.parent, {}),
            (["report", *runs], place.parent, {}),
        ]
    )
    refused(run, "Read-only file system")
    assert [answer.status for answer in (listed, planned, checked, built)] == [0] * 4, (planned, checked, built)
    assert "unreadable" not in listed.out


def test_two_processes_on_one_store_share_the_work(child_environment, command, whole, tmp_path):
    arguments = [sys.executable, "-m", "bench", *command, "-o", "training.epochs=3"]
    how = {
        "cwd": tmp_path,
        "env": child_environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    first = subprocess.Popen(arguments, **how)
    while not list(tmp_path.glob("results/runs/.checkpoints/**/*.ckpt")):  # it is on its way
        assert first.poll() is None, first.communicate()
        time.sleep(0.005)
    os.kill(first.pid, 19)  # SIGSTOP: it holds its runs for as long as the second looks
    second = subprocess.run(arguments, **how, timeout=300, check=False)
    os.kill(first.pid, 18)  # SIGCONT
    out, err = first.communicate(timeout=300)
    assert (first.returncode, second.returncode) == (0, 0), err + second.stderr
    assert all(": epoch " in line for line in (err + second.stderr).splitlines())
    assert "left to another process" in second.stdout
    assert "done after" in out
    store = Store(tmp_path / "results" / "runs")
    assert equal(store, whole)
    assert len(list(store.root.rglob("seed-*.parquet"))) == len(whole)


@pytest.mark.slow
def test_processes_that_start_together_run_nothing_twice(child_environment, command, whole, tmp_path):
    arguments = [sys.executable, "-m", "bench", *command]
    how = {
        "cwd": tmp_path,
        "env": child_environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    both = [subprocess.Popen(arguments, **how) for _ in range(2)]
    ends = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    store = Store(tmp_path / "results" / "runs")
    assert equal(store, whole)
    assert [p for p in store.root.rglob("*") if p.suffix in (".ckpt", ".lock")] == []
