"""Times work on a device, and what the device does at its best: a copy, a product of two matrices."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from bench.machine import precision
from bench.machine.precision import Precision


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the seconds that a device takes for some work, all of it done at the end."""
    if device.type != "cuda":
        began = time.perf_counter()
        work()
        return time.perf_counter() - began
    began, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    began.record()
    work()
    ended.record()
    ended.synchronize()
    return began.elapsed_time(ended) / 1e3


def wait(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def copied(device: torch.device, *, size: int, rounds: int = 7, repeats: int = 10) -> float:
    """Return bytes read and written a second by a plain copy of ``size`` bytes, the median of some rounds."""
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)

    def work() -> None:
        for _ in range(repeats):
            target.copy_(source)

    work()
    return 2 * size * repeats / statistics.median(seconds(work, device) for _ in range(rounds))


def multiplied(device: torch.device, of: Precision, *, side: int, rounds: int = 7, repeats: int = 5) -> float:
    """Return operations a second of a product of square matrices, the median of some rounds."""
    precision.prepare(of, device)
    # drawn on the CPU: a capture that has failed leaves a GPU's generator unusable
    a, b = (torch.randn(side, side).to(device, precision.maps_dtype(of)) for _ in range(2))

    def work() -> None:
        for _ in range(repeats):
            torch.mm(a, b)

    work()
    return 2 * side**3 * repeats / statistics.median(seconds(work, device) for _ in range(rounds))
