"""Files records, landscapes and checkpoints from elsewhere away, each where it belongs, after checking it.

Every such file says itself which run it is of, so that names and folders do not matter.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import spaces
from results.errors import InputError
from results.record import Run
from results.store import Store

from . import checkpoint, method
from .recording import brought_in


@dataclass(frozen=True)
class Filed:
    """One file: "filed", "already there", "differs" from what is there, or "unreadable"."""

    path: Path
    status: str
    detail: str = ""


def merge(folder: Path, store: Store) -> Iterator[Filed]:
    """File everything below a folder away; nothing that is there already is overwritten by something else."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; name the folder that holds the records")
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".ckpt":
            yield _checkpoint(path, store)
        elif path.name.endswith(".landscape.parquet"):
            yield _landscape(path, store)
        elif path.suffix == ".parquet" and path.name != "retrained.parquet":
            yield _record(path, store)


def _record(path: Path, store: Store) -> Filed:
    try:
        record = store.read_file(path)
    except InputError as error:
        return Filed(path, "unreadable", str(error))
    there = store.manifest(record.run)
    if there is not None and there["status"] != "failed":
        same = store.read(record.run).same(record)
        return Filed(path, "already there" if same else "differs", str(record.run))
    store.write(record)
    checkpoint.remove(store.root, record.run)
    return Filed(path, "filed", str(record.run))


def _landscape(path: Path, store: Store) -> Filed:
    run = store.run_of_side_file(path)
    if run is None:
        return Filed(path, "unreadable", "no table, or it does not say which run it is of")
    return _copy(path, store.side_path(run, "landscape"), str(run))


def _checkpoint(path: Path, store: Store) -> Filed:
    found = checkpoint.read(path)
    if found is None:
        return Filed(path, "unreadable", "cut off or no checkpoint")
    return _copy(path, checkpoint.path(store.root, found.run, found.position), str(found.run))


def _copy(path: Path, target: Path, detail: str) -> Filed:
    if target.exists():
        same = target.read_bytes() == path.read_bytes()
        return Filed(path, "already there" if same else "differs", detail)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    shutil.copyfile(path, part)
    part.replace(target)
    return Filed(path, "filed", detail)


def from_csv(path: Path, run: Run, store: Store) -> None:
    """Bring in another code's search: a CSV with the columns ``epoch`` and ``arch``, from epoch 0 on.

    A method that the suite does not have is shown under its own name.
    """
    if run.space not in spaces.names():
        raise InputError(f"unknown space '{run.space}'; known are {', '.join(spaces.names())}")
    space = spaces.find(run.space)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not lines or not {"epoch", "arch"} <= set(lines[0]):
        raise InputError(f"{path} needs a heading with the columns epoch and arch, and a row an epoch")
    points: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        if line["epoch"] != str(number):
            raise InputError(f"{path}, row {number + 1}: epoch {line['epoch']!r} should be {number}")
        try:
            arch = space.parse(line["arch"] or "")
        except ValueError as error:
            raise InputError(f"{path}, row {number + 1}: {error}") from None
        points.append({"epoch": number, "arch": arch.key, "alpha": [np.nan] * space.alphas})
    if run.method in method.names():
        shown = method.find(run.method)
    else:
        shown = method.Method(run.method, run.method, colour="#000000", order=99, levels=0, cite="")
    record = brought_in(run, shown, points, source=path.name)
    if store.manifest(run) is not None and not store.read(run).same(record):
        raise InputError(f"{run} is there already and differs; choose another name, or remove {store.path(run)}")
    store.write(record)
