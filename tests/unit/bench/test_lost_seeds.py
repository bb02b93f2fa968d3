"""Seeds that diverge, groups that another process runs, devices that are too small."""

import multiprocessing
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.arms import Arm
from bench.engines import inline
from bench.machine.setting import Setting
from bench.runs import checkpoint, execution
from bench.runs.group import GroupState
from bench.runs.plan import plan
from bench.search import Position
from bench.steps.learner import Learner
from results.files.locks import Busy, hold
from results.records.store import Store

CPU = torch.device("cpu")


@pytest.fixture
def group(cut_down, noise_images, tmp_path):
    """Return task, images and setting of two seeds for three epochs."""
    experiment = cut_down("training.epochs=3", "seeds=0-1")
    setting = Setting(Store(tmp_path / "runs"), CPU)
    (task,) = plan([experiment.arm("nasbench201", "darts")], setting.store)
    return task, noise_images, setting


def nothing(*_):
    pass


def poison(seed):
    """Return a ``Learner.finite`` that first makes a weight of one of two seeds NaN."""
    original = Learner.finite

    def finite(learner):
        if learner.seeds == 2:
            learner.state.weights[seed, 0] = torch.nan
        return original(learner)

    return finite


def test_a_diverged_seed_is_recorded_and_the_other_goes_on(group, monkeypatch):
    task, images, setting = group
    monkeypatch.setattr(Learner, "finite", poison(1))
    execution.run_group(task, images, setting, nothing)
    healthy, lost = (setting.store.read(run) for run in task.runs)
    assert lost.manifest.status == "diverged"
    assert len(lost.points) == 1
    assert healthy.complete
    assert list(healthy.points["epoch"]) == [0, 1, 2, 3]
    assert np.isfinite(np.stack(healthy.points["alpha"].to_list())).all()
    assert (healthy.manifest.group.seeds, healthy.manifest.group.before) == ((0,), ())
    assert list(plan([task.arm], setting.store)) == []


@pytest.mark.parametrize("lost_at", [1, 3])  # in the first epoch, and in the second, of which there is a checkpoint
def test_a_form_that_carries_a_loss_over_is_left_and_the_others_go_on_from_before(group, monkeypatch, lost_at):
    task, images, setting = group
    original, taken, forms = Learner.weight_step, [], []

    def weight_step(learner, *arguments):
        outcome = original(learner, *arguments)
        if learner.seeds == 2:
            taken.append(learner)
            forms.append(learner.net.form)
            if len(taken) >= lost_at:
                learner.state.weights[1, 0] = torch.inf
        return outcome

    monkeypatch.setattr(Learner, "weight_step", weight_step)
    execution.run_group(task, images, replace(setting, form="dense"), nothing)
    healthy, lost = (setting.store.read(run) for run in task.runs)
    assert set(forms) == {"dense", "grouped"}
    assert lost.manifest.status == "diverged"
    assert healthy.complete
    assert list(healthy.points["epoch"]) == [0, 1, 2, 3]
    assert np.isfinite(np.stack(healthy.points["alpha"].to_list())).all()
    assert np.isfinite(healthy.points["train_loss"][1:]).all()
    assert (healthy.manifest.group.seeds, healthy.manifest.group.form) == ((0,), "grouped")
    before = [(group["seeds"], group["form"], group["until"]) for group in healthy.manifest.group.before]
    kept = [([0, 1], "dense", [1, 0]), ([0, 1], "grouped", [2, 0])] if lost_at == 3 else [([0, 1], "grouped", [1, 0])]
    assert before == kept


def test_a_group_that_loses_every_seed_ends(group, monkeypatch):
    task, images, setting = group

    def finite(learner):
        return torch.zeros(learner.seeds, dtype=torch.bool)

    monkeypatch.setattr(Learner, "finite", finite)
    execution.run_group(task, images, setting, nothing)
    assert {r.manifest.status for r in setting.store.records()} == {"diverged"}


def keep(lock, held):
    """Hold a lock until the end comes from outside."""
    with hold(lock):
        held.set()
        signal.pause()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_group_that_another_process_holds_is_left_to_it(group):
    task, images, setting = group
    lock = checkpoint.lock(setting.store.root, task.arm.run(1))
    fork = multiprocessing.get_context("fork")
    held = fork.Event()
    other = fork.Process(target=keep, args=(lock, held), daemon=True)
    other.start()
    assert held.wait(60)
    with pytest.raises(Busy):
        execution.run_group(task, images, setting, nothing)
    other.kill()  # the lock goes with the process
    other.join()
    with hold(lock):
        pass


@pytest.fixture
def short_of_memory(monkeypatch, group):
    """Let groups of two have no memory from some epoch on; return the sizes and positions that were begun."""
    original, begun = execution.search, []

    def from_epoch(epoch):
        def search(learner, *rest, at, sums, **more):
            begun.append((learner.seeds, at.epoch))
            for point in original(learner, *rest, at=at, sums=sums, **more):
                if learner.seeds == 2 and point.epoch >= epoch:
                    raise torch.OutOfMemoryError("too large")
                yield point

        monkeypatch.setattr(execution, "search", search)
        monkeypatch.setattr(Arm, "images", lambda *_: group[1])
        return begun

    return from_epoch


@pytest.mark.parametrize(("epoch", "kept"), [(0, 0), (2, 1)])
def test_a_group_too_large_for_the_device_is_halved_and_loses_no_epoch(group, short_of_memory, epoch, kept):
    task, _, setting = group
    begun = short_of_memory(epoch)
    (outcome,) = inline.run([task], setting, nothing, workers=1)
    assert outcome.status == "done"
    assert begun == [(2, 0), (1, kept), (1, kept)]
    records = setting.store.records()
    assert [(r.complete, r.manifest.group.seeds) for r in records] == [(True, (0,)), (True, (1,))]
    assert all(list(r.points["epoch"]) == [0, 1, 2, 3] for r in records)
    before = [[(g["seeds"], g["until"]) for g in r.manifest.group.before] for r in records]
    assert before == [[([0, 1], [kept, 0])] if kept else []] * 2
    assert not list(setting.store.root.rglob("*.ckpt"))


def test_a_seed_alone_that_is_too_large_has_failed(group, short_of_memory, monkeypatch):
    task, _, setting = group
    short_of_memory(0)
    monkeypatch.setattr(GroupState, "halves", no_memory)
    (outcome,) = inline.run([task], setting, nothing, workers=1)
    assert (outcome.status, outcome.error) == ("failed", "too large even so")
    assert {r.manifest.status for r in setting.store.records()} == {"failed"}


def no_memory(*_):
    raise torch.OutOfMemoryError("too large even so")


def test_a_failure_leaves_the_records_of_seeds_that_ended_before(group, monkeypatch):
    task, images, setting = group
    monkeypatch.setattr(Learner, "finite", poison(1))
    monkeypatch.setattr(execution, "_landscape", lambda *_: no_memory())
    monkeypatch.setattr(Arm, "images", lambda *_: images)
    (outcome,) = inline.run([task], setting, nothing, workers=1)
    assert outcome.status == "failed"
    assert [r.manifest.status for r in setting.store.records()] == ["failed", "diverged"]


def test_a_group_that_another_process_ran_meanwhile_is_not_run_again(group):
    task, images, setting = group
    execution.run_group(task, images, setting, nothing)
    times = [setting.store.path(r.run).stat().st_mtime_ns for r in setting.store.records()]
    execution.run_group(task, images, setting, nothing)  # planned before the other ended
    assert [setting.store.path(r.run).stat().st_mtime_ns for r in setting.store.records()] == times


def test_a_group_whose_checkpoint_has_gone_meanwhile_starts_afresh(group):
    task, images, setting = group
    execution.run_group(replace(task, at=Position(2)), images, setting, nothing)
    assert [list(r.points["epoch"]) for r in setting.store.records()] == [[0, 1, 2, 3]] * 2


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with pytest.raises(OSError, match="no file system with locks") as caught, hold(tmp_path / "one.lock"):
        pass
    assert caught.value.filename == str(tmp_path / "one.lock")


def test_what_hears_of_points_is_told_whose_they_are(group, monkeypatch):
    task, images, setting = group
    monkeypatch.setattr(Learner, "finite", poison(0))
    heard = []
    execution.run_group(task, images, setting, lambda of, epoch, rows: heard.append((of, epoch, list(rows))))
    assert {of for of, _, _ in heard} == {task}
    assert [(epoch, runs) for _, epoch, runs in heard if epoch] == [(epoch, [task.runs[1]]) for epoch in (1, 2, 3)]
