"""What one experiment found on one space: its records joined with the scores of their architectures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from reports.study.kinds import kind
from reports.study.method_style import Method, marked, methods_of
from reports.study.trajectory import Trajectory
from results.published import cells
from results.records.manifest import SpaceAbout
from results.records.record import Record, finite_points
from results.records.run import Run
from results.scores.oracle import Oracle, of_release, preferring
from results.scores.score import Score

Split = Literal["valid", "test"]
SPLITS: dict[Split, str] = {"valid": "validation", "test": "test"}

#: Data sets that a cell found on the key's data set is also reported on, where an oracle knows them.
TRANSFERS = {"cifar10": ("cifar100", "ImageNet16-120")}
DATASET_LABELS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "svhn": "SVHN", "imagenet": "ImageNet"}


#: Test error in percent, how many edges of the normal cell are skip connections, the dominant eigenvalue, or the
#: supernet's validation error in percent.
Quantity = Literal["error", "skips", "eigenvalue", "supernet error"]


@dataclass(frozen=True)
class Reference:
    """A published curve over completed epochs to set beside ours.

    Attributes
    ----------
    values, low, high : mean and band of ``quantity``.
    """

    label: str
    dataset: str
    epochs: Sequence[float]
    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    source: str
    quantity: Quantity = "error"


@dataclass(frozen=True)
class Study:
    """One experiment on one space.

    Attributes
    ----------
    records : every readable record, by method and seed.
    scores : (architecture, data set) -> score; what is absent is not scored.
    methods : of the whole report, so that a method looks the same in every study.
    landscapes : run -> supernet accuracy around the final alpha; see ``reports.plots.landscape``.
    population : data set -> test accuracy in percent of every cell of the space that a table holds.
    references : published curves on this space.
    senseless : method -> why it makes no sense on this space.
    untabled : whether it is known that no table holds the cells of this space.
    derived : records of methods that follow from others (``reports.study.derived``); shown where errors are.
    compared : ``methods`` and those of ``derived``, for figures and tables of errors.
    published : the scores of published cells that the experiment trained from scratch, by their names.
    """

    experiment: str
    space: str
    records: tuple[Record, ...]
    scores: Mapping[tuple[str, str], Score]
    methods: tuple[Method, ...]
    landscapes: Mapping[Run, pd.DataFrame] = field(default_factory=dict)
    population: Mapping[str, Sequence[float]] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    senseless: Mapping[str, str] = field(default_factory=dict)
    untabled: bool = False
    derived: tuple[Record, ...] = ()
    compared: tuple[Method, ...] = ()
    published: Mapping[str, Score] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        records: Iterable[Record],
        oracle: Oracle,
        *,
        methods: tuple[Method, ...] | None = None,
        derived: tuple[Record, ...] = (),
        **extras: Any,
    ) -> Study:
        """Return the study of records that share an experiment and a space, scored by ``oracle``.

        ``extras`` are the remaining attributes.
        """
        records = tuple(sorted(map(_finite, records), key=lambda record: record.run))
        run = records[0].run
        archs = sorted({arch for record in records for arch in record.points["arch"].dropna()})
        known = preferring(oracle, own := f"retrain-{run.experiment}")
        scores = {
            (arch, dataset): score
            for dataset in _datasets(records)
            for arch, score in zip(archs, known.scores(run.space, archs, dataset), strict=True)
            if score is not None
        }
        shown = methods or methods_of([*records, *derived])
        mine, all_of_them = (
            tuple(marked(method, some) for method in shown if method.id in {record.run.method for record in some})
            for some in (records, (*records, *derived))
        )
        published = _published(of_release(oracle, own), run.space, _datasets(records)[0])
        parts = {"derived": derived, "compared": all_of_them, "published": published}
        return cls(run.experiment, run.space, records, scores, mine, **parts, **extras)

    @property
    def declared(self) -> SpaceAbout:
        """What the records say about their space."""
        return self.records[0].manifest.space

    @property
    def label(self) -> str:
        """The space as it is printed."""
        return self.declared.label or self.space

    @property
    def context(self) -> str:
        """What a figure is about, and what its numbers are worth: printed in every figure."""
        return f"{self.label} · {self.experiment} ({kind(self.experiment)})"

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """The data set that was searched on, then those on which at least one cell is scored."""
        own, *others = _datasets(self.records)
        scored = {dataset for _, dataset in self.scores}
        return (own, *(dataset for dataset in others if dataset in scored))

    @cached_property
    def shares_add_up(self) -> bool:
        """Whether the recorded shares of the operations in the mix add up to one.

        A record holds the mean share of an operation over the rows that have it. Where rows have different operations,
        as in S1, these means are over different rows, and their sum means nothing.
        """
        columns = [f"mix_{operation}" for operation in self.declared.operations]
        sums = (record.points.reindex(columns=columns).sum(axis=1, min_count=1).dropna() for record in self.records)
        return all(np.allclose(each, 1.0, atol=1e-3) for each in sums)

    @property
    def unscored(self) -> str:
        """What a figure of scores says where there are none: where scores would come from."""
        if self.untabled:
            return f"no table holds this space; 'dnas retrain {self.experiment}' trains its cells"
        return "none of its architectures is scored; 'dnas data status' names the tables that would score them"

    def optimum(self, dataset: str) -> float | None:
        """Return the best test accuracy in percent of the population, None where no table holds it."""
        return float(np.nanmax(np.asarray(self.population[dataset]))) if len(self.population.get(dataset, ())) else None

    def releases(self, dataset: str, source: str = "") -> tuple[str, ...]:
        """Return where the scores on a data set come from, the most frequent release first.

        Scores of different releases come from different training recipes: a figure shows one of them.

        Parameters
        ----------
        source : of these scores alone, "table" or "retrained".
        """
        found = Counter(
            score.release
            for record in self.records
            for arch in record.points["arch"]
            if (score := self.scores.get((arch, dataset))) and source in ("", score.source)
        )
        return tuple(sorted(found, key=lambda release: (-found[release], release)))

    def drawn(self, method: Method) -> list[Record]:
        """Return the records of a method with the points that can be trusted, those of a selection among them.

        What is drawn over epochs takes the ``course`` of each. A failed run has none; one that diverged has them up to
        where its alphas stop being finite.
        """
        mine = [record for record in (*self.records, *self.derived) if record.run.method == method.id]
        return [record for record in mine if not record.failed and len(record.points)]

    def landscapes_of(self, method: Method) -> dict[int, pd.DataFrame]:
        """Return the landscape of each seed of a method that has one."""
        runs = [record.run for record in self.drawn(method)]
        return {run.seed: self.landscapes[run] for run in runs if run in self.landscapes}

    def accuracy(self, arch: str, dataset: str, split: Split, release: str) -> float:
        """Return the accuracy of an architecture in percent; NaN where it is not scored."""
        score = self.scores.get((arch, dataset))
        value = getattr(score, split) if score and score.release == release else None
        return np.nan if value is None else float(value)

    def error(self, method: Method, dataset: str, split: Split, release: str) -> Trajectory:
        """Return the error in percent of the architecture that each point decodes to."""
        return Trajectory.of(
            method,
            self.drawn(method),
            lambda points: [100 - self.accuracy(arch, dataset, split, release) for arch in points["arch"]],
            scored=True,
        )

    def column(self, method: Method, name: str) -> Trajectory:
        """Return a column of the records; NaN in a record that lacks it."""
        return Trajectory.of(
            method,
            self.drawn(method),
            lambda points: np.asarray(points[name]) if name in points else np.full(len(points), np.nan),
        )


def dataset_label(dataset: str) -> str:
    """Return a data set's name as it is printed."""
    return DATASET_LABELS.get(dataset, dataset)


def _published(oracle: Oracle, space: str, dataset: str) -> dict[str, Score]:
    """Return the scores of the published cells of a space that an oracle knows, by their names."""
    scores = {cell.name: oracle.score(space, cell.arch, dataset) for cell in cells().values() if cell.space == space}
    return {name: score for name, score in scores.items() if score is not None}


def _datasets(records: Sequence[Record]) -> tuple[str, ...]:
    own = records[0].manifest.space.dataset
    return (own, *TRANSFERS.get(own, ()))


def _finite(record: Record) -> Record:
    """Return the record up to its first point without finite alphas: what such a point decodes to is noise."""
    return replace(record, points=finite_points(record.points)) if record.has_alphas else record
