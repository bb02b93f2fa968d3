"""A group whose seeds part on the way, killed at any instant: none of them goes back behind its last checkpoint."""

import shutil
from itertools import count, islice

import pytest
import torch

from bench.machine.setting import Setting
from bench.runs import execution
from bench.runs.execution import run_group
from bench.runs.group import GroupState
from bench.runs.plan import plan
from bench.search import search as whole_search
from bench.steps.learner import Learner
from results.records.store import Store

from .test_instants import armed, instants

__all__ = ["armed"]


def halved(monkeypatch, run, tasks):
    """Run a group of four of which the device holds two, once its second epoch is over."""
    original = execution.search

    def search(learner, *rest, **more):
        for point in original(learner, *rest, **more):
            if learner.seeds == 4 and point.epoch == 2:
                raise torch.OutOfMemoryError("too large")
            yield point

    monkeypatch.setattr(execution, "search", search)
    run(*tasks())


def narrowed(monkeypatch, run, tasks):
    """Run seeds 1 and 2 of a group of four that was cut off after its first epoch, then the other two."""
    with monkeypatch.context() as patched:
        patched.setattr(GroupState, "finish", lambda *_: None)
        patched.setattr(execution, "search", lambda *a, **m: islice(whole_search(*a, **m), 2))
        run(*tasks())
    run(*tasks(seeds=(1, 2)))
    run(*tasks())


def diverged(monkeypatch, run, tasks):
    """Run a group of four whose seed 2 is lost in the second epoch."""
    original = Learner.finite
    points = count()

    def finite(learner):
        found = original(learner)
        return found & (torch.arange(4) != 2) if learner.seeds == 4 and next(points) >= 2 else found

    monkeypatch.setattr(Learner, "finite", finite)
    run(*tasks())


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])  # so manieth instant is looked at
@pytest.mark.parametrize("regroup", [halved, narrowed, diverged])
def test_a_kill_at_any_instant_sends_no_seed_of_a_changed_group_back(
    regroup, every, armed, cut_down, noise_images, tmp_path, monkeypatch
):
    experiment = cut_down("training.epochs=3", "training.batch=20", "seeds=0-3")
    store, kept, states, save = Store(tmp_path / "runs"), {}, [], GroupState.save

    def tasks(at=store, seeds=(0, 1, 2, 3)):
        return list(plan([experiment.arm("nasbench201", "darts").narrowed(seeds)], at))

    def run(*tasks, at=store):
        for task in tasks:
            run_group(task, noise_images, Setting(at, torch.device("cpu")), lambda *_: None)

    def saved(group, learner, sums=None, *, only=None):
        save(group, learner, sums, only=only)
        seeds = [seed for index, seed in enumerate(group.group.seeds) if only is None or only[index]]
        kept.update(dict.fromkeys(seeds, (group.points[0][-1]["epoch"], 0)))

    def copied():
        copy = tmp_path / f"copy-{len(states)}"
        shutil.copytree(store.root, copy)
        states.append((Store(copy), dict(kept)))
        instants.left = 1

    monkeypatch.setattr(GroupState, "save", saved)
    store.root.mkdir()
    armed(store.root, 1, copied)
    regroup(monkeypatch, run, tasks)
    instants.disarm()
    monkeypatch.undo()
    assert len(store.records()) == 4
    assert tasks() == []
    assert len(states) > 60
    for number, (state, before) in enumerate(states[::every]):
        planned = {seed: task.at for task in tasks(state) for seed in task.seeds}
        ended = {record.run.seed for record in state.records()}
        assert planned.keys() | ended == {0, 1, 2, 3}
        assert all(planned[seed] >= before.get(seed, (0, 0)) for seed in planned)
        if number % 8 == 0:
            run(*tasks(state), at=state)
            assert len(state.records()) == 4
            assert tasks(state) == []
