"""Which cells an experiment trains from scratch: all, or one of each arm by a short training; and published ones."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch

import spaces
from bench import from_scratch, reproduce
from bench.experiments import reading
from bench.from_scratch import Scored
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting
from bench.retraining.recipes import RECIPES
from bench.runs import recording
from bench.search import Point
from results.errors import InputError
from results.published import cells
from results.records.store import Store
from results.scores.score import Score, merge_scores, read_scores

SPACE = spaces.find("darts-s2")
#: Two names of a recipe that trains at once.
QUICK = {
    "quick": replace(RECIPES["quick"], epochs=1),
    "darts-short": replace(RECIPES["quick"], name="darts-short", epochs=1, validation="half"),
}


@pytest.fixture
def setting(tmp_path):
    return Setting(Store(tmp_path / "runs"), torch.device("cpu"), tmp_path / "data")


def load(*more):
    return reading.load("quick", ("images.limit=64", "space.darts.images.limit=64", *more))


def found(experiment, setting, method, seeds, status="complete"):
    """Put records into the store; seed s ended in the s-th of four cells."""
    for seed in seeds:
        arch = SPACE.random(np.random.default_rng(seed))
        rows = recording.rows(SPACE, Point(0, [arch], np.zeros((1, SPACE.alphas)), {}))
        arm = experiment.arm("darts-s2", method)
        setting.store.write(recording.record(arm, seed, rows, images_checksum="", group={}, device={}, status=status))
    return [SPACE.random(np.random.default_rng(seed)).key for seed in seeds]


def valid(experiment, setting, archs, values):
    """Put the outcome of short trainings into the table."""
    release = f"select-{experiment.name}"
    scores = [
        Score("darts-s2", arch, "digits", v, 50.0, (v,), (50.0,), "retrained", release, RECIPES["darts-short"].epochs)
        for arch, v in zip(archs, values, strict=True)
    ]
    merge_scores(setting.store.retrained_path(experiment.name), scores)


def trained(setting, experiment, kind="retrain"):
    scores = read_scores(setting.store.retrained_path(experiment.name))
    return {score.arch for score in scores if score.release == f"{kind}-{experiment.name}"}


def test_every_cell_is_trained_where_nothing_is_selected(setting):
    experiment = load()
    archs = found(experiment, setting, "darts", (0, 1))
    with mock.patch.dict(RECIPES, QUICK):
        scored = reproduce.score(experiment, setting, lambda *_: None)
    assert scored == Scored("2 of 2 distinct final architectures scored by retraining")
    assert trained(setting, experiment) == set(archs)


def test_what_another_protocol_found_is_not_trained(setting):
    experiment = load()
    older = replace(load("training.lr=0.5").arm("darts-s2", "darts"), about=experiment.about)
    found(mock.Mock(arm=lambda *_: older), setting, "darts", (0,))
    with mock.patch.object(from_scratch, "retrain", side_effect=AssertionError):
        assert reproduce.score(experiment, setting, print) == Scored("nothing to score yet")


def test_the_cell_that_validates_best_is_the_only_one_that_is_trained(setting):
    experiment = load("retrain.select=darts-short")
    archs = found(experiment, setting, "darts", (0, 1))
    valid(experiment, setting, archs, (60.0, 70.0))
    with mock.patch.dict(RECIPES, QUICK | {"darts-short": RECIPES["darts-short"]}):
        scored = from_scratch.train(experiment, setting, lambda *_: None, [experiment.arm("darts-s2", "darts")])
    assert scored == Scored("1 of 1 chosen architectures scored by retraining")
    assert trained(setting, experiment) == {archs[1]}


def test_of_cells_that_validate_alike_that_of_the_lower_seed_is_chosen(setting):
    experiment = load("retrain.select=darts-short")
    archs = found(experiment, setting, "darts", (0, 1))
    valid(experiment, setting, archs, (70.0, 70.0))
    records = setting.store.records(experiment.name)
    assert from_scratch.chosen(experiment, records, setting) == [("darts-s2", archs[0], "digits")]


def test_the_short_training_is_run_where_it_is_missing(setting):
    experiment = load("retrain.select=darts-short")
    archs = found(experiment, setting, "darts", (0, 1))
    with mock.patch.dict(RECIPES, QUICK):
        from_scratch.train(experiment, setting, lambda *_: None, [experiment.arm("darts-s2", "darts")])
    assert trained(setting, experiment, "select") == set(archs)
    assert len(trained(setting, experiment)) == 1


def test_nothing_is_chosen_before_all_searches_of_an_arm_have_ended(setting):
    experiment = load("retrain.select=darts-short")
    found(experiment, setting, "darts", (0,))
    arms = [experiment.arm("darts-s2", "darts")]
    with mock.patch.dict(RECIPES, QUICK):
        waits = from_scratch.train(experiment, setting, lambda *_: None, arms)
        assert (
            waits.text
            == "0 of 0 chosen architectures scored by retraining; 1 arm waits for searches that have not ended"
        )
        found(experiment, setting, "darts", (1,), status="diverged")
        scored = from_scratch.train(experiment, setting, lambda *_: None, arms)
    assert scored.text == "1 of 1 chosen architectures scored by retraining"


def test_out_of_time_while_choosing_nothing_is_called_chosen(setting):
    experiment = load("retrain.select=darts-short")
    found(experiment, setting, "darts", (0, 1))
    arms = [experiment.arm("darts-s2", name) for name in ("darts", "sdarts-rs")]
    with mock.patch.object(from_scratch, "retrain", side_effect=OutOfTime):
        scored = from_scratch.train(experiment, setting, lambda *_: None, arms)
    assert scored == Scored(
        "the short trainings that choose a cell of each arm have not ended; 1 arm waits for searches that have not"
        " ended; out of time, and the same command continues",
        out_of_time=True,
    )


def test_published_cells_are_trained_beside(setting):
    experiment = load('retrain.cells=["sdarts-rs-s2-c10", "sdarts-adv-s2-c10"]')
    with mock.patch.dict(RECIPES, QUICK):
        scored = from_scratch.train(experiment, setting, lambda *_: None)
    assert scored.text == "2 of 2 distinct final architectures scored by retraining"
    assert trained(setting, experiment) == {cells()[name].arch for name in experiment.retrain.cells}


def test_a_long_training_waits_for_its_command(setting):
    experiment = load("retrain.on_demand=true", "retrain.recipe=darts")
    found(experiment, setting, "darts", (0,))
    scored = reproduce.score(experiment, setting, lambda *_: None)
    assert scored.text.startswith('1 distinct final architectures; "dnas retrain quick -o ')
    assert " -o retrain.on_demand=true -o 'retrain.recipe=\"darts\"' " in scored.text
    assert not setting.store.retrained_path(experiment.name).exists()


def test_a_cell_that_another_experiment_trained_is_trained_by_the_recipe_of_this_one(setting):
    experiment = load()
    (arch,) = found(experiment, setting, "darts", (0,))
    other = Score("darts-s2", arch, "digits", None, 50.0, (), (50.0,), "retrained", "retrain-another", 6)
    merge_scores(setting.store.retrained_path("another"), [other])
    with mock.patch.dict(RECIPES, QUICK):
        reproduce.score(experiment, setting, lambda *_: None)
    assert trained(setting, experiment) == {arch}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("retrain.select=darts-shrot", "unknown recipe 'darts-shrot'; did you mean 'darts-short'?"),
        ("retrain.select=darts", "holds out no images to choose by"),
        ('retrain.cells=["sdarts-sr"]', "unknown published cell 'sdarts-sr'; did you mean"),
    ],
)
def test_what_cannot_be_retrained_is_refused(override, message):
    with pytest.raises(InputError) as error:
        load(override)
    assert message in str(error.value)
