"""One quantity over the epochs of one method's seeds, with its mean, its error and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.study.method_style import Method
from results.records.record import Record


@dataclass(frozen=True)
class Trajectory:
    """A quantity over epochs, one row per seed.

    Attributes
    ----------
    method : whose runs these are.
    seeds : one per row.
    epochs : ``(points,)``, ascending.
    values : ``(seeds, points)``; NaN where there is no value.
    unscored : ``(seeds, points)``; where there is an architecture that no oracle knows.
    """

    method: Method
    seeds: tuple[int, ...]
    epochs: np.ndarray
    values: np.ndarray
    unscored: np.ndarray

    @classmethod
    def of(
        cls,
        method: Method,
        records: Sequence[Record],
        quantity: Callable[[pd.DataFrame], Sequence[float] | np.ndarray | pd.Series],
        *,
        scored: bool = False,
    ) -> Trajectory:
        """Return ``quantity`` of each record's course over the union of their epochs.

        Parameters
        ----------
        method : the method of all the records.
        records : one per seed.
        quantity : from a record's points to one number per point, NaN where there is none.
        scored : whether a number that is missing means an architecture that was not scored.
        """
        columns = {
            record.run.seed: pd.Series(
                np.asarray(quantity(record.course), dtype=float), index=record.course["epoch"].to_numpy()
            )
            for record in records
        }
        epochs = np.array(sorted({e for column in columns.values() for e in column.index}), dtype=int)
        values = np.full((len(columns), len(epochs)), np.nan)
        unscored = np.zeros(values.shape, dtype=bool)
        for row, column in enumerate(columns.values()):
            places = np.searchsorted(epochs, column.index)
            values[row, places] = column.to_numpy()
            unscored[row, places] = scored & column.isna().to_numpy()
        return cls(method, tuple(columns), epochs, values, unscored)

    @property
    def known(self) -> np.ndarray:
        """Number of seeds that have a value, ``(points,)``."""
        return np.isfinite(self.values).sum(axis=0)

    @property
    def points(self) -> int:
        """Number of points that seeds have: with a value, or with an architecture that is not scored."""
        return int((np.isfinite(self.values) | self.unscored).sum())

    @property
    def empty(self) -> bool:
        """Whether there is no value at all."""
        return not self.known.any()

    @property
    def mean(self) -> np.ndarray:
        """Mean over the seeds that have a value, ``(points,)``; NaN where none has."""
        total = np.nansum(self.values, axis=0)
        return np.divide(total, self.known, out=np.full(total.shape, np.nan), where=self.known > 0)

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of ``mean``, ``(points,)``; NaN where fewer than two seeds have a value."""
        known = self.known
        squares = np.nansum((self.values - self.mean) ** 2, axis=0)
        blank = np.full(squares.shape, np.nan)
        variance = np.divide(squares, known - 1, out=blank, where=known > 1)
        return np.sqrt(variance / np.maximum(known, 1))

    def measured(self) -> Trajectory:
        """Return the points at which at least one seed has a value.

        For what is measured every few epochs: there is nothing missing between two measurements.
        """
        keep = self.known > 0
        return Trajectory(self.method, self.seeds, self.epochs[keep], self.values[:, keep], self.unscored[:, keep])

    def last(self) -> tuple[float, int]:
        """Return the mean after the last epoch and the number of seeds that it is over."""
        return float(self.mean[-1]), int(self.known[-1])


def describe(trajectories: Sequence[Trajectory], unit: str = "", *, when: str = "After the last epoch") -> str:
    """Return in words where each trajectory ends: the alternative text of a figure."""
    ends = ((t.method.label, *t.last()) for t in trajectories if len(t.epochs) and not t.method.independent)
    parts = [f"{label} {mean:.3g}{unit} (n={n})" if n else f"{label} unknown" for label, mean, n in ends]
    return f"{when}: {', '.join(parts)}." if parts else ""
