"""Where, with what and how the records were made, as their manifests say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from shlex import quote
from typing import Any

from reports.tabular.table import Table
from results.records.record import Record

#: Of a group: which seeds shared a supernet, and which did before. It is not part of where they were run.
_OF_SEEDS = ("seeds", "before")


def device_of(record: Record) -> str:
    """Return the name of the device that a record was made on."""
    return record.manifest.device.name or "unknown device"


def seeds_at_once(record: Record) -> int:
    """Return how many seeds shared the supernet."""
    return max(1, len(record.manifest.group.seeds))


def environment_table(records: Iterable[Record]) -> Table:
    """Return each distinct environment and the number of runs made in it."""
    runs = Counter(
        (
            record.run.experiment,
            _printed(record.manifest.device.as_dict()),
            _printed(_setting(record.manifest.group.as_dict())),
            _printed(record.manifest.versions),
            _code(record.manifest.git),
            _printed(record.manifest.data),
        )
        for record in records
    )
    return Table(
        "environments",
        "Where, with what and from which code and data the records were made",
        (
            "experiment",
            "device",
            "setting",
            "versions",
            "commit",
            "checksum of the images at this size and limit",
            "runs",
        ),
        tuple((*place, str(runs[place])) for place in sorted(runs)),
        numbers=frozenset({"runs"}),
    )


def _setting(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a group ran. What is off is not named: records from before a switch existed do not name it either."""
    said = {key: value for key, value in group.items() if key not in _OF_SEEDS and value is not False}
    if isinstance(form := said.get("form"), Mapping):  # of each shape of convolution; the record has them all
        counts = Counter(map(str, form.values()))
        said["form"] = " and ".join(
            f"{name} for {counts[name]} shape{'s' * (counts[name] > 1)}" for name in sorted(counts)
        )
    return said


def commands(records: Iterable[Record]) -> list[str]:
    """Return the commands that make the records, one per experiment, space, method and set of seeds.

    No command of this suite makes a record of another code: imported ones have none.
    """
    seeds: defaultdict[tuple[str, str, str, str], set[int]] = defaultdict(set)
    for record in records:
        if record.imported:
            continue
        run, manifest = record.run, record.manifest
        base = manifest.protocol.experiment.base or run.experiment
        overrides = "".join(f" -o {quote(override)}" for override in manifest.overrides)
        seeds[base, run.space, run.method, overrides].add(run.seed)
    return [
        f"dnas reproduce {quote(base)} --space {quote(space)} --method {quote(method)} --seeds {_ranges(s)}{overrides}"
        for (base, space, method, overrides), s in sorted(seeds.items())
    ]


def _ranges(seeds: Iterable[int]) -> str:
    """Return numbers as inclusive ranges: 0-3,7."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _code(git: Mapping[str, Any]) -> str:
    """Return the commit, and whether the checkout differed from it."""
    commit = str(git.get("sha", "unknown"))
    return f"{commit} with changes" if git.get("dirty") else commit


def _printed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(values.items()))
