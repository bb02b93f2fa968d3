"""Trials and steps of selections against plain networks: a removed operation, a fixed row, a drawn operation."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from bench.methods import darts_pt, darts_pt_fixed, setn
from bench.selecting import tried_at
from bench.steps.rows import without

from . import product
from . import reference_methods as darts
from .pair import SEEDS, Pair
from .product import TRAINING
from .small import batch_of

ROWS = (3, 1)  # of each seed


def batches(step):
    """Return the batches of each seed that train the weights, and those that train the alphas."""
    return [[batch_of(1000 * seed + 2 * step + half, 4, 8) for seed in range(SEEDS)] for half in (0, 1)]


def assert_close(found, expected, limit=1e-9):
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=limit, atol=limit, msg=name)


def test_a_trial_is_a_pass_of_the_plain_network_in_training_mode():
    pair = Pair("nasbench201")
    _, valid = batches(0)
    mix = pair.learner.mix()
    mixes = torch.stack([without(mix, ROWS, choice) for choice in range(5)], dim=1)
    feed = SimpleNamespace(tried=lambda drawn: pair.samples(valid))
    found = tried_at(pair.learner, pair.learner, feed, darts_pt.SELECTION, {"mixes": mixes}).correct
    for seed, network in enumerate(pair.networks):
        network.train()
        images, labels = valid[seed]
        for choice in range(5):
            weights = torch.softmax(network.alphas.detach(), dim=-1)
            weights[ROWS[seed], choice] = 0
            with torch.no_grad():
                assert (network(images, weights).argmax(-1) == labels).sum() == found[seed, choice]
    assert_close(pair.suite(), pair.plain())
    assert any(not torch.equal(value, pair.start[name]) for name, value in pair.plain().items() if "mean" in name)


def test_tuning_is_a_step_of_darts_in_which_a_row_is_overwritten_after_the_softmax():
    pair = Pair("nasbench201", replace(TRAINING, clip=0.0))
    fixed = torch.zeros(SEEDS, 6, 5, dtype=torch.float64)
    for seed, network in enumerate(pair.networks):
        fixed[seed, ROWS[seed], 2] = 1
        overwrite(network, fixed[seed])
    pair.learner.state.fixed = fixed
    for step in range(3):
        train, valid = batches(step)
        outcome = darts_pt.METHOD.step(pair.learner, pair.batch(train, valid, 0.0025), darts_pt.Params())
        for seed, search in enumerate(pair.searches):
            search.set_rate(0.0025)
            losses = darts.darts_step(search, train[seed], valid[seed])
            assert outcome.loss[seed].item() == pytest.approx(losses["train"], rel=1e-9)
        pair.compare()


def overwrite(network, fixed):
    """Let a plain network use its mixing values but for the rows that are fixed."""
    plain, rows = network.forward, fixed.any(-1, keepdim=True)

    def forward(x, weights=None, keep=None):
        mix = torch.softmax(network.alphas, dim=-1) if weights is None else weights[0]
        return plain(x, torch.where(rows, fixed, mix), keep)

    network.forward = forward


def test_fixed_alphas_leave_the_weight_step_of_darts():
    pair = Pair("nasbench201")
    for step in range(3):
        train, valid = batches(step)
        darts_pt_fixed.step(pair.learner, pair.batch(train, valid, 0.025), None)
        for seed, search in enumerate(pair.searches):
            search.set_rate(0.025)
            darts.weight_step(search, train[seed])
    assert_close(pair.suite(), pair.plain())
    assert torch.equal(pair.learner.state.alpha, pair.start["alpha"])


@pytest.mark.parametrize("order", ["alpha-first", "weights-first"])
def test_setn(order):
    pair = Pair("nasbench201", replace(TRAINING, order=order))
    generator = torch.Generator().manual_seed(0)
    for step in range(3):
        train, valid = batches(step)
        choice = torch.randint(5, (SEEDS, 6), generator=generator)
        setn.step(pair.learner, pair.batch(train, valid, 0.025, {"choice": choice}), setn.Params())
        for seed, search in enumerate(pair.searches):
            one_hot = torch.nn.functional.one_hot(choice[seed], 5).double()
            search.set_rate(0.025)
            turns = "alpha-weights" if order == "alpha-first" else "weights-alpha"
            darts.bilevel_step(search, train[seed], valid[seed], turns, perturb=drawn(one_hot))
        pair.compare()


def drawn(one_hot):
    """Return what puts drawn operations in the place of the mixing values."""
    return lambda search, train: search.alphas[0].data.copy_(one_hot)


def test_the_reference_network_has_the_rows_and_operations_of_the_space():
    network = Pair("nasbench201").networks[0]
    assert product.space_of(network).mask.shape == tuple(network.alphas.shape) == (6, 5)
