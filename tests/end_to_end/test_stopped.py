"""A run that is stopped says so, leaves no half record, and continues as if it had not been."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from results.records.store import Store
from tests.signals import obey

#: Long enough to be stopped on the way.
LONG = ("training.epochs=16", "training.batch=8", "retrain.recipe=''", "seeds=0-1")
OF = ["--method", "darts", "--device", "cpu"]


@pytest.fixture(scope="module")
def options(cut):
    """The run's options, by its spaces."""
    overrides = [part for override in (*cut, *LONG) for part in ("-o", override)]
    return lambda spaces: [*OF, *overrides, *(part for space in spaces for part in ("--space", space))]


@pytest.fixture
def started(child_environment, options, tmp_path):
    """Start a run and wait until a second epoch of it is checkpointed."""
    processes = []

    def start(spaces, workers):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench", "run", "quick", *options(spaces), "--workers", str(workers)],
            cwd=tmp_path,
            env=child_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=obey,
        )
        processes.append(process)
        while not list(tmp_path.glob("results/runs/.checkpoints/**/seed-001.epoch-000[2-5].ckpt")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()


def children_of(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []


def alive(pid):
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


SPACES = ("nasbench201", "nasbench1shot1-1")


@pytest.fixture(scope="module")
def whole(dnas_each, options, tmp_path_factory):
    """The records of the same runs, never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    (answer,) = dnas_each([(["run", "quick", *options(SPACES), "--workers", "1"], folder, {})])
    assert answer.status == 0, answer.err
    return {record.run: record for record in Store(folder / "results" / "runs").records()}


@pytest.mark.parametrize(
    ("number", "status", "spaces", "workers"),
    [
        pytest.param(signal.SIGTERM, 143, SPACES[:1], 1, id="SIGTERM"),
        # as a terminal that is closed sends it
        pytest.param(signal.SIGHUP, 129, SPACES[:1], 1, id="SIGHUP", marks=pytest.mark.slow),
        # as Ctrl-C does it: to every process of the terminal
        pytest.param(signal.SIGINT, 130, SPACES, 2, id="SIGINT of two processes"),
    ],
)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    started, dnas_each, whole, options, tmp_path, number, status, spaces, workers
):
    process = started(spaces, workers)
    children = children_of(process)
    if number != signal.SIGTERM:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    said = [line for line in err.splitlines() if ": epoch " not in line]
    assert said == ["dnas: stopped; the same command continues from the last checkpoint"]
    assert len(children) >= workers or workers == 1 or not Path("/proc").is_dir()
    for _ in range(1000):  # the one that watches over the others ends a moment after them
        if not any(map(alive, children)):
            break
        time.sleep(0.01)
    assert not [pid for pid in children if alive(pid)]

    store = Store(tmp_path / "results" / "runs")
    assert store.records() == store.unreadable() == []
    planned, resumed = dnas_each(
        [
            (["plan", "quick", *options(spaces), "--json"], tmp_path, {}),
            (["run", "quick", *options(spaces), "--workers", "1"], tmp_path, {}),
        ]
    )
    assert max(task["epochs_done"] for task in planned.document["tasks"]) >= 2
    assert resumed.status == 0, resumed.err
    records = store.records()
    assert len(records) == 2 * len(spaces)
    assert all(record.same(whole[record.run]) for record in records)
    assert [p for p in store.root.rglob("*") if p.suffix in (".ckpt", ".part")] == []
