"""Finds the copy of CIFAR-10 that is used, for the code that decodes it and the code that reports on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ARCHIVE = "cifar-10-binary.tar.gz"
UNPACKED = "cifar-10-batches-bin"  # the folder in the archive
BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
_COUNT = re.compile(r"-of-(\d+)\.parquet$")


@dataclass(frozen=True)
class Copy:
    """A copy of the data set.

    Attributes
    ----------
    path : the archive, or the folder of the files.
    shards : ``train-*.parquet``, then ``test-*.parquet``, as data set hubs have them; empty for other forms.
    batches : the files of the unpacked archive; empty for other forms.
    missing : names of the files that it lacks.
    """

    path: Path
    shards: tuple[Path, ...] = ()
    batches: tuple[Path, ...] = ()
    missing: tuple[str, ...] = ()


def find(data_dir: Path) -> Copy | None:
    """Return the copy that is used; None where there is none. A stray file is not a copy."""
    found = _best(data_dir)
    parts = {path.name.partition("-")[0] for path in found.shards} if found else set()
    return found if found and (not found.missing or parts == {"train", "test"}) else None


def part(data_dir: Path) -> Copy | None:
    """Return the part of the data set that is there, where something is missing; None where nothing is there."""
    found = _best(data_dir)
    return found if found and found.missing else None


def _best(data_dir: Path) -> Copy | None:
    """Return a whole copy, or else the first part of one."""
    parts: list[Copy] = []
    for folder in _places(data_dir):
        shards, missing = _shards(folder)
        if shards and not missing:
            return Copy(folder, shards=shards)
        if (folder / ARCHIVE).exists():
            return Copy(folder / ARCHIVE)
        batches = tuple(folder / name for name in BATCHES if (folder / name).exists())
        if len(batches) == len(BATCHES):
            return Copy(folder, batches=batches)
        if shards:
            parts.append(Copy(folder, shards=shards, missing=missing))
        elif batches:
            absent = tuple(name for name in BATCHES if folder / name not in batches)
            parts.append(Copy(folder, batches=batches, missing=absent))
    return parts[0] if parts else None


def _places(data_dir: Path) -> tuple[Path, ...]:
    beside = (data_dir / "cifar10", data_dir)
    return (*beside, *(each / UNPACKED for each in beside))


def _shards(folder: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the shards in a folder, in order, and the names of those that are missing by the others' names."""
    found: list[Path] = []
    missing: list[str] = []
    for part in ("train", "test"):
        there = sorted(folder.glob(f"{part}-*.parquet"))
        found += there
        counts = {int(match[1]) for path in there if (match := _COUNT.search(path.name))}
        names = {f"{part}-{i:05d}-of-{count:05d}.parquet" for count in counts for i in range(count)}
        missing += sorted(names - {path.name for path in there}) if there else [f"{part}-*.parquet"]
    return tuple(found), tuple(missing)
