"""What an experiment found is scored on the images of its space, within the time that there is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import spaces
from bench import from_scratch, reproduce
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting
from bench.reproduce import Scored
from bench.runs import recording
from bench.search import Point
from results.records.store import Store

LIMITS = {"nasbench201": 20, "nasbench1shot1-1": 30, "nasbench1shot1-3": 30}


@pytest.fixture
def experiment(cut_down):
    """An experiment whose spaces have different images."""
    return cut_down("images.limit=30", "space.nasbench201.images.limit=20")


@pytest.fixture
def setting(tmp_path):
    return Setting(Store(tmp_path / "runs"), torch.device("cpu"), tmp_path / "data", deadline=12.0)


@pytest.fixture
def found(experiment, setting):
    """Return what a search of each space ended in; one record is of another data set than the experiment has."""
    archs = {}
    for seed, (name, dataset) in enumerate([*((name, "digits") for name in LIMITS), ("nasbench201", "cifar10")]):
        space = spaces.find(name)
        arch = space.random(np.random.default_rng(seed))
        rows = recording.rows(space, Point(0, [arch], np.zeros((1, space.alphas)), {}))
        made = recording.record(experiment.arm(name, "darts"), seed, rows, images_checksum="", group={}, device={})
        searched = made.manifest.space.as_dict() | {"dataset": dataset}
        setting.store.write(replace(made, manifest=made.manifest.changed(space=searched)))
        archs[name, dataset] = arch.key
    return archs


def test_each_cell_is_retrained_on_the_images_of_its_space(experiment, setting, found, monkeypatch):
    calls = []

    def retrain(archs, images, recipe, *, out: Path, deadline, **_):
        calls.append((sorted(archs), len(images.train), deadline))

    monkeypatch.setattr(from_scratch, "retrain", retrain)
    scored = reproduce.score(experiment, setting, print)
    asked = {limit: sorted((s, found[s, "digits"]) for s, n in LIMITS.items() if n == limit) for limit in (20, 30)}
    assert sorted(calls, key=lambda call: call[1]) == [(asked[20], 20, 12.0), (asked[30], 30, 12.0)]
    assert scored == Scored("0 of 4 distinct final architectures scored by retraining")


def test_a_scoring_that_is_out_of_time_says_that_it_goes_on(experiment, setting, found, monkeypatch):
    def retrain(*_, **__):
        raise OutOfTime

    monkeypatch.setattr(from_scratch, "retrain", retrain)
    scored = reproduce.score(experiment, setting, print)
    assert scored.out_of_time
    assert scored.text.startswith(
        "0 of 4 distinct final architectures scored by retraining; out of time, and the same command"
    )
