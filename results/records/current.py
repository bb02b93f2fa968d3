"""Which records count: those of one protocol for each experiment, space and method, never a mixture.

A protocol changes with the code. The records of the old protocol stay in the store until they are run again. They do
not show what the experiment says now, so they are left out and named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from results.records.record import IMPORTED, Record
from results.records.run import ArmName, Run

#: The hash of the protocol that each arm has now.
Planned = Mapping[ArmName, str]


@dataclass(frozen=True)
class LeftOut:
    """A record that does not count, and why."""

    run: Run
    why: str
    imported: bool = False  # it is another code's, and would count if that were asked for

    def __str__(self) -> str:
        return f"{self.run}: {self.why}"


def current(
    records: Iterable[Record], planned: Planned, *, imported: bool = False
) -> tuple[list[Record], list[LeftOut]]:
    """Return the records that count and those that are left out, both sorted by run.

    In an experiment that is planned, the records of the planned protocol count. If there is none, or if all of them
    failed, ``imported`` lets those count that were imported under its name from another code; they have no protocol of
    this suite. In an experiment that is not known here, such as one in a file elsewhere, the protocol with the most
    complete records counts; if two have equally many, the one that was run last. Imported records count there only if
    all others failed, or if there is no other.
    """
    groups: defaultdict[ArmName, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: r.run):
        groups[record.run.arm].append(record)
    kept: list[Record] = []
    left_out: list[LeftOut] = []
    for arm, group in groups.items():
        wanted = planned.get(arm)
        counted = _counted(group, wanted, imported=imported)
        fix = f"'{arm.command('run')} --replace' makes it anew"
        kept += [record for record in group if record.config_hash == counted]
        left_out += [
            not_asked_for(record)
            if record.imported and counted == wanted and not imported
            else LeftOut(record.run, _why(record, counted, wanted) + (f"; {fix}" if wanted is not None else ""))
            for record in group
            if record.config_hash != counted
        ]
    return kept, left_out


def not_asked_for(record: Record) -> LeftOut:
    """Return an imported record as left out, since imports were not asked for."""
    return LeftOut(record.run, "it was imported from another code, and counts with --imported alone", imported=True)


def _counted(group: list[Record], wanted: str | None, *, imported: bool) -> str:
    """Return the hash that counts in a group."""
    if wanted is None:
        own = [record for record in group if not record.failed and not record.imported]
        return max(own or group, key=lambda record: _weight(group, record.config_hash)).config_hash
    hashes = {record.config_hash for record in group if not record.failed and (imported or not record.imported)}
    return IMPORTED if wanted not in hashes and IMPORTED in hashes else wanted


def _why(record: Record, counted: str, wanted: str | None) -> str:
    """Return why a record of another hash than ``counted`` is left out."""
    if record.config_hash == wanted:
        return "it failed, and those that were imported count instead"
    now = f"the experiment is {wanted} now" if wanted is not None else f"the records that count are {counted}"
    return f"protocol {record.config_hash}, but {now}"


def _weight(group: list[Record], config_hash: str) -> tuple[int, str, str]:
    """Return what protocols are ranked by: how many complete records they have, then when the last was made."""
    mine = [record for record in group if record.config_hash == config_hash]
    dates = (str(record.manifest.dates.get("finished", "")) for record in mine)
    return sum(record.complete for record in mine), max(dates), config_hash
