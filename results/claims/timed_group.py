"""The conditions under which the seeds of a group were timed: only costs under equal conditions are compared."""

from __future__ import annotations

from dataclasses import dataclass

from results.records.record import Record


@dataclass(frozen=True)
class TimedGroup:
    """The conditions of timing beside the protocol: the device, and the seeds that shared the supernet."""

    device: str
    arithmetic: tuple[str, ...]  # convolution form, precision, whether cells are compiled
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, record: Record) -> TimedGroup:
        """Return those of a record."""
        group, device = record.manifest.group, record.manifest.device.as_dict()
        names = tuple(str(device.get(key, "")) for key in ("name", "threads"))
        precision = group.precision or group.as_dict().get("dtype", "")  # older records name it so
        arithmetic = tuple(map(str, (group.form or "", precision, bool(group.compiled))))
        return cls(" ".join(names), arithmetic, group.seeds or (record.run.seed,))

    def like(self, other: TimedGroup) -> bool:
        """Whether times of the two can be compared."""
        mine, theirs = ((g.device, g.arithmetic, len(g.seeds)) for g in (self, other))
        return mine == theirs
