"""How many kernels a step would launch: an exact count, so that it cannot creep.

Counted as a GPU computes, with grouped convolutions, one kernel each; other forms have a few calls more a convolution.
"""

import json
from functools import cache
from pathlib import Path

import pytest
import torch

from spaces.supernet import ops
from tests.performance import darts_steps
from tests.performance.memory import Peak
from tests.performance.traffic import Traffic
from tests.performance.workload import suite

DARTS = Path(__file__).parents[2] / "docs" / "performance" / "darts.json"
LIMITS = {"nasbench201": 2700, "nasbench1shot1-1": 2300, "darts": 5400}
ATTACK_LIMITS = {"nasbench201": 9200, "nasbench1shot1-1": 11400}
#: Batch norms and roots of variances of an attack. In each pass NAS-Bench-201 has one that follows no convolution.
FOLDED = {"nasbench201": (9, 95), "nasbench1shot1-1": (0, 83)}


@pytest.fixture(autouse=True)
def _as_a_gpu_weighs_maps(monkeypatch):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)


@cache
def launches(space, work, seeds):
    """Return the launches of a step, which the width of the maps does not change."""
    step = suite(space, work, seeds, side=8, batch=2, form="grouped", channels=4)
    step()  # makes the constant index tensors
    with Traffic() as counted:
        step()
    return counted


@pytest.mark.parametrize("space", LIMITS)
def test_a_pair_of_steps_launches_few_kernels_whatever_the_number_of_seeds(space):
    one, four = (launches(space, "pair", seeds).launches for seeds in (1, 4))
    assert four <= LIMITS[space]
    assert four <= 1.15 * one


@pytest.mark.parametrize("space", ATTACK_LIMITS)
def test_an_attack_launches_few_kernels_whatever_the_number_of_seeds(space):
    one, four = (launches(space, "attack", seeds).launches for seeds in (1, 4))
    assert four <= ATTACK_LIMITS[space]
    assert four <= 1.05 * one


@pytest.mark.parametrize("space", ATTACK_LIMITS)
def test_an_attack_folds_the_batch_norms_once(space):
    calls = launches(space, "attack", 4).calls
    assert (calls["native_batch_norm"], calls["rsqrt"]) == FOLDED[space]


def test_the_peak_is_of_what_is_alive_at_once():
    there = torch.ones(1000)
    with Peak() as memory:
        first = there + 1
        view = first.view(10, 100)
        second = view * 2  # 8,000 bytes
        first += 1
        del first, view, second
        third = there * 3
    assert memory.peak == 8000
    assert memory.now == 4000
    del third
    assert memory.now == 0


@pytest.mark.slow
@pytest.mark.parametrize("space", ["darts-s1", "darts-s2"])
def test_the_counts_on_the_page_of_the_darts_spaces_still_hold(space):
    (pair,) = (pair for pair in json.loads(DARTS.read_text())["pairs"] if pair["space"] == space)
    now = darts_steps.counted(darts_steps.suite(space, seeds=1))
    assert now["launches"] <= 1.02 * pair["suite"]["1"]["launches"]
    assert now["peak_bytes"] <= 1.02 * pair["suite"]["1"]["peak_bytes"]
    plain = darts_steps.counted(darts_steps.reference(space))
    assert plain == pair["plain"]
    assert plain["peak_bytes"] == pytest.approx(pair["authors"]["maps_bytes"], rel=0.02)
