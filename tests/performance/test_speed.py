"""Time per seed against the plain reference, interleaved in one run: ``tox -e benchmark``.

The plain form has a module for every operation and back-propagates weights and alphas in every pass, as the authors'
codes do. Both have the authors' width and depth, on maps of 16 x 16 and batches of 16. On one thread the clock is that
of the process, which a busy machine does not move; on two it is the wall's. ``extra_info`` holds the ratios.
"""

import os
import statistics
import time
from functools import cache

import pytest
import torch

from . import workload
from .memory import Peak
from .traffic import Traffic

ROUNDS = 7
THREADS = [
    pytest.param(1, marks=pytest.mark.benchmark(timer=time.process_time), id="1-thread"),
    pytest.param(
        2,
        marks=[
            pytest.mark.benchmark(timer=time.perf_counter),
            pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core"),
        ],
        id="2-threads",
    ),
]


@pytest.fixture
def threads(request):
    """Compute on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", THREADS, indirect=True)
@pytest.mark.parametrize("seeds", [1, 2, 4, 8], ids="S={}".format)
@pytest.mark.parametrize("work", ["pair", "attack"])
@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-1"])
def test_time_per_seed(benchmark, space, work, seeds, threads):
    ours, plain = workload.suite(space, work, seeds), workload.reference(space, work)
    clock = time.process_time if threads == 1 else time.perf_counter
    plain_seconds = []

    def time_the_reference():
        began = clock()
        plain()
        plain_seconds.append(clock() - began)

    benchmark.pedantic(ours, setup=time_the_reference, rounds=ROUNDS, warmup_rounds=1)
    if benchmark.disabled:
        return
    ratios = [p * seeds / o for p, o in zip(plain_seconds[1:], benchmark.stats.stats.data, strict=True)]
    benchmark.extra_info |= {
        "space": space,
        "work": work,
        "seeds": seeds,
        "threads": threads,
        "clock": "process" if threads == 1 else "wall",
        "plain_seconds_median": statistics.median(plain_seconds[1:]),
        "speed_up_per_seed_median": statistics.median(ratios),
        "speed_up_per_seed_range": [min(ratios), max(ratios)],
        **counted(ours),
        **{f"plain_{name}": number for name, number in counted_plain(space, work).items()},
    }
    assert min(ratios) > 0


def counted(work):
    """Return kernel launches of some work, and the most bytes of tensors that it makes and that are alive at once."""
    with Traffic() as traffic:
        work()
    with Peak() as memory:
        work()
    return {"launches": traffic.launches, "peak_bytes": memory.peak}


@cache
def counted_plain(space, work):
    """Return the same of the reference."""
    return counted(workload.reference(space, work))
