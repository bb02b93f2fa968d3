"""Files of measurements as Markdown, and pages that hold such tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from results.errors import InputError

from .timings import Benchmark, Measurements, read

#: A page marks a table by the file that it is of; what stands between the marks is renewed.
MARKED = re.compile(r"(<!-- table of (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)

Column = tuple[str, Callable[[Benchmark], str]]


def renewed(page: str, folder: Path) -> str:
    """Return a page with each marked table made anew; files are relative to ``folder``."""
    if not MARKED.search(page):
        raise InputError("the page marks no table; write <!-- table of FILE --> and <!-- end of table -->")
    return MARKED.sub(lambda m: f"{m[1]}\n{table(read(folder / m[2]))}\n{m[3]}", page)


def table(measured: Measurements) -> str:
    """Return device, command and the measurements: of steps at an experiment's sizes, and of steps held to the plain.

    Measurements of another kind are left out.
    """
    parts = [_head(measured)]
    steps = [b for b in measured.benchmarks if {"method", "seconds_per_seed_epoch"} <= b.extra.keys()]
    ratios = [b for b in measured.benchmarks if {"work", "speed_up_per_seed_median"} <= b.extra.keys()]
    ratios.sort(key=lambda b: [str(b.extra["space"]), str(b.extra["work"]), b.extra["threads"], b.extra["seeds"]])
    reached = measured.machine.get("reached") or {}
    if steps:
        parts.append(_markdown(steps, _steps(reached.get("copy_bytes_per_second"))))
    if ratios:
        parts.append(_markdown(ratios, _RATIOS))
    if not steps and not ratios:
        raise InputError("the file holds no measurement of a step")
    return "\n".join(parts)


def _head(measured: Measurements) -> str:
    device, versions = measured.machine.get("device") or {}, measured.machine.get("versions") or {}
    rounds = sorted({b.rounds for b in measured.benchmarks})
    text = f"{device.get('name', 'unknown device')}, PyTorch {versions.get('torch', 'of unknown version')}"
    text += f", Python {versions.get('python', 'of unknown version')}"
    if command := measured.machine.get("command"):
        text += f"; `{command}`"
    text += f"; medians of {' or '.join(map(str, rounds))} rounds, least and most in brackets.\n"
    if reached := measured.machine.get("reached"):
        copy, wide, narrow = (reached[f"{key}_per_second"] for key in ("copy_bytes", "float32_flops", "bf16_flops"))
        text += (
            f"The device copies at {copy / 1e9:,.0f} GB/s and multiplies matrices at {wide / 1e12:.1f} TFLOP/s,"
            f" {narrow / 1e12:.1f} in bf16.\n"
        )
    return text


_RATIOS: list[Column] = [
    ("space", lambda b: str(b.extra["space"])),
    ("work", lambda b: str(b.extra["work"])),
    ("seeds", lambda b: str(b.extra["seeds"])),
    ("threads, clock", lambda b: f"{b.extra['threads']}, {b.extra.get('clock', 'wall')}"),
    ("ms a seed", lambda b: f"{1e3 * b.median / b.extra['seeds']:.0f}"),
    ("times the plain form, a seed", lambda b: _speed_up(b)),
    ("kernel launches", lambda b: f"{b.extra['launches']:,}" if "launches" in b.extra else ""),
    ("peak MiB a seed", lambda b: _mebibytes(b)),
]


def _steps(copy: float | None) -> list[Column]:
    def share(b: Benchmark) -> str:
        if "floor_bytes_per_second" not in b.extra:
            return ""
        reached = b.extra["floor_bytes_per_second"]
        return f"{reached / 1e9:,.0f}" + (f" ({100 * reached / copy:.0f} %)" if copy else "")

    def flops(b: Benchmark) -> str:
        return f"{b.extra['floor_flops_per_second'] / 1e12:.2f}" if "floor_flops_per_second" in b.extra else ""

    def step(b: Benchmark) -> str:
        names = [name for key, name in (("compiled", "compiled"), ("replayed", "captured")) if b.extra.get(key)]
        return ", ".join(names) or "plain"

    return [
        ("space", lambda b: str(b.extra["space"])),
        ("method", lambda b: str(b.extra["method"])),
        ("seeds", lambda b: str(b.extra["seeds"])),
        ("precision", lambda b: str(b.extra["precision"])),
        ("forms", lambda b: str(b.extra["form"])),
        ("step", step),
        ("ms a step", lambda b: f"{1e3 * b.median:.2f} ({1e3 * b.least:.2f}, {1e3 * b.most:.2f})"),
        ("s an epoch and seed", lambda b: f"{b.extra['seconds_per_seed_epoch']:.2f}"),
        ("times the plain form, a seed", lambda b: _speed_up(b)),
        ("GB/s of the floor's bytes (of a copy)", share),
        ("TFLOP/s", flops),
        ("peak MiB a seed", lambda b: _mebibytes(b)),
    ]


def _speed_up(b: Benchmark) -> str:
    if "speed_up_per_seed_median" not in b.extra:
        return ""
    low, high = b.extra["speed_up_per_seed_range"]
    return f"{b.extra['speed_up_per_seed_median']:.2f} ({low:.2f}, {high:.2f})"


def _mebibytes(b: Benchmark) -> str:
    peak = b.extra.get("peak_bytes")
    return "" if peak is None else f"{peak / b.extra['seeds'] / 2**20:,.0f}"


def _markdown(benchmarks: Sequence[Benchmark], columns: Sequence[Column]) -> str:
    """Return a table without the columns that are empty."""
    cells = [[cell(b) for _, cell in columns] for b in benchmarks]
    shown = [i for i in range(len(columns)) if any(row[i] for row in cells)]
    rows = [[columns[i][0] for i in shown], ["---" for _ in shown], *([row[i] for i in shown] for row in cells)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
