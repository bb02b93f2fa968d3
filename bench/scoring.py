"""Joins records with oracles: the available tables, the scores that ship with the records, retrained cells."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import spaces
from results.data import cellhash
from results.data.cellhash import hashed_cells
from results.errors import InputError
from results.files import cache
from results.records.store import Store
from results.scores.oracle import Chain, Oracle, RetrainedOracle, ScoresOracle, TableOracle
from results.scores.score import Score, add_scores, is_scores, merge_scores
from results.scores.truth import Truth, truths
from spaces import base, graph
from spaces.base import Space

if TYPE_CHECKING:
    from results.records.record import Record

#: The benchmark whose table has cells by hash.
_HASHED = "nasbench101"


class Final(NamedTuple):
    """An architecture that a search ended in, and the data set that it is scored on."""

    space: str
    arch: str
    dataset: str


def oracle(runs: Path, data_dir: Path) -> Chain:
    """Return everything that can score an architecture: tables first, then scores, then retrained cells."""
    store = Store(runs)
    tables = sorted(runs.glob("[!.]*/retrained.parquet"))
    retrained = (RetrainedOracle(path, path.parent.name) for path in tables)
    aside = (RetrainedOracle(path, path.parent.name, "select") for path in tables)
    return Chain([*TableOracle.find(data_dir), *_kept(store), *retrained], aside=aside)


def _kept(store: Store) -> list[Oracle]:
    """Return the scores that are kept in a store, and beside it, where older layouts have them."""
    older = [store.older_scores_path] if is_scores(store.older_scores_path) else []
    return [ScoresOracle(path) for path in (store.scores_path, *older)]


def datasets(space: str, searched_on: str) -> tuple[str, ...]:
    """Return the data sets for which architectures of a record are scored."""
    scored = spaces.find(space).table_datasets
    return scored if searched_on in scored else (searched_on,)


def keep_scores(runs: Path, records: list[Record], data_dir: Path, *, replace: bool = False) -> tuple[int, int, int]:
    """Copy what the tables say about every architecture that the records found into the scores that ship with them.

    Scores that are there already stay, unless ``replace`` says that they may go.

    Returns
    -------
    How many distinct architectures and data sets were asked for, how many of them are scored now, and how many scores
    that are kept differ from what the tables say.
    """
    store = Store(runs)
    known = Chain([*TableOracle.find(data_dir), *_kept(store)])
    asked = sorted(
        {
            (record.run.space, arch, dataset)
            for record in records
            for dataset in datasets(record.run.space, record.manifest.space.dataset)
            for arch in set(record.points["arch"])
        }
    )
    found: list[Score] = []
    for space in sorted({space for space, _, _ in asked}):
        for dataset in sorted({d for s, _, d in asked if s == space}):
            archs = [a for s, a, d in asked if (s, d) == (space, dataset)]
            found += [score for score in known.scores(space, archs, dataset) if score is not None]
    differ = []
    if found and replace:
        merge_scores(store.scores_path, found)
    elif found:
        _, differ = add_scores(store.scores_path, found)
    return len(asked), len(found), len(differ)


def cells(space: str, kept_in: Path | None = None) -> tuple[str, ...]:
    """Return the key of every cell of a space, in the order of its enumeration.

    Cells that their table has by hash are hashed on the way, once: both are kept in ``kept_in``, by default the
    platform's cache folder, for as long as the code that makes them stays the same.
    """
    found = spaces.find(space)
    if found.table != _HASHED:
        return tuple(arch.key for arch in found.enumerate())
    path = (kept_in or _cache_dir()) / f"{space}.parquet"
    return hashed_cells(path, _version(found), lambda: (arch.key for arch in found.enumerate()))


def _cache_dir() -> Path:
    try:
        return cache.folder() / "cells"
    except cache.NoHome:
        raise InputError("the home directory cannot be determined; set HOME or XDG_CACHE_HOME to a folder") from None


def _version(space: Space) -> str:
    """Return a checksum of the code that enumerates and hashes."""
    code = (sys.modules[type(space).__module__], graph, base, cellhash)
    return hashlib.sha256("".join(map(inspect.getsource, code)).encode()).hexdigest()


def truth(space: str, data_dir: Path, datasets: Sequence[str] = ()) -> dict[str, Truth]:
    """Return what the tables say about a whole space, by data set; nothing where there is no table for it.

    Parameters
    ----------
    datasets : only these; by default all that the space's table scores.
    """
    tables = [table for table in TableOracle.find(data_dir) if table.covers(space)]
    return truths(space, cells(space), datasets or spaces.find(space).table_datasets, tables) if tables else {}


def population(space: str, data_dir: Path) -> dict[str, list[float]]:
    """Return the test accuracy, percent, of every cell of a space that the tables hold, by data set."""
    tests = {dataset: found.splits["test"].mean for dataset, found in truth(space, data_dir).items()}
    values = {dataset: mean[np.isfinite(mean)].tolist() for dataset, mean in tests.items()}
    return {dataset: each for dataset, each in values.items() if each}


def module_hashes(kept_in: Path | None = None) -> dict[str, set[str]]:
    """Return the NAS-Bench-101 hashes of every cell of the spaces whose cells that table holds."""
    names = [name for name in spaces.names() if spaces.find(name).table == _HASHED]
    return {name: {cellhash.cell_hash(arch) for arch in cells(name, kept_in)} for name in names}


def finals(records: Iterable[Record]) -> list[Final]:
    """Return the distinct final architectures of records, each with the data set that it is scored on."""
    found = (Final(record.run.space, record.final_arch, record.manifest.space.dataset) for record in records)
    return list(dict.fromkeys(found))


def unscored(finals: Iterable[Final], runs: Path, data_dir: Path, experiment: str) -> list[Final]:
    """Return the final architectures that neither a table nor the experiment's own retraining scores."""
    store = Store(runs)
    own = RetrainedOracle(store.retrained_path(experiment), experiment)
    known = Chain([*TableOracle.find(data_dir), *_kept(store), own])
    return [final for final in finals if known.score(*final) is None]
