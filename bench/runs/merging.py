"""Files what comes from elsewhere away, where it belongs, after checking it: records, landscapes, checkpoints, scores.

Every such file says itself which run or experiment it is of, so that names and folders do not matter.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import spaces
from bench import scoring
from bench.methods import method
from results.errors import InputError
from results.files import whole
from results.records.run import Run, fault_of_name
from results.records.store import Store
from results.scores.score import Score, add_scores, read_scores

from . import checkpoint
from .recording import brought_in


@dataclass(frozen=True)
class Filed:
    """One file: "filed", "already there", "differs" (from what is there, which stays), or "unreadable"."""

    path: Path
    status: str
    detail: str = ""


def merge(folder: Path, store: Store) -> Iterator[Filed]:
    """File everything below a folder away; nothing that is there already is overwritten by something else."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; name the folder that holds the records")
    landscapes = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".ckpt":
            yield _checkpoint(path, store)
        elif path.name.endswith(".landscape.parquet"):
            landscapes.append(path)
        elif path.name == "retrained.parquet":
            yield _retrained(path, store)
        elif path.suffix == ".parquet":
            yield _record(path, store)
    for path in landscapes:  # each beside the record that it is of, once that is there
        yield _landscape(path, store)


def _record(path: Path, store: Store) -> Filed:
    try:
        record = store.read_file(path)
    except InputError as error:
        return Filed(path, "unreadable", str(error))
    there = store.manifest(record.run)
    if there is not None and there.status != "failed":
        same = store.read(record.run).same(record)
        return Filed(path, "already there" if same else "differs", str(record.run))
    store.write(record)
    return Filed(path, "filed", str(record.run))


def _landscape(path: Path, store: Store) -> Filed:
    whose = store.of_side_file(path)
    if whose is None:
        return Filed(path, "unreadable", "no table, or it does not say which run it is of")
    run, config_hash = whose
    if config_hash is not None and store.config_hash(run) not in (None, config_hash):
        return Filed(path, "differs", f"{run}: its record is of another protocol")
    return _copy(path, store.side_path(run, "landscape"), str(run))


def _retrained(path: Path, store: Store) -> Filed:
    """Add what a table of retrained cells holds to those of the experiments that its releases name."""
    try:
        scores = read_scores(path)
    except InputError as error:
        return Filed(path, "unreadable", str(error))
    tables: dict[str, list[Score]] = {}
    for score in scores:
        kind, _, experiment = score.release.partition("-")
        if kind != "retrain" or score.source != "retrained" or fault_of_name(experiment):
            return Filed(path, "unreadable", f"release '{score.release}' is that of no retraining")
        tables.setdefault(experiment, []).append(score)
    new, others = [], []
    for experiment, mine in tables.items():
        filed, left_out = add_scores(scoring.retrained_path(store.root, experiment), mine)
        new += filed
        others += [f"{experiment}: score of {score.arch} on {score.space}" for score in left_out]
    if others:
        more = (f"{len(others) - 1} more" if others[1:] else "", f"{len(new)} other filed" if new else "")
        return Filed(path, "differs", "; ".join(filter(None, (others[0], *more))))
    return Filed(path, "filed" if new else "already there", ", ".join(tables))


def _checkpoint(path: Path, store: Store) -> Filed:
    found = checkpoint.read(path)
    if found is None:
        return Filed(path, "unreadable", "cut off or no checkpoint")
    return _copy(path, checkpoint.path(store.root, found.run, found.position), str(found.run))


def _copy(path: Path, target: Path, detail: str) -> Filed:
    if target.exists():
        same = target.read_bytes() == path.read_bytes()
        return Filed(path, "already there" if same else "differs", detail)
    with whole.writing(target) as file:
        file.write(path.read_bytes())
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
