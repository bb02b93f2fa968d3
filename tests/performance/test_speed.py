"""Time per seed against the plain reference, interleaved in one run: ``tox -e benchmark``.

The plain form has a module for every operation and back-propagates weights and alphas in every pass, as the authors'
codes do. Absolute times mean nothing on a shared machine; ``extra_info`` holds the ratios.
"""

import statistics
import time

import pytest
import torch

from . import workload

ROUNDS = 7


@pytest.mark.parametrize("seeds", [1, 2, 4, 8])
@pytest.mark.parametrize("work", ["pair", "attack"])
@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-1"])
def test_time_per_seed(benchmark, space, work, seeds):
    ours, plain = workload.suite(space, work, seeds), workload.reference(space, work)
    plain_seconds = []

    def time_the_reference():
        began = time.perf_counter()
        plain()
        plain_seconds.append(time.perf_counter() - began)

    benchmark.pedantic(ours, setup=time_the_reference, rounds=ROUNDS, warmup_rounds=1)
    ratios = [p * seeds / o for p, o in zip(plain_seconds[1:], benchmark.stats.stats.data, strict=True)]
    benchmark.extra_info |= {
        "space": space,
        "work": work,
        "seeds": seeds,
        "threads": torch.get_num_threads(),
        "plain_seconds_median": statistics.median(plain_seconds[1:]),
        "speed_up_per_seed_median": statistics.median(ratios),
        "speed_up_per_seed_range": [min(ratios), max(ratios)],
    }
    assert statistics.median(ratios) > 0
