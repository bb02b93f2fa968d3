"""The numbers that tables print: what the runs of a method end in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from reports.study.method_style import Method
from reports.study.study import SPLITS, Split, Study
from reports.tabular.table import NONE
from results.claims.stats import Interval, bootstrap, iqm


@dataclass(frozen=True)
class Final:
    """What a method's runs end in, on one data set and split, by scores of one release.

    Attributes
    ----------
    metric : "accuracy" or "error", as the benchmark's own papers print it.
    by_seed : seed -> percent, of each complete run whose final architecture is scored.
    unscored : complete runs whose final architecture is not.
    unfinished : runs that failed or diverged.
    """

    study: Study
    dataset: str
    split: Split
    method: Method
    release: str
    metric: str
    by_seed: Mapping[int, float]
    unscored: int
    unfinished: int

    @property
    def values(self) -> tuple[float, ...]:
        """Percent, one per scored run."""
        return tuple(self.by_seed.values())

    @property
    def n(self) -> str:
        """Number of scored runs, as printed: "n=4", or "n=3 of 4" where some are not scored or did not finish."""
        runs = len(self.values) + self.unscored + self.unfinished
        return f"n={runs}" if runs == len(self.values) else f"n={len(self.values)} of {runs}"

    @property
    def mean(self) -> str:
        """Mean over the scored runs, as printed."""
        return f"{np.mean(self.values):.2f}" if self.values else NONE

    @property
    def std(self) -> str:
        """Standard deviation (n - 1) over the scored runs, as printed."""
        return f"{np.std(self.values, ddof=1):.2f}" if len(self.values) > 1 else NONE

    @property
    def interval(self) -> str:
        """Bootstrap interval of the mean, as printed."""
        return printed(bootstrap(self.values, np.random.default_rng(0)))

    @property
    def median(self) -> str:
        """Median over the scored runs, as printed."""
        return f"{np.median(self.values):.2f}" if self.values else NONE

    @property
    def iqm(self) -> str:
        """Interquartile mean over the scored runs, as printed."""
        return f"{iqm(self.values):.2f}" if self.values else NONE

    @property
    def best(self) -> str:
        """Best of the scored runs, as printed."""
        pick = max if self.metric == "accuracy" else min
        return f"{pick(self.values):.2f}" if self.values else NONE


def last_draws(methods: Iterable[Method]) -> list[str]:
    """Return what the numbers of independent draws are of, a sentence for each such method."""
    return [f"{method.label}: the last draw of each seed alone." for method in methods if method.independent]


def printed(interval: Interval | None) -> str:
    """Return an interval as tables print it."""
    return f"[{interval.low:.2f}, {interval.high:.2f}]" if interval else NONE


def finals(study: Study) -> list[Final]:
    """Return what a study's runs end in: by data set, release, split and method.

    A release without validation accuracies, as of retrained cells, has no numbers of that split.
    """
    return [
        _final(study, dataset, split, method, release)
        for dataset in study.datasets
        for release in study.releases(dataset) or ("",)
        for split in SPLITS
        if split == "test" or _has_validation(study, dataset, release)
        for method in study.compared
    ]


def _has_validation(study: Study, dataset: str, release: str) -> bool:
    scores = (score for (_, of), score in study.scores.items() if of == dataset and score.release == release)
    return any(score.valid is not None for score in scores)


def _final(study: Study, dataset: str, split: Split, method: Method, release: str) -> Final:
    runs = [record for record in (*study.records, *study.derived) if record.run.method == method.id]
    complete = [record for record in runs if record.complete]
    metric = study.declared.metric
    accuracies = {record.run.seed: study.accuracy(record.final_arch, dataset, split, release) for record in complete}
    by_seed = {
        seed: value if metric == "accuracy" else 100 - value for seed, value in accuracies.items() if np.isfinite(value)
    }
    return Final(
        study,
        dataset,
        split,
        method,
        release,
        metric,
        by_seed,
        unscored=len(complete) - len(by_seed),
        unfinished=len(runs) - len(complete),
    )
