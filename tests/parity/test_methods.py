"""Whole steps of the suite's methods against the plain ones: same weights, batches and draws, in float64."""

from dataclasses import replace
from functools import partial

import pytest

from bench.methods import method as methods
from spaces.supernet import ops

from . import reference_methods as darts
from . import reference_sdarts as sdarts
from .pair import NETWORKS, ORDERS, SEEDS, Pair, run_one_level, run_two_levels
from .product import TRAINING


@pytest.mark.parametrize(
    ("space", "order"),
    [*((name, "alpha-first") for name in NETWORKS), ("nasbench201", "weights-first"), ("oneshot 3", "weights-first")],
)
def test_darts(space, order):
    pair = Pair(space, replace(TRAINING, order=order))
    run_two_levels(pair, "darts", partial(darts.darts_step, order=ORDERS[order]))


@pytest.mark.parametrize(
    ("space", "changes"),
    [
        ("nasbench201", {"clip": 0.0}),
        ("nasbench201", {"clip": 0.05}),
        ("oneshot 1", {"clip": 0.05}),
        ("nasbench201", {"nesterov": True, "weight_decay": 5e-4}),
        ("oneshot 1", {"momentum": 0.0}),
    ],
    ids=str,
)
def test_darts_with_other_optimiser_settings(space, changes):
    run_two_levels(Pair(space, replace(TRAINING, **changes)), "darts", darts.darts_step)


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 1"])
def test_second_order_darts(space):
    def step(search, train, valid):
        return darts.darts_second_order_step(search, train, valid, unroll=search.sgd.param_groups[0]["lr"])

    run_two_levels(Pair(space), "darts-2nd", step)


@pytest.mark.parametrize(
    ("space", "order"), [("nasbench201", "alpha-first"), ("oneshot 2", "alpha-first"), ("nasbench201", "weights-first")]
)
def test_sdarts_rs(space, order):
    pair = Pair(space, replace(TRAINING, order=order))
    run_two_levels(pair, "sdarts-rs", partial(sdarts.sdarts_rs_step, order=ORDERS[order]), noisy=True)


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 3", "nasbench201 conv bias untracked"])
def test_sdarts_adv(space):
    run_two_levels(Pair(space), "sdarts-adv", sdarts.sdarts_adv_step, noisy=True)


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 1", "oneshot 3"])
@pytest.mark.parametrize(("method", "plainly"), [("darts", darts.darts_step), ("sdarts-adv", sdarts.sdarts_adv_step)])
def test_as_a_gpu_computes(space, method, plainly, monkeypatch):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    run_two_levels(Pair(space), method, plainly, noisy=method != "darts")


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 2"])
def test_attacks_are_undone_for_each_seed_on_its_own(space):
    """Without steps only the noise is left, which sometimes lowers the loss."""
    restored: list[list[float]] = [[] for _ in range(SEEDS)]
    pair = Pair(space)

    def step(search, train, valid, **options):
        losses = sdarts.sdarts_adv_step(search, train, valid, steps=0, **options)
        restored[pair.searches.index(search)].append(losses["restored"])
        return losses

    params = replace(methods.find("sdarts-adv").params(), steps=0)
    run_two_levels(pair, "sdarts-adv", step, params=params, noisy=True, steps=7)
    assert all(0 < sum(each) < 7 for each in restored)
    assert restored[0] != restored[1]


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 1"])
def test_dropnas(space):
    """As the authors' code, which does not run dropped operations: their statistics stay behind."""
    params = methods.find("dropnas").params()
    run_one_level(Pair(space, one_level=True), "dropnas", params, drop=0.3, with_statistics=False)


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 2"])
def test_dropnas_that_runs_what_it_drops(space):
    params = methods.find("dropnas").params()
    run_one_level(Pair(space, one_level=True), "dropnas", params, drop=0.4, skip=False)


@pytest.mark.parametrize("space", ["oneshot 3"])
def test_dropnas_in_one_sub_step(space):
    params = replace(methods.find("dropnas").params(), sub_steps=1)
    run_one_level(Pair(space, one_level=True), "dropnas", params, drop=0.4, skip=False, sub_steps=1)


@pytest.mark.parametrize("space", ["nasbench201", "oneshot 2"])
def test_one_level_darts(space):
    run_one_level(Pair(space, one_level=True), "darts-1level", methods.find("darts-1level").params())
