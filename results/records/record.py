"""The record of one run: what every other part of the suite reads and writes.

A run is (experiment, space, method, seed). Its record holds one row per point 0..E, where point e is the
architecture after e completed epochs, and a manifest that says how the rows were made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

SCHEMA = 1

#: The ``config_hash`` of a record of another code, which follows no protocol of this suite.
BROUGHT_IN = "brought-in"

#: Columns whose values may differ between two equal records.
VOLATILE_COLUMNS = frozenset({"seconds"})
#: Manifest keys that may differ between two equal records.
VOLATILE_KEYS = frozenset({"git", "device", "dates", "versions", "group"})

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
#: One column of each kind per operation of the space, named PREFIX + operation.
OPERATION_PREFIXES = ("mix_", "alpha_grad_", "weight_grad_")

_LONGEST_NAME = 200  # file systems allow 255, and figures add to it


def fault_of_name(name: object) -> str:
    """Return why ``name`` cannot name an experiment, a space or a method, and so a folder; nothing where it can."""
    if not isinstance(name, str) or not name or name.startswith(".") or set(name) & set("/\\"):
        return "write it without slashes and leading dots"
    if not name.isprintable():
        return "write it in characters that can be printed"
    if len(name.encode()) > _LONGEST_NAME:
        return f"write it in at most {_LONGEST_NAME} bytes"
    return ""


@dataclass(frozen=True, order=True)
class Run:
    """Names one run; printed and parsed as ``EXPERIMENT/SPACE/METHOD/SEED``."""

    experiment: str
    space: str
    method: str
    seed: int

    def __post_init__(self) -> None:
        for name in (self.experiment, self.space, self.method):  # they become folders, also of files from elsewhere
            if fault := fault_of_name(name):
                raise ValueError(f"'{name}' is no part of a run's name; {fault}")
        if type(self.seed) is not int or not 0 <= self.seed < 2**63:
            raise ValueError(f"{self.seed!r} is no seed; write a number from 0 on")

    def __str__(self) -> str:
        return f"{self.experiment}/{self.space}/{self.method}/{self.seed}"

    @classmethod
    def parse(cls, text: str) -> Run:
        """Return the run that ``text`` names; raise ``ValueError`` with the mend."""
        parts = text.strip("/").split("/")
        if len(parts) != 4 or not parts[3].isdecimal() or not all(parts):
            raise ValueError(f"'{text}' is no run; write EXPERIMENT/SPACE/METHOD/SEED, as in quick/nasbench201/darts/0")
        return cls(parts[0], parts[1], parts[2], int(parts[3]))


@dataclass(frozen=True)
class Deviation:
    """One place where this suite, the authors' code and the paper do not agree."""

    id: str
    what: str
    why: str
    effect: str
    switch: str = ""  # the ``-o`` override that gives the other behaviour; empty where there is none
    source: str = ""  # repository:file:line, or paper and section


@dataclass(frozen=True)
class Record:
    """One run's rows and manifest.

    Attributes
    ----------
    points : DataFrame of E + 1 rows with ``POINT_COLUMNS`` and the operation columns.
    manifest : plain JSON data. Keys: ``schema``, ``run`` (the four parts), ``status`` ("complete", "failed"
        or "diverged"), ``error``, ``protocol`` (the whole configuration), ``config_hash``, ``space`` (label,
        family, dataset, operations, parameter_free), ``method`` (label, colour, levels, order),
        ``deviations`` (list of Deviation as dicts), ``cells`` (arch key -> {"nodes": [label], "edges":
        [[from, to, label]]}), ``data`` (name -> sha256), and the volatile ``git``, ``device``, ``dates``,
        ``versions``, ``group``.
    """

    run: Run
    points: pd.DataFrame
    manifest: dict[str, Any]

    @property
    def config_hash(self) -> str:
        """Hash of the protocol that made this record."""
        return self.manifest["config_hash"]

    @property
    def epochs(self) -> int:
        """Epochs that the search was to take; those that it took, and at least one, where nothing says so."""
        planned = self.manifest.get("protocol", {}).get("training", {}).get("epochs", 0)
        return max(1, planned or len(self.points) - 1)

    @property
    def complete(self) -> bool:
        """Whether the run reached its last epoch."""
        return self.manifest["status"] == "complete"

    @property
    def failed(self) -> bool:
        """Whether the run ended in an error: it is no result, and the same command runs it again."""
        return self.manifest["status"] == "failed"

    @property
    def final_arch(self) -> str:
        """Key of the architecture after the last epoch."""
        return str(self.points["arch"].iloc[-1])

    def same(self, other: Record) -> bool:
        """Whether two records are equal in all but what is volatile (bit for bit, NaN equal to NaN)."""
        mine, theirs = ({k: v for k, v in r.manifest.items() if k not in VOLATILE_KEYS} for r in (self, other))
        if json.dumps(mine, sort_keys=True) != json.dumps(theirs, sort_keys=True):
            return False
        left, right = (r.points.drop(columns=[c for c in r.points if c in VOLATILE_COLUMNS]) for r in (self, other))
        if list(left.columns) != list(right.columns) or len(left) != len(right):
            return False
        left, right = (_comparable(table) for table in (left, right))
        return left.equals(right)


def _comparable(points: pd.DataFrame) -> pd.DataFrame:
    alpha = points["alpha"].map(lambda values: np.asarray(values, dtype=float).tobytes())
    kinds = {column: kind for column, kind in POINT_COLUMNS.items() if column in points}
    return points.assign(alpha=alpha).astype(kinds).reset_index(drop=True)
