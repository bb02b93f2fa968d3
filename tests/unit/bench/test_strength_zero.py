"""A method that adds one term to DARTS is DARTS, bit for bit, where the term's strength is zero."""

import pytest
import torch

import spaces
from bench.methods import method

#: method -> the override that takes its term away.
WITHOUT = {
    "beta-darts": "methods.beta-darts.weight=0",
    "darts-minus": "methods.darts-minus.beta=0",
    "darts-hessian": "methods.darts-hessian.eta=0",
}
PAIRS = [
    (space, name)
    for name in WITHOUT
    for space in ("nasbench201", "nasbench1shot1-2")
    if not method.find(name).spaces(spaces.find(space))
]


def steps(begun, count=3):
    for batch in begun.batches()[:count]:
        begun.step(batch)
    state = begun.learner.state
    return [state.weights, state.momentum, state.alpha, state.first, state.second, *sum(state.statistics.values(), ())]


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_without_its_term_a_method_is_darts(start, space, name):
    own = steps(start(space, name, WITHOUT[name]))
    plain = steps(start(space, "darts"))
    assert all(torch.equal(a, b) for a, b in zip(own, plain, strict=True))


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_with_its_term_it_is_not(start, space, name):
    begun = start(space, name)
    for batch in begun.batches(epoch=1)[:3]:
        begun.step(batch)
    plain = start(space, "darts")
    for batch in plain.batches(epoch=1)[:3]:
        plain.step(batch)
    assert not torch.equal(begun.learner.state.weights, plain.learner.state.weights)
