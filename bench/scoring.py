"""Joins records with oracles: the tables at hand, the scores that ship with the records, retrained cells."""

from __future__ import annotations

from pathlib import Path

import spaces
from results.oracle import Chain, Oracle, RetrainedOracle, ScoresOracle, TableOracle
from results.record import Record
from results.scores import Score, merge_scores
from results.store import Store


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
            for dataset in datasets(record.run.space, record.manifest["space"]["dataset"])
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


def population(space: str, data_dir: Path) -> dict[str, list[float]]:
    """Return the test accuracy, percent, of every cell of a space that the tables hold, by data set."""
    tables, found = TableOracle.find(data_dir), spaces.find(space)
    if not tables:
        return {}
    archs = [arch.key for arch in found.enumerate()]
    scores = {dataset: Chain(tables).scores(space, archs, dataset) for dataset in found.table_datasets}
    values = {d: [s.test for s in each if s is not None and s.test is not None] for d, each in scores.items()}
    return {dataset: each for dataset, each in values.items() if each}


def module_hashes() -> dict[str, set[str]]:
    """Return the NAS-Bench-101 hashes of every cell of the spaces whose cells that table holds."""
    from results.cellhash import cell_hash

    found = (spaces.find(name) for name in spaces.names())
    return {s.id: {cell_hash(a.key) for a in s.enumerate()} for s in found if s.family == "nasbench1shot1"}


def unscored_finals(runs: Path, experiment: str, data_dir: Path) -> list[tuple[str, str]]:
    """Return the (space, key) of final architectures of an experiment that nothing scores."""
    known = oracle(runs, data_dir)
    finals = dict.fromkeys(
        (record.run.space, record.final_arch, record.manifest["space"]["dataset"])
        for record in Store(runs).records(experiment, complete_only=True)
    )
    return [(space, arch) for space, arch, dataset in finals if known.score(space, arch, dataset) is None]
