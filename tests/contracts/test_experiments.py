"""What every file of ``bench/experiments`` must keep to."""

import re

import pytest

import spaces
from bench.experiments import reading
from bench.methods import method
from bench.protocol import config_hash

EVERY_EXPERIMENT = pytest.mark.parametrize("name", reading.available())


def pairs(experiment):
    return [(space, name) for space in experiment.spaces for name in experiment.methods]


def test_the_default_is_one_of_them():
    assert reading.DEFAULT in reading.available()


@EVERY_EXPERIMENT
def test_an_experiment_loads_and_says_what_it_is(name):
    experiment = reading.load(name)
    assert (experiment.name, experiment.about.base) == (name, name)
    assert experiment.about.description.endswith(".")
    assert experiment.seeds
    assert len(set(experiment.spaces)) == len(experiment.spaces) > 0
    assert len(set(experiment.methods)) == len(experiment.methods) > 0


@EVERY_EXPERIMENT
def test_every_protocol_has_a_hash_of_its_own(name):
    experiment = reading.load(name)
    hashes = {config_hash(s, m, experiment.arm(s, m).protocol) for s, m in pairs(experiment)}
    assert len(hashes) == len(pairs(experiment))
    assert all(re.fullmatch(r"[0-9a-f]{16}", text) for text in hashes)


@EVERY_EXPERIMENT
def test_every_method_can_be_asked_for_on_every_space(name):
    experiment = reading.load(name)
    for space in spaces.names():
        for searcher in method.names():
            assert experiment.arm(space, searcher).protocol.training.epochs > 0


@EVERY_EXPERIMENT
def test_the_most_wanted_are_among_the_runs(name):
    experiment = reading.load(name)
    assert set(experiment.priority) <= set(pairs(experiment))


def test_the_paper_experiment_has_the_settings_of_the_smoothdarts_code():
    experiment = reading.load("paper")
    common = {
        "epochs": 100,
        "lr": 0.025,
        "lr_min": 0.001,
        "lr_shifted": True,
        "momentum": 0.9,
        "nesterov": False,
        "weight_decay": 3e-4,
        "clip": 5.0,
        "alpha_lr": 3e-4,
        "alpha_betas": (0.5, 0.999),
        "alpha_decay": 1e-3,
        "order": "alpha-first",
    }
    own = {
        "nasbench201": {"batch": 64, "clip_mix": True, "alpha_batches": "fresh"},
        "nasbench1shot1-1": {"batch": 96, "clip_mix": False, "alpha_batches": "cycle"},
        "nasbench1shot1-2": {"batch": 96, "clip_mix": False, "alpha_batches": "cycle"},
        "nasbench1shot1-3": {"batch": 96, "clip_mix": False, "alpha_batches": "cycle"},
    }
    for space, different in own.items():
        protocol = experiment.arm(space, "sdarts-adv").protocol
        assert vars(protocol.training) == common | different
        images = protocol.images
        assert (images.dataset, images.size, images.limit, images.split) == ("cifar10", 0, 0, "halves")
        assert (images.crop_padding, images.flip, images.cutout) == (4, True, 0)
        assert (protocol.supernet.channels, protocol.params.epsilon, protocol.params.steps) == (16, 0.3, 7)
    assert experiment.arm("nasbench201", "darts").protocol.supernet.cells == 5
    assert experiment.arm("nasbench1shot1-1", "darts").protocol.supernet.cells == 3


def test_the_experiment_of_the_nasbench201_paper_has_its_settings():
    training = reading.load("paper-nb201-adl").arm("nasbench201", "darts").protocol.training
    assert (training.epochs, training.batch, training.weight_decay, training.nesterov) == (50, 64, 5e-4, True)
    assert (training.clip, training.clip_mix, training.order, training.lr_shifted) == (
        5.0,
        False,
        "weights-first",
        False,
    )
