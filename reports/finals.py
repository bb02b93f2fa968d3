"""The numbers that tables print: what the runs of a method end in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.methods import Method
from reports.study import SPLITS, Split, Study
from reports.table import NONE


@dataclass(frozen=True)
class Final:
    """What a method's runs end in, on one data set and split, by scores of one release.

    Attributes
    ----------
    metric : "accuracy" or "error", as the benchmark's own papers print it.
    values : percent, one per complete run whose final architecture is scored.
    unscored : complete runs whose final architecture is not.
    unfinished : runs that failed or diverged.
    """

    study: Study
    dataset: str
    split: Split
    method: Method
    release: str
    metric: str
    values: tuple[float, ...]
    unscored: int
    unfinished: int

    @property
    def mean(self) -> str:
        """Mean over the scored runs, as printed."""
        return f"{np.mean(self.values):.2f}" if self.values else NONE

    @property
    def std(self) -> str:
        """Standard deviation (n - 1) over the scored runs, as printed."""
        return f"{np.std(self.values, ddof=1):.2f}" if len(self.values) > 1 else NONE

    @property
    def best(self) -> str:
        """Best of the scored runs, as printed."""
        pick = max if self.metric == "accuracy" else min
        return f"{pick(self.values):.2f}" if self.values else NONE


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
        for method in study.methods
    ]


def _has_validation(study: Study, dataset: str, release: str) -> bool:
    scores = (score for (_, of), score in study.scores.items() if of == dataset and score.release == release)
    return any(score.valid is not None for score in scores)


def _final(study: Study, dataset: str, split: Split, method: Method, release: str) -> Final:
    runs = [record for record in study.records if record.run.method == method.id]
    complete = [record for record in runs if record.complete]
    metric = "accuracy" if study.declared.get("family") == "nasbench201" else "error"
    scored = [study.accuracy(record.final_arch, dataset, split, release) for record in complete]
    values = tuple(value if metric == "accuracy" else 100 - value for value in scored if np.isfinite(value))
    return Final(
        study,
        dataset,
        split,
        method,
        release,
        metric,
        values,
        unscored=len(complete) - len(values),
        unfinished=len(runs) - len(complete),
    )
