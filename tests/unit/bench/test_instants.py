"""A search to which something happens at each instant at which it touches the disk, one after the other.

What happens: the disk is full, or the process is killed. ``DNAS_KILLS=50`` kills at every instant, otherwise at some.
"""

import errno
import multiprocessing
import os
import shutil
import signal
import sys
from contextlib import suppress

import pytest
import torch

from bench.machine.setting import Setting
from bench.runs.execution import run_group
from bench.runs.plan import plan
from bench.runs.tidy import tidy
from results.records.store import Store

from .test_resume import same

#: A kill at each so manieth instant.
EVERY = [17, pytest.param(1 if int(os.environ.get("DNAS_KILLS", "2")) > 2 else 4, marks=pytest.mark.slow)]
OPTIONS = ("training.batch=20", "measure.landscape=1", "measure.landscape_images=8")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Instants:
    """Counts the instants at which this process changes files below a folder, and does something at one of them."""

    def __init__(self):
        self.folder, self.left, self.act, self.count = None, 0, None, 0
        sys.addaudithook(self._note)

    def arm(self, folder, number, act):
        self.folder, self.left, self.act, self.count = str(folder), number, act, 0

    def disarm(self):
        self.folder = None

    def now(self):
        self.count += 1
        self.left -= 1
        if self.left == 0:
            self.act()

    def _note(self, event, arguments):
        if self.folder is None or event not in ("open", "os.rename", "os.mkdir", "os.remove"):
            return
        if str(arguments[0]).startswith(self.folder) and (event != "open" or (arguments[2] or 0) & _WRITES):
            self.now()


instants = Instants()


@pytest.fixture
def armed(monkeypatch):
    """Arm the instants; what is written through to the disk is one, too."""
    fsync = os.fsync

    def counted(number):
        if instants.folder is not None:
            instants.now()
        fsync(number)

    monkeypatch.setattr(os, "fsync", counted)
    yield instants.arm
    instants.disarm()


class Full(OSError):
    pass


def full():
    raise Full(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_at_any_instant_costs_nothing_that_was_written(search, uncut, armed, tmp_path, tally):
    whole, cut = uncut(*OPTIONS), Store(tmp_path / "cut")
    number, failures, equal = 0, 0, 0
    while True:
        number += 1
        before = {record.run for record in cut.records()}
        armed(tmp_path, number, full)
        with suppress(Full):
            search("cut", *OPTIONS)
        instants.disarm()
        if instants.left > 0:  # it ended before its time came
            break
        failures += 1
        assert cut.unreadable() == []
        assert list(cut.root.rglob("*.part*")) == []
        found = {record.run for record in cut.records()}
        assert before <= found
        if len(found) == 2:  # the rest of the instants are those of a search from the start
            equal += 2
            assert same(cut, whole)
            shutil.rmtree(cut.root)
    assert failures > 15
    assert same(cut, whole)
    tally(kind="full disk", instants=failures, records=equal + 2, equal=equal + 2)


def _killed(experiment, images, root, number):
    torch.set_num_threads(1)
    instants.arm(root, number, lambda: os.kill(os.getpid(), signal.SIGKILL))
    setting = Setting(Store(root), torch.device("cpu"))
    for task in plan(experiment.choose(("nasbench201",), ("darts",)).arms, setting.store):
        run_group(task, images, setting, lambda *_: None)


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_search_killed_at_any_instant_goes_on_as_if_it_had_not_been(
    search, uncut, armed, cut_down, noise_images, tmp_path, tally, every
):
    whole = uncut(*OPTIONS)
    experiment = cut_down(*OPTIONS, "seeds=0-1")
    fork = multiprocessing.get_context("fork")
    number, kills = 1, 0
    while True:
        root = tmp_path / f"killed-{number}"
        process = fork.Process(target=_killed, args=(experiment, noise_images, root, number))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills += 1
        assert Store(root).unreadable() == []
        assert same(search(root.name, *OPTIONS), whole)
        tidy(experiment.choose(("nasbench201",), ("darts",)).arms, Store(root))
        assert [p.name for p in root.rglob("*") if p.suffix in (".ckpt", ".lock", ".part")] == []
        shutil.rmtree(root)
        number += every
    tally(kind="SIGKILL at each write", kills=kills, lost=0, doubled=0, equal=2 * kills)
    assert kills * every > 15


class Clock:
    """Clocks that jump by days, back and forth, whenever they are read."""

    def __init__(self):
        self.now, self.step = 1e9, 0

    def read(self):
        self.step += 1
        self.now += (-1) ** self.step * 86_400.0 * self.step
        return self.now


def test_a_clock_that_jumps_changes_nothing_but_what_is_volatile(search, uncut, monkeypatch):
    import time

    whole = uncut()
    with monkeypatch.context() as patched:
        for name in ("time", "monotonic", "perf_counter"):
            patched.setattr(time, name, Clock().read)
        jumped = search("jumped")
    assert same(jumped, whole)


def test_the_lock_of_a_process_that_is_gone_is_none(search, uncut, tmp_path):
    folder = tmp_path / "stale" / ".checkpoints"
    whole = uncut()
    (name,) = {p.name for p in whole.root.iterdir() if p.is_dir() and not p.name.startswith(".")}
    place = folder / name / "nasbench201" / "darts"
    place.mkdir(parents=True)
    for seed in (0, 1):
        (place / f"seed-{seed:03d}.lock").write_text("4194304")
    assert same(search("stale"), whole)
    assert list(folder.rglob("*.lock")) == []


def test_a_run_that_failed_is_never_done_and_is_run_again(search, uncut, monkeypatch, tmp_path, cut_down):
    whole = uncut()
    failing = Store(tmp_path / "failing")
    experiment = cut_down("seeds=0-1")
    (task,) = plan(experiment.choose(("nasbench201",), ("darts",)).arms, failing)
    from bench.engines import engine

    images = experiment.arm("nasbench201", "darts").images(None)
    engine.write_failure(task, images, Setting(failing, torch.device("cpu")), "the device\x00 gave up")
    assert [record.manifest.status for record in failing.records()] == ["failed"] * 2
    assert failing.records(complete_only=True) == []
    assert same(search("failing"), whole)
