"""Compares two files of measurements, name by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .timings import Benchmark, Measurements


@dataclass(frozen=True)
class Change:
    """How one measurement changed.

    Attributes
    ----------
    before, after : median seconds.
    ratio : after by before.
    spread : of the ratio: the lower quartile after by the upper before, and the upper after by the lower before.
    speed_up : over the plain reference, after by before; None where either file has none.
    slower : the ratio is above the threshold, and the speed-up, where there is one, fell as much: on a busy machine the
        reference in the same run is slower too.
    """

    name: str
    before: float
    after: float
    ratio: float
    spread: tuple[float, float]
    speed_up: float | None
    slower: bool


@dataclass(frozen=True)
class Diff:
    """All changes, and the names that only one of the files has."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    devices: tuple[str, str]
    fail: float


def diff(before: Measurements, after: Measurements, *, fail: float) -> Diff:
    """Compare; ``fail`` is how many times slower is too slow."""
    old, new = before.named(), after.named()
    return Diff(
        changes=tuple(_change(old[name], new[name], fail) for name in old if name in new),
        only_before=tuple(name for name in old if name not in new),
        only_after=tuple(name for name in new if name not in old),
        devices=(_device(before), _device(after)),
        fail=fail,
    )


def lines(found: Diff) -> list[str]:
    """Return what a comparison says, for a person."""
    said = []
    if len(set(found.devices)) > 1:
        said.append("other devices: " + " and ".join(found.devices))
    for change in found.changes:
        low, high = change.spread
        text = f"{change.name}: {1e3 * change.before:.3f} -> {1e3 * change.after:.3f} ms"
        text += f", {change.ratio:.2f} times as long (quartiles {low:.2f} to {high:.2f})"
        if change.speed_up is not None:
            text += f", speed-up over the plain form {change.speed_up:.2f} times what it was"
        said.append(text + (": SLOWER" if change.slower else ""))
    said += [f"only in the first: {name}" for name in found.only_before]
    said += [f"only in the second: {name}" for name in found.only_after]
    slower = sum(change.slower for change in found.changes)
    return [*said, f"{len(found.changes)} compared, {slower} more than {found.fail:g} times slower"]


def as_document(found: Diff) -> dict[str, Any]:
    """Return a comparison as plain data."""
    return asdict(found)


def _change(before: Benchmark, after: Benchmark, fail: float) -> Change:
    ratio = after.median / before.median
    old, new = (each.extra.get("speed_up_per_seed_median") for each in (before, after))
    speed_up = new / old if old and new else None
    return Change(
        name=before.name,
        before=before.median,
        after=after.median,
        ratio=ratio,
        spread=(after.q1 / before.q3, after.q3 / before.q1),
        speed_up=speed_up,
        slower=ratio > fail and (speed_up is None or speed_up < 1 / fail),
    )


def _device(measured: Measurements) -> str:
    device = measured.machine.get("device")
    return str(device.get("name", "unknown")) if isinstance(device, dict) else "unknown"
