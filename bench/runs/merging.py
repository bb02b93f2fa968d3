"""Files what comes from elsewhere away, where it belongs, after checking it: records, landscapes, checkpoints, scores.

Every such file says itself which run or experiment it is of, so that names and folders do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import scoring
from results.errors import InputError
from results.files import whole
from results.records.run import fault_of_name
from results.records.store import Store
from results.scores.score import Score, add_scores, read_scores

from . import checkpoint


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
