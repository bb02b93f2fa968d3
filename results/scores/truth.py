"""The ground truth of a space: the best of all its cells that a table holds, and where a cell ranks among them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from results.data.benchmark_table import SPLITS
from results.scores.oracle import TableOracle
from results.scores.score import Score


@dataclass(frozen=True)
class Best:
    """The best of the cells of a space that a table holds.

    Attributes
    ----------
    accuracy : in percent.
    arch : the first of the cells that reach it.
    over : the set that it is the best of, in words: the complete set, or so many cells of so many.
    """

    accuracy: float
    arch: str
    over: str


@dataclass(frozen=True)
class Ranking:
    """Validation or test accuracy of every cell of a space, percent ``(cells,)``.

    Attributes
    ----------
    archs : the cells.
    mean : over the trainings; NaN where the cell is not scored.
    best : of the best training; NaN where the cell is not scored or only the mean is known.
    """

    archs: Sequence[str]
    mean: np.ndarray
    best: np.ndarray

    @property
    def scored(self) -> int:
        """How many cells the table has."""
        return int(np.isfinite(self.mean).sum())

    @property
    def complete(self) -> bool:
        """Whether the table has them all."""
        return self.scored == len(self.archs)

    @property
    def best_mean(self) -> Best | None:
        """The cell that is best in the mean over its trainings."""
        return self._best(self.mean)

    @property
    def best_training(self) -> Best | None:
        """The cell with the best single training; None where the table has means only."""
        return self._best(self.best)

    def rank(self, accuracy: float) -> int:
        """Return the rank of a mean accuracy: 1, and one more for each scored cell that is better."""
        return 1 + int((self.mean > accuracy).sum())

    def _best(self, accuracy: np.ndarray) -> Best | None:
        known = int(np.isfinite(accuracy).sum())
        if not known:
            return None
        place, cells = int(np.nanargmax(accuracy)), len(self.archs)
        covered = f"the {known:,} of {cells:,} cells that the table covers"
        over = "the complete set" if known == cells else covered
        return Best(float(accuracy[place]), self.archs[place], f"over {over}")


@dataclass(frozen=True)
class Truth:
    """What one release of a table, with trainings of one length, says about a whole space on one data set.

    Attributes
    ----------
    splits : "valid" and "test".
    """

    release: str
    epochs: int
    splits: dict[str, Ranking]


def truths(
    space: str, archs: Sequence[str], datasets: Iterable[str], tables: Sequence[TableOracle]
) -> dict[str, Truth]:
    """Return the truth of each data set that a table has.

    Tables of different releases, or of trainings of different lengths, are kept apart, and the truth with the most
    test scores is returned.

    Parameters
    ----------
    archs : every cell of the space.
    tables : asked in this order; a cell's figures come from the first that has it.
    """
    found = {dataset: _of_dataset(space, archs, dataset, tables) for dataset in datasets}
    return {dataset: truth for dataset, truth in found.items() if truth is not None}


def _of_dataset(space: str, archs: Sequence[str], dataset: str, tables: Sequence[TableOracle]) -> Truth | None:
    kinds: dict[tuple[str, int], Truth] = {}
    for table in tables:
        figures = table.figures(space, archs, dataset)
        for release, epochs in sorted(set(zip(figures.release.tolist(), figures.epochs.tolist(), strict=True))):
            if not release:
                continue
            mine = (figures.release == release) & (figures.epochs == epochs)
            before = kinds.get((release, epochs))
            splits = {}
            for split in SPLITS:
                mean, best = (np.where(mine, each[split], np.nan) for each in (figures.mean, figures.best))
                if before:
                    first = before.splits[split]
                    has = np.isfinite(first.mean)
                    mean, best = np.where(has, first.mean, mean), np.where(has, first.best, best)
                splits[split] = Ranking(archs, mean, best)
            kinds[release, epochs] = Truth(release, epochs, splits)
    return max(kinds.values(), key=lambda truth: truth.splits["test"].scored, default=None)


@dataclass(frozen=True)
class Answer:
    """What is known of an architecture on one split of a data set.

    Attributes
    ----------
    value : accuracy in percent, mean over the trainings.
    trials : each training; empty where only the mean is known.
    spread : sample standard deviation of the trials; None for fewer than two.
    n : number of trials; None where only the mean is known.
    epochs, release, source : as in ``Score``.
    rank : among the ``scored`` of all ``cells`` of the space, by the same release; None where no table ranks it.
    """

    split: str
    value: float
    trials: tuple[float, ...]
    spread: float | None
    n: int | None
    epochs: int
    release: str
    source: str
    rank: int | None = None
    scored: int | None = None
    cells: int | None = None


def answers(score: Score, truth: Truth | None) -> dict[str, Answer]:
    """Return the answer for each split that the score has, ranked where ``truth`` is of the score's own release."""
    found = {}
    for split, value, trials in (
        ("valid", score.valid, score.valid_trials),
        ("test", score.test, score.test_trials),
    ):
        if value is None:
            continue
        spread = statistics.stdev(trials) if len(trials) > 1 else None
        known = (value, trials, spread, len(trials) or None, score.epochs, score.release, score.source)
        comparable = truth is not None and (truth.release, truth.epochs) == (score.release, score.epochs)
        ranking = truth.splits[split] if truth and comparable else None
        place = (ranking.rank(value), ranking.scored, len(ranking.archs)) if ranking and ranking.scored else ()
        found[split] = Answer(split, *known, *place)
    return found
