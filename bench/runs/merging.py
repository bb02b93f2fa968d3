"""Checks what comes from elsewhere and adds it to the store: records, landscapes, checkpoints, scores.

Every such file says itself which run or experiment it is of, so that names and folders do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.runs import checkpoint
from results.errors import InputError
from results.files import kept, whole
from results.records import side_file
from results.records.run import fault_of_name
from results.records.store import Store
from results.scores.score import Score, add_scores, is_scores, merge_scores, read_scores


@dataclass(frozen=True)
class Filed:
    """One file: "filed", "already there", "differs" (from what is there, which stays), or "unreadable".

    Attributes
    ----------
    there : what is there instead and stays; None where the status is another.
    """

    path: Path
    status: str
    detail: str = ""
    there: kept.Kept | None = None


def merge(folder: Path, store: Store, *, replace: bool = False) -> Iterator[Filed]:
    """Add everything below a folder to the store, and the scores beside it, where older layouts have them.

    Without ``replace``, nothing that already exists is overwritten by something else. A failed run never replaces a
    result. A damaged file in the place of a sound one is set aside.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is neither a folder nor an archive; name one that holds records")
    landscapes = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".ckpt":
            yield _checkpoint(path, store, replace)
        elif path.name.endswith(".landscape.parquet"):
            landscapes.append(path)
        elif path.name == "retrained.parquet":
            yield _retrained(path, store, replace)
        elif path.name == "scores.parquet":
            yield _scores(path, store, replace)
        elif path.suffix == ".parquet":
            yield _record(path, store, replace)
    older = Store(folder).older_scores_path
    if is_scores(older) and not _is_same(older, store.scores_path):
        yield _scores(older, store, replace)
    for path in landscapes:  # each beside the record that it is of, once that is there
        yield _landscape(path, store, replace)


def refused(filed: Iterable[Filed]) -> str:
    """Return the line that says what was not filed, and what is there instead; nothing where all was filed."""
    left = [each for each in filed if each.status in ("differs", "unreadable")]
    if not left:
        return ""
    count = "1 file was" if len(left) == 1 else f"{len(left)} files were"
    if there := [each.there for each in left if each.there]:
        return f"{count} not filed: {kept.line(there)}"
    return f"{count} not filed, the first is {left[0].path}: {left[0].detail}"


def _differs(path: Path, detail: str, there: Path, what: str) -> Filed:
    return Filed(path, "differs", detail, kept.Kept(there, what))


def _record(path: Path, store: Store, replace: bool) -> Filed:
    try:
        record = store.read_file(path)
    except InputError as error:
        return Filed(path, "unreadable", str(error))
    target, name = store.path(record.run), str(record.run)
    if what := store.result(record.run):
        if store.is_readable(record.run) and store.read(record.run).same(record):
            return Filed(path, "already there", name)
        if record.failed or not replace:
            return _differs(path, name, target, what)
    store.write(record, replace=replace)
    return Filed(path, "filed", name)


def _landscape(path: Path, store: Store, replace: bool) -> Filed:
    whose = side_file.owner(path)
    if whose is None:
        return Filed(path, "unreadable", "no table, or it does not say which run it is of")
    try:
        side_file.landscape(path)
    except InputError as error:
        return Filed(path, "unreadable", str(error))
    run, config_hash = whose
    planned = store.config_hash(run)
    if config_hash is not None and planned not in (None, config_hash):  # it would not be shown
        return _differs(path, f"{run}: its record is of another protocol", store.path(run), store.result(run))
    target = store.side_path(run, "landscape")
    if store.is_side_damaged(run, "landscape"):
        whole.set_aside(target)
    return _copy(path, target, str(run), "another landscape", replace)


def _retrained(path: Path, store: Store, replace: bool) -> Filed:
    """Add what a table of retrained cells holds to those of the experiments that its releases name."""
    try:
        scores = read_scores(path)
    except InputError as error:
        return Filed(path, "unreadable", str(error))
    tables: dict[Path, list[Score]] = {}
    for score in scores:
        kind, _, experiment = score.release.partition("-")
        if kind not in ("retrain", "select") or score.source != "retrained" or fault_of_name(experiment):
            return Filed(path, "unreadable", f"release '{score.release}' is that of no retraining")
        tables.setdefault(store.retrained_path(experiment), []).append(score)
    return _add(path, tables, replace)


def _scores(path: Path, store: Store, replace: bool) -> Filed:
    """Add what a file of scores from tables holds."""
    try:
        scores = read_scores(path)
    except InputError as error:
        return Filed(path, "unreadable", str(error))
    return _add(path, {store.scores_path: scores}, replace)


def _add(path: Path, tables: dict[Path, list[Score]], replace: bool) -> Filed:
    new, others = 0, []
    for target, mine in tables.items():
        filed, different = add_scores(target, mine)
        if replace and different:
            merge_scores(target, different)
            filed, different = [*filed, *different], []
        new += len(filed)
        others += [(target, score) for score in different]
    if not others:
        return Filed(path, "filed" if new else "already there", ", ".join(map(str, tables)))
    target, score = others[0]
    more = (f"{len(others) - 1} more" if others[1:] else "", f"{new} other filed" if new else "")
    detail = "; ".join(filter(None, (f"score of {score.arch} on {score.space}", *more)))
    return _differs(path, detail, target, f"a table with another score of {score.arch} on {score.space}")


def _checkpoint(path: Path, store: Store, replace: bool) -> Filed:
    found = checkpoint.read(path)
    if found is None:
        return Filed(path, "unreadable", "cut off or no checkpoint")
    target = checkpoint.path(store.root, found.run, found.at)
    if target.exists() and checkpoint.read(target) is None:
        whole.set_aside(target)
    return _copy(path, target, str(found.run), "another checkpoint", replace)


def _copy(path: Path, target: Path, detail: str, what: str, replace: bool) -> Filed:
    if target.exists():
        if target.read_bytes() == path.read_bytes():
            return Filed(path, "already there", detail)
        if not replace:
            return _differs(path, detail, target, what)
    with whole.writing(target) as file:
        file.write(path.read_bytes())
    return Filed(path, "filed", detail)


def _is_same(path: Path, other: Path) -> bool:
    return other.exists() and path.samefile(other)
