"""Seeds that diverge, groups that another process runs, devices that are too small."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from bench import engine, workers
from bench.learner import Learner
from bench.locks import Busy, hold
from bench.plan import Filter, plan
from results.record import Run
from results.store import Store

CPU = torch.device("cpu")
HOLDER = """
import pathlib, sys
from bench.locks import hold
with hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""
CHOSEN = Filter(("nasbench201",), ("darts",))


@pytest.fixture
def group(cut_down, noise_images, tmp_path):
    """Return experiment, task, images and setting of two seeds for three epochs."""
    experiment = cut_down("training.epochs=3", "seeds=0-1")
    setting = engine.Setting(Store(tmp_path / "runs"), CPU)
    (task,) = plan(experiment, setting.store, CHOSEN)
    return experiment, task, noise_images, setting


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
    experiment, task, images, setting = group
    monkeypatch.setattr(Learner, "finite", poison(1))
    engine.run_group(experiment, task, images, setting, nothing)
    healthy, lost = (setting.store.read(Run(experiment.name, "nasbench201", "darts", seed)) for seed in (0, 1))
    assert lost.manifest["status"] == "diverged"
    assert len(lost.points) == 1
    assert healthy.complete
    assert list(healthy.points["epoch"]) == [0, 1, 2, 3]
    assert np.isfinite(np.stack(healthy.points["alpha"].to_list())).all()
    assert healthy.manifest["group"]["seeds"] == [0]
    assert list(plan(experiment, setting.store, CHOSEN)) == []


def test_a_group_that_loses_every_seed_ends(group, monkeypatch):
    experiment, task, images, setting = group

    def finite(learner):
        return torch.zeros(learner.seeds, dtype=torch.bool)

    monkeypatch.setattr(Learner, "finite", finite)
    engine.run_group(experiment, task, images, setting, nothing)
    assert {r.manifest["status"] for r in setting.store.records()} == {"diverged"}


def test_a_group_that_another_process_holds_is_left_to_it(group):
    experiment, task, images, setting = group
    lock = setting.store.root / ".checkpoints" / experiment.name / "nasbench201" / "darts" / "seed-001.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Busy):
            engine.run_group(experiment, task, images, setting, nothing)
        other.kill()  # the lock goes with the process
        other.wait()
    with hold(lock):
        pass


def test_a_group_too_large_for_the_device_is_halved(group, monkeypatch):
    experiment, task, images, setting = group
    original = engine.run_group
    sizes = []

    def short_of_memory(experiment, task, images, setting, progress):
        sizes.append(len(task.seeds))
        if len(task.seeds) > 1:
            raise torch.OutOfMemoryError("too large")
        original(experiment, task, images, setting, progress)

    monkeypatch.setattr(engine, "run_group", short_of_memory)
    monkeypatch.setattr(workers, "_images", lambda protocol, setting: images)
    (outcome,) = workers.run([task], experiment, setting, nothing, workers=1)
    assert outcome.status == "done"
    assert sizes == [2, 1, 1]
    assert [r.complete for r in setting.store.records()] == [True, True]
