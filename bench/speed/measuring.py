"""Measures cases one after another and writes the file after each, until none is left or the time is up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.machine import environment
from results.errors import InputError
from results.plain import finite

from . import clock, timings
from .cases import Case
from .sizes import Sizes
from .timing import Stand

FILE = "speed.json"
COMPILING = 240.0  # seconds that the first case with compiled cells is given


@dataclass
class Progress:
    """What a file holds so far."""

    path: Path
    machine: dict[str, Any]
    done: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def write(self) -> dict[str, Any]:
        """Write the file; return its content."""
        found = timings.document(self.machine, self.done, failed=self.failed, left=self.left)
        timings.write(self.path, finite(found))
        return found


def run(
    cases: Sequence[Case],
    device: torch.device,
    sizes: Sizes,
    folder: Path,
    *,
    command: str,
    deadline: float = math.inf,
    more: bool = False,
    say: Callable[[str], None] = lambda _: None,
    now: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Measure cases in their order; return the content of ``folder``'s file.

    Parameters
    ----------
    deadline : of ``now``; a case that would end after it, as long as the longest of its kind, is left.
    more : go on with what a file of the same device, versions, commit and sizes lacks; else it is replaced.
    say : is told a line a case.
    """
    progress = Progress(folder / FILE, timings.machine(device, command))
    progress.machine["sizes"] = {"side": sizes.side, "images": sizes.images, "experiment": sizes.experiment.name}
    if more:
        _take_up(progress)
    stand = Stand(device, sizes)
    if "reached" not in progress.machine:
        progress.machine["reached"] = reached(device, quick=sizes.round_seconds == 0)
    say(_reached(progress.machine["reached"]))
    known = {each["name"] for each in progress.done}
    left = [case for case in cases if case.name not in known]
    longest: dict[tuple[str, bool], float] = {}
    while left:
        case = left.pop(0)
        progress.left = [case.name, *(each.name for each in left)]
        progress.write()
        kind = (case.method, case.compiled)
        like = [seconds for (_, compiled), seconds in longest.items() if compiled == case.compiled]
        expected = longest.get(kind, max(like, default=COMPILING if case.compiled else 0.0))
        if now() + expected > deadline:
            say(f"out of time: {len(progress.left)} measurements are left, from {case.name} on")
            return progress.write()
        began = now()
        try:
            found = stand.measure(case)
            progress.done.append(timings.entry(case.name, found.seconds, found.extra))
            say(line(progress.done[-1]))
            progress.write()
            if case.checked:
                found.extra["difference"] = stand.difference(case)
                progress.done[-1] = timings.entry(case.name, found.seconds, found.extra)
                say(f"    {_difference(found.extra['difference'])}")
        except (RuntimeError, InputError, ImportError) as error:  # too little memory, no kernel, no compiler
            progress.failed[case.name] = str(error).splitlines()[0] if str(error) else type(error).__name__
            say(f"{case.name}: failed: {progress.failed[case.name]}")
        stand.free()
        longest[kind] = max(longest.get(kind, 0.0), now() - began)
    progress.left = []
    return progress.write()


def reached(device: torch.device, *, quick: bool) -> dict[str, float]:
    """Return bytes and operations a second of a copy and of products of matrices on a device.

    Those of float32 are computed in TF32 on a GPU, as a search there does unless it is told otherwise.
    """
    on_gpu = device.type == "cuda"
    copy, side = (2**30, 8192) if on_gpu and not quick else (2**24, 256)
    return {
        "copy_bytes_per_second": clock.copied(device, size=copy),
        "float32_flops_per_second": clock.multiplied(device, "tf32" if on_gpu else "float32", side=side),
        "bf16_flops_per_second": clock.multiplied(device, "bf16", side=side),
    }


def line(each: dict[str, Any]) -> str:
    """Return what a measurement says, for a person."""
    stats, extra = each["stats"], each["extra_info"]
    spread = f"{1e3 * stats['min']:.2f} to {1e3 * stats['max']:.2f}"
    text = f"{each['name']}: {1e3 * stats['median']:.2f} ms a step ({spread}, n = {stats['rounds']})"
    text += f", {extra['seconds_per_seed_epoch']:.2f} s an epoch and seed"
    if extra["captured"] and not extra["replayed"]:
        text += ", not captured"
    if "speed_up_per_seed_median" in extra:
        low, high = extra["speed_up_per_seed_range"]
        text += f", {extra['speed_up_per_seed_median']:.2f} times the plain form ({low:.2f} to {high:.2f})"
    return text


def _take_up(progress: Progress) -> None:
    """Take over what a file holds, where it was measured in the same place and sizes."""
    if not progress.path.exists():
        return
    found = timings.content(progress.path)
    machine = dict(found.get("machine_info") or {})
    same = all(machine.get(key) == progress.machine[key] for key in ("device", "versions", "sizes"))
    if same and found.get("commit_info") == environment.git_state():
        progress.machine = machine
        progress.done = list(found["benchmarks"])


def _reached(reached: dict[str, float]) -> str:
    copy, wide, narrow = (reached[f"{key}_per_second"] for key in ("copy_bytes", "float32_flops", "bf16_flops"))
    return (
        f"a copy: {copy / 1e9:.0f} GB/s; products of matrices: {wide / 1e12:.2f} TFLOP/s, {narrow / 1e12:.2f} in bf16"
    )


def _difference(found: dict[str, float]) -> str:
    return (
        f"after {found['steps']} steps it is {found['from_plain']:.1e} of the way moved from where plain ones end,"
        f" plain ones are {found['plain_from_plain']:.1e} from each other"
    )
