"""Records with known truth, for the tests of the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from results.records.manifest import SCHEMA, Manifest
from results.records.record import Record
from results.records.run import Run
from results.scores.score import Score

METHODS: dict[str, dict[str, Any]] = {
    "darts": {"label": "DARTS", "colour": "#0072B2", "order": 0, "levels": 2},
    "darts-2nd": {"label": "DARTS (2nd order)", "colour": "#56B4E9", "order": 1, "levels": 2},
    "sdarts-rs": {"label": "SDARTS-RS", "colour": "#E69F00", "order": 2, "levels": 2},
    "sdarts-adv": {"label": "SDARTS-ADV", "colour": "#D55E00", "order": 3, "levels": 2},
    "dropnas": {"label": "DropNAS", "colour": "#009E73", "order": 4, "levels": 1},
    "darts-1level": {"label": "DARTS (1 level)", "colour": "#CC79A7", "order": 5, "levels": 1},
    "random": {"label": "random", "colour": "#7F7F7F", "order": 6, "levels": 0},
}
SPACES: dict[str, dict[str, Any]] = (
    {
        "nasbench201": {
            "label": "NAS-Bench-201",
            "family": "nasbench201",
            "operations": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"],
            "parameter_free": ["none", "skip_connect", "avg_pool_3x3"],
        }
    }
    | {
        f"nasbench1shot1-{number}": {
            "label": f"NAS-Bench-1Shot1, space {number}",
            "family": "nasbench1shot1",
            "operations": ["conv3x3", "conv1x1", "maxpool3x3"],
            "parameter_free": ["maxpool3x3"],
        }
        for number in (1, 2, 3)
    }
    | {
        "darts-s2": {
            "label": "S2 (R-DARTS)",
            "family": "darts",
            "operations": ["skip_connect", "sep_conv_3x3"],
            "parameter_free": ["skip_connect"],
        }
    }
)
ALL_SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CONVOLUTIONS = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
#: Two kinds of cells: three skip connections of eight edges in the normal one, none in the other.
TWO_KINDS = (
    "normal:skip_connect~0|skip_connect~1+skip_connect~0|sep_conv_3x3~1+sep_conv_3x3~0|sep_conv_3x3~1"
    "+sep_conv_3x3~0|sep_conv_3x3~1;"
    "reduce:" + "+".join(["sep_conv_3x3~0|sep_conv_3x3~1"] * 4)
)
#: Test accuracy of the two cells above; validation is one point lower in ``Table``.
TRUTH = {CONVOLUTIONS: 94.0, ALL_SKIP: 54.3}


def record(
    method: str = "darts",
    seed: int = 0,
    *,
    experiment: str = "paper",
    space: str = "nasbench201",
    dataset: str = "cifar10",
    archs: Sequence[str] = (CONVOLUTIONS, CONVOLUTIONS, ALL_SKIP),
    status: str = "complete",
    columns: Mapping[str, Any] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> Record:
    """Return a record whose point e has the architecture ``archs[e]``.

    ``columns`` and ``manifest`` replace what is plain in it.
    """
    points, operations = len(archs), SPACES[space]["operations"]
    epochs = np.arange(points)
    after_start = np.where(epochs == 0, np.nan, 1.0)
    table: dict[str, Any] = {
        "epoch": epochs,
        "arch": pd.Series(list(archs), dtype="string"),
        "train_loss": after_start * (2.0 - 0.01 * epochs),
        "train_accuracy": after_start * (50.0 + 0.1 * epochs),
        "valid_loss": 2.0 - 0.01 * epochs,
        "valid_accuracy": 40.0 + 0.1 * epochs + seed,
        "arch_entropy": np.full(points, 1.5),
        "eigenvalue": 0.1 + 0.01 * epochs,
        "seconds": after_start * 2.0,
        "alpha": [[0.0, 0.1]] * points,
    }
    for operation in operations:
        table[f"mix_{operation}"] = np.full(points, 1 / len(operations))
        table[f"alpha_grad_{operation}"] = after_start * 0.5
        table[f"weight_grad_{operation}"] = after_start
    nodes = {"nodes": ["input", "output"], "edges": [[0, 1, operations[0]]]}
    plain = {
        "schema": SCHEMA,
        "run": {"experiment": experiment, "space": space, "method": method, "seed": seed},
        "status": status,
        "error": "" if status == "complete" else "the loss is not finite",
        "protocol": {"experiment": {"name": experiment, "base": experiment, "description": f"What {experiment} is."}},
        "overrides": [],
        "config_hash": "0" * 16,
        "space": SPACES[space] | {"dataset": dataset},
        "method": METHODS.get(method, {"label": method}),
        "deviations": [],
        "cells": dict.fromkeys(archs, nodes),
        "data": {dataset: "0" * 64},
        "git": {"sha": "0" * 40, "dirty": False},
        "device": {"type": "cpu", "name": "a processor"},
        "dates": {},
        "versions": {"torch": "2.13.0"},
        "group": {"seeds": [seed], "form": "grouped", "dtype": "float32"},
    }
    return Record(
        Run(experiment, space, method, seed),
        pd.DataFrame(table | dict(columns or {})).astype({"epoch": "int64", "arch": "string"}),
        Manifest.of(plain | dict(manifest or {})),
    )


def surroundings(height: float = 90.0) -> pd.DataFrame:
    """Return the file beside a record: a plane of nine points that falls from ``height``, and three radii."""
    grid = [-1.0, 0.0, 1.0]
    plane = [("plane", x, y, height - 10 * (x**2 + y**2)) for x in grid for y in grid]
    radius = [("radius", r, 0.0, height - 50 * r) for r in (0.0, 0.1, 0.2)]
    return pd.DataFrame(plane + radius, columns=["kind", "x", "y", "valid_accuracy"])


@dataclass(frozen=True)
class Table:
    """An oracle that knows test accuracies by architecture.

    Validation is one percentage point lower; retrained cells have none.
    """

    test: Mapping[str, float]
    release: str = "a table"
    source: str = "table"
    datasets: tuple[str, ...] = ("cifar10", "cifar100", "ImageNet16-120", "digits")

    def score(self, space: str, arch: str, dataset: str) -> Score | None:
        """Return the score of one architecture."""
        if arch not in self.test or dataset not in self.datasets:
            return None
        test = self.test[arch]
        valid = test - 1 if self.source == "table" else None
        return Score(space, arch, dataset, valid, test, source=self.source, release=self.release, epochs=200)

    def scores(self, space: str, archs: Sequence[str], dataset: str) -> list[Score | None]:
        """Return one entry per architecture, in order."""
        return [self.score(space, arch, dataset) for arch in archs]
