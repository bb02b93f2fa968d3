"""Where the time of a step goes: by kernel on a GPU, by operation on a CPU."""

import time
from itertools import cycle, islice
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from bench.machine import precision

from ..cases import Case, sizes
from ..stand import Stand, inputs, wait

ROWS = 40
METHODS = ("darts", "sdarts-adv")
SEEDS = 4


def run(device: torch.device, deadline: float, *, quick: bool) -> tuple[list[dict[str, Any]], bool]:
    """Profile a step of DARTS and of SDARTS-ADV on NAS-Bench-201 in each precision; print the tables.

    Return them, and whether any is left.
    """
    usual = precision.choose("auto", device)
    stand, found = Stand(device, sizes(quick=quick)), []
    for one in (usual, "bf16"):
        for name in METHODS:
            if time.monotonic() > deadline:
                print(f"out of time: left from {name} in {one} on", flush=True)
                return found, True
            found.append(_of_step(stand, Case("nasbench201", name, SEEDS, one, captured=False)))
            _show(found[-1])
    return found, False


def _of_step(stand: Stand, case: Case, steps: int = 3) -> dict[str, Any]:
    """Profile some plain steps: those of a captured graph are the same kernels without names of operations."""
    step, _, feed = stand.step(case)
    source = cycle(inputs(feed, stand.device)[0])
    for drawn in islice(source, 2):
        step(drawn)
    on_gpu = stand.device.type == "cuda"
    wait(stand.device)
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as seen:
        for drawn in islice(source, steps):
            step(drawn)
        wait(stand.device)
    spent = (time.perf_counter() - began) / steps
    rows = [
        {
            "name": each.key,
            "calls": each.count / steps,
            "ms": (each.self_device_time_total if on_gpu else each.self_cpu_time_total) / 1e3 / steps,
        }
        for each in seen.key_averages()
        if not on_gpu or each.device_type == torch.autograd.DeviceType.CUDA
    ]
    rows.sort(key=lambda row: -row["ms"])
    return {
        "case": str(case),
        "device": str(stand.device),
        "ms": sum(row["ms"] for row in rows),
        "calls": sum(row["calls"] for row in rows),
        "wall_ms": 1e3 * spent,
        "rows": rows[:ROWS],
    }


def _show(found: dict[str, Any]) -> None:
    of_all = f"{found['ms']:.1f} ms in {found['calls']:.0f} calls, {found['wall_ms']:.1f} ms by the clock"
    print(f"{found['case']}: {of_all}")
    for row in found["rows"][:25]:
        print(f"  {row['ms']:9.3f} ms {100 * row['ms'] / found['ms']:5.1f} % {row['calls']:7.0f}  {row['name'][:110]}")
    print(end="", flush=True)
