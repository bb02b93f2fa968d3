"""The record of one run, which every other part of the suite reads and writes.

A run is (experiment, space, method, seed). Its record holds one row per point 0..E, where point e is the
architecture after e completed epochs, and a manifest that says how the rows were made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from results.records.manifest import Manifest
from results.records.run import Run

if TYPE_CHECKING:
    import pandas as pd

#: The ``config_hash`` of a record of another code, which follows no protocol of this suite.
IMPORTED = "brought-in"

#: Columns whose values may differ between two equal records.
VOLATILE_COLUMNS = frozenset({"seconds"})

#: Columns of every record, in order. Accuracies are percent, losses are cross entropy in nats.
POINT_COLUMNS = {
    "epoch": "int64",  # completed epochs; row 0 is the initialisation, where what an epoch measures is null
    "arch": "string",  # canonical key of the decoded architecture
    "train_loss": "float64",  # mean over the epoch's weight steps, at the mix that those steps saw
    "train_accuracy": "float64",
    "valid_loss": "float64",  # supernet on the alpha half, clean mix, running batch-norm statistics
    "valid_accuracy": "float64",
    "arch_entropy": "float64",  # nats; mean over the rows of the clean mix
    "eigenvalue": "float64",  # |algebraically largest eigenvalue| of the alpha Hessian, where measured
    "seconds": "float64",  # wall time of the epoch, for the whole group of seeds that shared the supernet
    "alpha": "object",  # list of float, raw, row by row in the space's order
}
#: Further columns of a method that selects after its last epoch; ``epoch`` counts on over the rounds of the selection.
SELECTION_COLUMNS = {
    "stage": "string",  # "search" or "select"
    "tried": "object",  # list of float, percent correct of each mix that a round tried; empty where it tried none
}
#: One column of each kind per operation of the space, named PREFIX + operation.
OPERATION_PREFIXES = ("mix_", "alpha_grad_", "weight_grad_")


@dataclass(frozen=True)
class Record:
    """One run's rows and manifest.

    Attributes
    ----------
    points : DataFrame of E + 1 rows with ``POINT_COLUMNS`` and the operation columns.
    manifest : how they were made.
    """

    run: Run
    points: pd.DataFrame
    manifest: Manifest

    @property
    def config_hash(self) -> str:
        """Hash of the protocol that made this record."""
        return self.manifest.config_hash

    @property
    def epochs(self) -> int:
        """Epochs that the search was planned to take; where nothing says so, those that it took, and at least one."""
        return max(1, self.manifest.protocol.training.epochs or self.completed or 0)

    @property
    def completed(self) -> int | None:
        """Epochs that the search completed; None of an imported architecture whose source does not say."""
        if self.final_alone:
            return self.manifest.imported.epochs if self.manifest.imported else None
        return int(self.searched["epoch"].iloc[-1]) if len(self.points) else 0

    @property
    def searched(self) -> pd.DataFrame:
        """The points of the search, without those of a selection after it."""
        return self.points.loc[self.points["stage"] == "search"] if "stage" in self.points else self.points

    @property
    def selected(self) -> pd.DataFrame:
        """The points of a selection after the search; empty where there is none."""
        return self.points.iloc[len(self.searched) :]

    @property
    def course(self) -> pd.DataFrame:
        """The points of the search, the last of them with the architecture that the search ended with.

        What is drawn or averaged over epochs comes from here: a selection has no epochs.
        """
        if not len(self.selected):
            return self.points
        found = self.searched.copy()
        found.loc[found.index[-1], "arch"] = self.final_arch
        return found

    @property
    def imported(self) -> bool:
        """Whether it comes from another code, which follows no protocol of this suite."""
        return self.config_hash == IMPORTED

    @property
    def final_alone(self) -> bool:
        """Whether it is the final architecture of another code's search, of which nothing else is known."""
        return self.manifest.imported is not None and self.manifest.imported.kind == "final"

    @property
    def has_alphas(self) -> bool:
        """Whether its architectures were decoded from alphas: not plain draws, and no import, which holds none."""
        return (self.manifest.method.levels or 0) > 0 and not self.imported

    @property
    def complete(self) -> bool:
        """Whether the run reached its last epoch."""
        return self.manifest.status == "complete"

    @property
    def failed(self) -> bool:
        """Whether the run ended in an error: it is not a result, and the same command runs it again."""
        return self.manifest.status == "failed"

    @property
    def final_arch(self) -> str:
        """Key of the architecture after the last epoch."""
        return str(self.points["arch"].iloc[-1])

    def same(self, other: Record) -> bool:
        """Whether two records are equal in all but what is volatile (bit for bit, NaN equal to NaN)."""
        mine, theirs = (json.dumps(record.manifest.lasting(), sort_keys=True) for record in (self, other))
        if mine != theirs:
            return False
        left, right = (r.points.drop(columns=[c for c in r.points if c in VOLATILE_COLUMNS]) for r in (self, other))
        if list(left.columns) != list(right.columns) or len(left) != len(right):
            return False
        left, right = (_comparable(table) for table in (left, right))
        return left.equals(right)


def finite_points(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points before the first whose alphas are not finite: no architecture can be decoded from that one."""
    sound = points["alpha"].map(lambda alpha: bool(np.isfinite(np.asarray(alpha, dtype=float)).all()))
    return points.loc[sound.cummin().astype(bool)]


def _comparable(points: pd.DataFrame) -> pd.DataFrame:
    kinds = {name: kind for name, kind in (POINT_COLUMNS | SELECTION_COLUMNS).items() if name in points}
    lists = [name for name, kind in kinds.items() if kind == "object"]
    flat = {name: points[name].map(lambda values: np.asarray(values, dtype=float).tobytes()) for name in lists}
    return points.assign(**flat).astype(kinds).reset_index(drop=True)
