"""Published curves and cells; the claims in the TOML files here are read by ``results.claims``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

#: The zero of the regret that NAS-Bench-1Shot1 plots: the least test error in percent over single trainings of the
#: cells that its enumerator lists (search_spaces of automl/nasbench-1shot1 at cb0f0ec).
REGRET_ZERO = {
    "nasbench1shot1-1": 5.448716878890991,
    "nasbench1shot1-2": 5.7592153549194336,
    "nasbench1shot1-3": 5.338543653488159,
}
_COLUMNS = {"error": "regret", "low": "low", "high": "high"}
SOURCE = "read off the vector figure that the GAEA authors released (Li et al., ICLR 2021)"
#: Of ``search_logs``.
LOGS_SOURCE = "experiments/search_logs of automl/RobustDARTS (Zela et al., ICLR 2020)"


def curves() -> pd.DataFrame:
    """Return the published trajectories of PC-DARTS and GAEA PC-DARTS on the NAS-Bench-1Shot1 spaces.

    Returns
    -------
    DataFrame with one row per space, method and epoch: ``space``, ``method``, ``epoch`` (completed), ``error`` (mean
    test error over seeds, percent) and the band ``low`` to ``high``, which the figure does not define.
    """
    table = pd.read_csv(Path(__file__).parent / "curves.csv")
    zero = np.array([REGRET_ZERO[space] for space in table["space"]])
    errors = {name: zero + np.asarray(table[column]) for name, column in _COLUMNS.items()}
    return pd.DataFrame({"space": table["space"], "method": table["method"], "epoch": table["epoch"]} | errors)


def search_logs() -> pd.DataFrame:
    """Return the courses of second-order DARTS on S1 (CIFAR-10) and S3 (SVHN) that R-DARTS's logs show.

    Returns
    -------
    DataFrame with one row per course and epoch: ``space``, ``dataset``, ``method`` (its label, with the weight decay
    unless that is 3e-4), ``quantity``, ``searches`` (how many the mean is over), ``epoch`` (completed) and ``value``:

    * ``skips``: how many of the normal cell's eight edges are skip connections.
    * ``eigenvalue``: the absolute dominant eigenvalue of the alpha Hessian, in each search from one batch.
    * ``supernet error``: of the supernet on the augmented images that train alpha, in percent.
    """
    return pd.read_csv(Path(__file__).parent / "search_logs.csv")


@dataclass(frozen=True)
class PublishedCell:
    """An architecture that a paper's repository holds.

    Attributes
    ----------
    name : what this suite calls it.
    space, arch : id of the space and the key in it.
    dataset : that it was searched on.
    paper, source : who found it, and where it was read.
    """

    name: str
    space: str
    dataset: str
    paper: str
    arch: str
    source: str


@cache
def cells() -> Mapping[str, PublishedCell]:
    """Return the published cells by name."""
    with (Path(__file__).parent / "cells.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: PublishedCell(**row) for row in csv.DictReader(file)}
