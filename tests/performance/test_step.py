"""Steps of a search at the sizes of ``paper``, in turns with the plain reference, and what the device does at its best.

``pytest tests/performance/test_step.py --benchmark-enable --benchmark-json FILE``; ``-k`` chooses by name, as in
``-k "nasbench201/darts and bf16"``, and ``--budget 5m`` skips what would begin later. ``--quick`` takes tiny sizes.
"""

import gc
import statistics
import time
from itertools import cycle, islice

import pytest
import torch

from bench.machine import conv_table, precision
from bench.machine.capture import WARM_UP

from . import floor, workload
from .cases import sizes, wanted
from .stand import CPU, Stand, inputs, wait

DEVICE = torch.device("cuda") if torch.cuda.is_available() else CPU
ON_GPU = DEVICE.type == "cuda"
ROUNDS = 9
STEPS = 10 if ON_GPU else 1  # a round


@pytest.fixture(autouse=True)
def _in_time(request):
    config = request.config
    if time.monotonic() > config.stash["deadline"]:
        pytest.skip("out of budget")
    if not (ON_GPU or config.getoption("--quick") or config.getoption("-k")):
        pytest.skip("some take minutes on a CPU: choose with -k")
    yield
    gc.collect()
    if ON_GPU:
        torch.cuda.empty_cache()


@pytest.fixture(scope="session")
def quick(pytestconfig):
    return pytestconfig.getoption("--quick")


@pytest.fixture(scope="session")
def stand(quick):
    return Stand(DEVICE, sizes(quick=quick))


@pytest.fixture(scope="session")
def reference(stand):
    """Return a function that gives one step of the plain form, for one seed, warmed up."""
    known = {}

    def find(case):
        key = case.space, case.method
        if key not in known:
            known[key] = workload.plain_step(*key, stand.arm(case).protocol, side=stand.sizes.side, device=DEVICE)
        known[key]()
        return known[key]

    return find


@pytest.mark.parametrize("one", ["copy", "tf32" if ON_GPU else "float32", "bf16"])
def test_device(benchmark, quick, one):
    """A copy, in bytes read and written, and products of square matrices, in operations."""
    side = 8192 if ON_GPU and not quick else 256
    if one == "copy":
        a = torch.ones(4 * side, side, device=DEVICE)
        target, amount = torch.empty_like(a), 2 * a.nbytes
        work = lambda: (target.copy_(a), wait(DEVICE))  # noqa: E731
    else:
        precision.prepare(one, DEVICE)
        a, amount = torch.randn(side, side).to(DEVICE, precision.maps_dtype(one)), 2 * side**3
        work = lambda: (torch.mm(a, a), wait(DEVICE))  # noqa: E731
    benchmark.pedantic(work, rounds=3 if quick else ROUNDS, warmup_rounds=1)
    if not benchmark.disabled:
        benchmark.extra_info |= {"device": one, "per_second": amount / benchmark.stats.stats.median}


@pytest.mark.parametrize("case", wanted(DEVICE), ids=str)
def test_step(benchmark, stand, reference, quick, case):
    began, held = time.perf_counter(), memory(reset=True)
    plain = reference(case)
    step, learner, feed = stand.step(case)
    drawn, draw_seconds = inputs(feed, DEVICE)
    for each in islice(cycle(drawn), WARM_UP + 1):
        step(each)
    peak, setup_seconds = memory() - held, time.perf_counter() - began
    source, count, theirs = cycle(drawn), 1 if quick else STEPS, []

    def take_turns():
        began = time.perf_counter()
        plain()
        wait(DEVICE)
        theirs.append(time.perf_counter() - began)
        return ([next(source) for _ in range(count)],), {}

    def work(batches):
        for each in batches:
            step(each)
        wait(DEVICE)

    benchmark.pedantic(work, setup=take_turns, rounds=3 if quick else ROUNDS)
    if benchmark.disabled:
        return
    ours = [seconds / count for seconds in benchmark.stats.stats.data]
    seconds, ratios = statistics.median(ours), [p * case.seeds / o for p, o in zip(theirs, ours, strict=True)]
    protocol = stand.arm(case).protocol
    benchmark.extra_info |= {
        **vars(case),
        "steps": count,
        "seconds_per_seed_epoch": (seconds * feed.steps + draw_seconds) / case.seeds,
        "speed_up_per_seed_median": statistics.median(ratios),
        "speed_up_per_seed_range": [min(ratios), max(ratios)],
        "plain_seconds_median": statistics.median(theirs),
        "replayed": step.replays > 0,
        "setup_seconds": setup_seconds,
        "forms": conv_table.as_document(learner.net.form),
        **({"peak_bytes": peak} if ON_GPU else {}),
    }
    width, batch = precision.maps_dtype(case.precision).itemsize, protocol.training.batch
    if least := floor.of_step(
        learner.net, case.method, protocol.params, side=stand.sizes.side, batch=batch, width=width
    ):
        benchmark.extra_info |= {
            "floor_bytes_per_second": least.bytes * case.seeds / seconds,
            "floor_flops_per_second": least.flops * case.seeds / seconds,
        }


def memory(*, reset=False):
    """Return the most bytes allocated on a GPU since the last reset."""
    if reset and ON_GPU:
        torch.cuda.reset_peak_memory_stats(DEVICE)
    return torch.cuda.max_memory_allocated(DEVICE) if ON_GPU else 0
