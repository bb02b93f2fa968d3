"""How many kernels a step would launch: an exact count, so that it cannot creep."""

import pytest

from tests.performance.launches import Launches
from tests.performance.workload import suite

LIMITS = {"nasbench201": 3000, "nasbench1shot1-1": 2750}


def launches(space, work, seeds):
    step = suite(space, work, seeds, side=8, batch=2)
    step()  # makes the constant index tensors
    with Launches() as counted:
        step()
    return counted.total


@pytest.mark.parametrize("space", LIMITS)
def test_a_pair_of_steps_launches_few_kernels_whatever_the_number_of_seeds(space):
    one, four = launches(space, "pair", 1), launches(space, "pair", 4)
    assert four <= LIMITS[space]
    assert four <= 1.15 * one


@pytest.mark.parametrize("space", LIMITS)
def test_an_attack_folds_the_batch_norms_once(space):
    step = suite(space, "attack", 2, side=8, batch=2)
    step()
    with Launches() as counted:
        step()
    assert counted.calls["native_batch_norm"] <= 9  # NAS-Bench-201's last one, which follows no convolution, a pass
    assert counted.calls["rsqrt"] < 110
