"""Records, scores and oracles made to order."""

from collections.abc import Callable

import pandas as pd
import pytest

from results.records.manifest import SCHEMA, Manifest
from results.records.record import Record
from results.records.run import Run
from results.scores.score import Score

RUN = Run("paper", "nasbench201", "darts", 0)


def make_record(
    run: Run = RUN,
    archs: tuple[str, ...] = ("a", "b"),
    *,
    status: str = "complete",
    **columns: list[float],
) -> Record:
    """A record with one point per architecture; ``columns`` replace or add columns."""
    n = len(archs)
    nan = [float("nan")] * n
    rows = {
        "epoch": list(range(n)),
        "arch": list(archs),
        "train_loss": nan,
        "train_accuracy": nan,
        "valid_loss": nan,
        "valid_accuracy": nan,
        "arch_entropy": nan,
        "eigenvalue": nan,
        "seconds": nan,
        "alpha": [[0.0, float(i)] for i in range(n)],
    }
    points = pd.DataFrame(rows | columns).astype({"arch": "string"})
    manifest = {
        "schema": SCHEMA,
        "run": vars(run),
        "status": status,
        "config_hash": "0123abcd",
        "space": {"label": "NAS-Bench-201", "family": "nasbench201", "dataset": "cifar10"},
        "method": {"label": "DARTS", "order": 0},
        "protocol": {"training": {"epochs": max(1, n - 1)}},
    }
    return Record(run, points, Manifest.of(manifest))


class FixedOracle:
    """Test accuracies by architecture, whatever the space and data set."""

    def __init__(self, test: dict[str, float]) -> None:
        self.test = test

    def score(self, space: str, arch: str, dataset: str) -> Score | None:
        value = self.test.get(arch)
        return None if value is None else Score(space, arch, dataset, value, value, release="fixed")

    def scores(self, space: str, archs: list[str], dataset: str) -> list[Score | None]:
        return [self.score(space, arch, dataset) for arch in archs]


@pytest.fixture(scope="session", name="make_record")
def _make_record() -> Callable[..., Record]:
    return make_record


@pytest.fixture(scope="session")
def fixed_oracle() -> type[FixedOracle]:
    return FixedOracle
