"""What every file of ``bench/methods`` must keep to; that seeds are independent, tests/parity/test_seeds.py holds."""

import copy
import dataclasses
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import spaces
from bench import methods
from bench.methods import method
from tests.pairs import PAIRS, TRAINED, fitting

METHODS = [method.find(name) for name in method.names()]
EVERY_METHOD = pytest.mark.parametrize("found", METHODS, ids=lambda m: m.id)
EVERY_PAIR = pytest.mark.parametrize(("space", "name"), PAIRS)
#: What one step changes, unless a method says that its algorithm leaves it still.
CHANGED = {"weights", "momentum", "alpha", "first", "second", "steps", "mean of stem.bn"}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tensors_of(batch):
    found = [batch.train.images, batch.train.labels, batch.lr, *batch.draws.values(), *batch.scalars.values()]
    return found + ([batch.valid.images, batch.valid.labels] if batch.valid else [])


def state_of(learner):
    state = learner.state
    named = {name: getattr(state, name) for name in ("weights", "momentum", "alpha", "first", "second", "steps")}
    for name, (mean, variance) in state.statistics.items():
        named |= {f"mean of {name}": mean, f"variance of {name}": variance}
    return named


def test_every_file_is_a_method_of_that_name():
    files = {path.stem for folder in methods.__path__ for path in Path(folder).glob("[!_]*.py")} - {"method"}
    assert {name.replace("-", "_") for name in method.names()} == files


@pytest.mark.parametrize("field", ["id", "label", "colour", "order"])
def test_no_two_methods_look_alike(field):
    assert len({getattr(m, field) for m in METHODS}) == len(METHODS)


@EVERY_METHOD
def test_a_method_can_be_named_drawn_and_cited(found):
    assert re.fullmatch(r"[a-z][a-z0-9-]*", found.id)
    assert found.label.strip() == found.label != ""
    assert re.fullmatch(r"#[0-9A-F]{6}", found.colour)
    assert re.match(r"@\w+\{[^\s,{}]+,\s", found.cite)
    assert found.cite.count("{") == found.cite.count("}")
    fields = {name.lower() for name in re.findall(r"^\s*(\w+)\s*=", found.cite, re.MULTILINE)}
    assert {"title", "author", "year"} <= fields
    assert re.search(r"year\s*=\s*\{\d{4}\}", found.cite)


@EVERY_METHOD
def test_a_method_steps_exactly_if_it_trains(found):
    assert found.levels in (0, 1, 2)
    assert (found.step is None) == (found.levels == 0)
    assert (found.propose is None) == (found.levels > 0)


@EVERY_METHOD
def test_a_method_runs_on_a_space_or_says_why_not(found):
    reasons = [found.spaces(spaces.find(name)) for name in spaces.names()]
    assert "" in reasons
    assert all(reason == reason.strip() for reason in reasons)


@EVERY_METHOD
def test_only_what_the_contract_asks_for_is_declared_still(found):
    assert found.still <= CHANGED | {"loss"}


@EVERY_METHOD
def test_parameters_are_frozen_and_have_defaults(found):
    params = found.params()
    for field in dataclasses.fields(params):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(params, field.name, getattr(params, field.name))
    assert found.params(**dataclasses.asdict(params)) == params


@EVERY_METHOD
def test_deviations_are_named_once(found):
    assert len({d.id for d in found.deviations}) == len(found.deviations)


@EVERY_METHOD
def test_scalars_and_rates_are_finite_in_every_epoch(found, cut_down):
    training = cut_down(*fitting(found.id)).arm("nasbench201", found.id).protocol.training
    values = [found.scalars(found.params(), epoch, 10) for epoch in range(10)]
    assert all(np.isfinite(list(value.values())).all() for value in values)
    assert len({tuple(value) for value in values}) == 1
    rate = found.rate(found.params(), training)
    assert 0 < rate.end <= rate.start < np.inf


@EVERY_PAIR
def test_draws_have_a_leading_axis_of_steps_and_repeat_themselves(space, name):
    found = method.find(name)
    draw, again, other = (found.draws(generator(seed), 7, spaces.find(space), found.params()) for seed in (0, 0, 1))
    assert draw.keys() == again.keys() == other.keys()
    for key, values in draw.items():
        assert len(values) == 7
        assert torch.equal(values, again[key])
        assert not torch.equal(values, other[key])


@EVERY_PAIR
def test_draws_come_from_the_given_generator_alone(space, name):
    found, states = method.find(name), (torch.get_rng_state(), random.getstate())
    found.draws(generator(), 3, spaces.find(space), found.params())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]


@EVERY_PAIR
def test_a_step_changes_the_state_in_place_and_nothing_else(start, space, name):
    begun = start(space, name)
    learner, (batch, *_) = begun.learner, begun.batches(1)
    before = {key: tensor.clone() for key, tensor in state_of(learner).items()}
    places = {key: tensor.data_ptr() for key, tensor in state_of(learner).items()}
    given = [tensor.clone() for tensor in tensors_of(batch)]
    training, params = copy.deepcopy(learner.training), copy.deepcopy(begun.protocol.params)
    constants = learner.mask.clone(), learner.owners.clone()
    generators = torch.get_rng_state(), random.getstate()

    outcome = begun.step(batch)

    assert torch.equal(torch.get_rng_state(), generators[0])
    assert random.getstate() == generators[1]
    assert all(torch.equal(a, b) for a, b in zip(given, tensors_of(batch), strict=True))
    assert (learner.training, begun.protocol.params) == (training, params)
    assert torch.equal(learner.mask, constants[0])
    assert torch.equal(learner.owners, constants[1])

    after = state_of(learner)
    assert {key: tensor.data_ptr() for key, tensor in after.items()} == places
    for key, tensor in after.items():
        assert torch.isfinite(tensor).all(), key
        assert not tensor.requires_grad, key
    changed = {key for key, tensor in after.items() if not torch.equal(tensor, before[key])}
    assert changed & CHANGED == CHANGED - begun.method.still
    for key in ("alpha", "first", "second"):
        assert not after[key][:, ~learner.mask].any(), f"{key} has numbers in the padding"
    assert outcome.loss.shape == outcome.correct.shape == (2,)
    assert torch.isfinite(outcome.loss).all()
    assert not outcome.loss.requires_grad
    assert ((outcome.correct >= 0) & (outcome.correct <= batch.train.labels.shape[1])).all()


@pytest.mark.parametrize("name", TRAINED)
def test_a_method_learns(start, name):
    """Weights and alphas fit ten images that they see again and again; slowly where a method says so."""
    limits = (
        "images.limit=20",
        "training.batch=20",
        "training.epochs=30",
        "training.lr=0.1",
        "methods.dropnas.lr=0.1",
        "supernet.channels=4",
        "images.crop_padding=0",
        "methods.sdarts-adv.steps=2",
    )
    begun = start("nasbench201", name, *limits, seeds=(0,))
    losses = [float(begun.step(batch).loss) for epoch in range(8) for batch in begun.batches(epoch)]
    assert np.mean(losses[-3:]) < (1.0 if "loss" in begun.method.still else 0.8) * np.mean(losses[:2])
