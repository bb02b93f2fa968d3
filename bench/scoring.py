"""Joins records with oracles: the tables at hand, the scores that ship with the records, retrained cells."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

import spaces
from results.data import cellhash
from results.data.cellhash import hashed_cells
from results.files import cache
from results.records.record import Record
from results.scores.oracle import Chain, Oracle, RetrainedOracle, ScoresOracle, TableOracle
from results.scores.score import Score, merge_scores
from results.scores.truth import Truth, truths
from spaces import base, graph
from spaces.base import Space

Final = tuple[str, str, str]  # space, architecture, data set


def scores_path(runs: Path) -> Path:
    """Return the file of scores that goes with a folder of records: ``results/scores.parquet``."""
    return runs.parent / "scores.parquet"


def retrained_path(runs: Path, experiment: str) -> Path:
    """Return the table that retraining an experiment's cells writes."""
    return runs / experiment / "retrained.parquet"


def oracle(runs: Path, data_dir: Path) -> Chain:
    """Return everything that can score an architecture: tables first, then scores, then retrained cells."""
    oracles: list[Oracle] = [*TableOracle.find(data_dir), ScoresOracle(scores_path(runs))]
    tables = sorted(runs.glob("[!.]*/retrained.parquet"))
    return Chain([*oracles, *(RetrainedOracle(path, path.parent.name) for path in tables)])


def datasets(space: str, searched_on: str) -> tuple[str, ...]:
    """Return the data sets for which architectures of a record are scored."""
    if searched_on == "cifar10":
        return spaces.find(space).table_datasets
    return (searched_on,)


def keep_scores(runs: Path, records: list[Record], data_dir: Path) -> tuple[int, int]:
    """Copy what the tables say of every architecture that the records found into the scores that ship with them.

    Returns
    -------
    How many distinct architectures and data sets were asked for, and how many of them are scored now.
    """
    tables = TableOracle.find(data_dir)
    known = Chain([*tables, ScoresOracle(scores_path(runs))])
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
    if tables and found:
        merge_scores(scores_path(runs), found)
    return len(asked), len(found)


def cells(space: str, cache_dir: Path | None = None) -> tuple[str, ...]:
    """Return the key of every cell of a space, in the order of its enumeration.

    Cells of NAS-Bench-1Shot1 are hashed on the way, once: both are kept in ``cache_dir``, by default the platform's
    cache folder, for as long as the code that makes them stays the same.
    """
    found = spaces.find(space)
    if found.family != "nasbench1shot1":
        return tuple(arch.key for arch in found.enumerate())
    path = (cache_dir or _cache_dir()) / f"{space}.parquet"
    return hashed_cells(path, _version(found), lambda: (arch.key for arch in found.enumerate()))


def _cache_dir() -> Path:
    return cache.folder() / "cells"


def _version(space: Space) -> str:
    """Return a checksum of the code that enumerates and hashes."""
    code = (sys.modules[type(space).__module__], graph, base, cellhash)
    return hashlib.sha256("".join(map(inspect.getsource, code)).encode()).hexdigest()


def truth(space: str, data_dir: Path, datasets: Sequence[str] = ()) -> dict[str, Truth]:
    """Return what the tables say of a whole space, by data set; nothing where there is no table for it.

    Parameters
    ----------
    datasets : these alone.
    """
    tables = [table for table in TableOracle.find(data_dir) if table.covers(space)]
    return truths(space, cells(space), datasets or spaces.find(space).table_datasets, tables) if tables else {}


def population(space: str, data_dir: Path) -> dict[str, list[float]]:
    """Return the test accuracy, percent, of every cell of a space that the tables hold, by data set."""
    tests = {dataset: found.splits["test"].mean for dataset, found in truth(space, data_dir).items()}
    values = {dataset: mean[np.isfinite(mean)].tolist() for dataset, mean in tests.items()}
    return {dataset: each for dataset, each in values.items() if each}


def module_hashes(cache_dir: Path | None = None) -> dict[str, set[str]]:
    """Return the NAS-Bench-101 hashes of every cell of the spaces whose cells that table holds."""
    names = [name for name in spaces.names() if spaces.find(name).family == "nasbench1shot1"]
    return {name: {cellhash.cell_hash(arch) for arch in cells(name, cache_dir)} for name in names}


def finals(records: Iterable[Record]) -> list[Final]:
    """Return the distinct final architectures of records, each with the data set that it is scored on."""
    found = ((record.run.space, record.final_arch, record.manifest.space.dataset) for record in records)
    return list(dict.fromkeys(found))


def unscored(finals: Iterable[Final], runs: Path, data_dir: Path) -> list[Final]:
    """Return those of final architectures that nothing scores."""
    known = oracle(runs, data_dir)
    return [final for final in finals if known.score(*final) is None]
