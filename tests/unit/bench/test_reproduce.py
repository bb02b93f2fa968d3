"""What an experiment found is scored on the images of its space, within the time that there is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import spaces
from bench import from_scratch, reproduce
from bench.engines import engine
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting
from bench.reproduce import Scored
from bench.runs import recording
from bench.search import Point
from results.errors import InputError
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


def seeds_of(experiment, seeds, folder):
    return [group.seeds for group in reproduce.groups(experiment, ["nasbench201"], ["darts"], seeds, folder)]


def test_seeds_of_a_program_are_integers_of_any_kind_each_once(experiment, tmp_path):
    for seeds in ([2, 0, 2], np.array([2, 0]), (each for each in (2, 0)), [np.int64(2), 0]):
        assert seeds_of(experiment, seeds, tmp_path) == [(2, 0)]
    assert seeds_of(experiment, None, tmp_path) == [experiment.seeds]


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([], "seeds is empty, so that nothing would run"),
        (np.array([]), "seeds is empty, so that nothing would run"),
        ("0-3", r"\('0', '-', '3'\) are not seeds; give integers, as in range\(4\)"),
        ([0.5], r"\(0.5,\) are not seeds; give integers"),
        ([-1], "-1 is not a seed; give integers from 0 to 999,999,999"),
        ([0, 10**9], "1000000000 is not a seed; give integers from 0 to 999,999,999"),
    ],
)
def test_what_is_no_seed_of_a_program_is_refused(experiment, tmp_path, seeds, says):
    with pytest.raises(InputError, match=says):
        seeds_of(experiment, seeds, tmp_path)


def test_an_empty_list_of_methods_does_not_run_all(experiment, tmp_path):
    with pytest.raises(InputError, match="methods is empty"):
        reproduce.groups(experiment, None, [], None, tmp_path)


def test_a_scoring_leaves_the_number_of_threads_as_it_was(experiment, setting, found, monkeypatch):
    inside = []
    monkeypatch.setattr(from_scratch, "retrain", lambda *_, **__: inside.append(torch.get_num_threads()))
    torch.set_num_threads(2)
    try:
        reproduce.score(experiment, setting, print)
        assert (set(inside), torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(1)


def test_arms_that_make_no_sense_leave_nothing_to_train(experiment, setting, found, monkeypatch):
    monkeypatch.setattr(from_scratch, "retrain", lambda *_, **__: pytest.fail("trains what nobody asked for"))
    assert from_scratch.train(experiment, setting, print, ()) == Scored("nothing to score yet")


def test_the_failure_of_an_earlier_call_is_no_record_of_this_one(cut_down, tmp_path, monkeypatch):
    def records(**how):
        found = reproduce.run(experiment, ["nasbench201"], ["darts"], [0], tmp_path / "runs", **how)
        return [record.manifest.status for record in found]

    def fails(*_):
        raise RuntimeError("the device gave up")

    experiment = cut_down("training.epochs=1")
    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    with monkeypatch.context() as broken:
        broken.setattr(engine.execution, "run_group", fails)
        assert records() == ["failed"]
    assert records(seconds=0.0) == []
