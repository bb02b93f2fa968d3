"""A report of two methods and two seeds; ``python -m tests.unit.reports.building FOLDER`` builds it in a process."""

import sys
from pathlib import Path

from reports.build import Background, build
from reports.study.study import Reference
from results.claims.claim import Claim
from results.records.store import Store

from .factory import TRUTH, Table, record, surroundings

CLAIM = Claim(
    id="a-number", paper="A <b>paper", kind="number", space="nasbench201", dataset="cifar10", method="darts",
    metric="accuracy", split="test", value=54.3, spread=0.0, n=3, experiment="paper", tolerance=0.5, rationale="why",
    comparable="same-protocol", source="a table",
)  # fmt: skip
DEVIATION = {"id": "d", "what": "what", "why": "why", "effect": "none", "switch": "a=b", "source": "a file"}
BACKGROUND = Background(
    {"nasbench201": {"cifar10": [50.0, 94.0]}},
    {"nasbench201": [Reference("published", "cifar10", [0, 1], [7.0, 7.0], [6.0, 6.0], [8.0, 8.0], "read off")]},
)


def fill(root):
    """Fill a store with two methods and two seeds of one experiment."""
    store = Store(root)
    for method in ("darts", "sdarts-adv"):
        for seed in (0, 1):
            mine = record(method, seed, manifest={"deviations": [DEVIATION]})
            store.write(mine)
            surroundings().to_parquet(store.side_path(mine.run, "landscape"))
    return store


def build_filled(folder):
    """Build the report of a filled store."""
    fill(folder / "runs")
    return build(folder / "runs", folder / "out", Table(TRUTH, datasets=("cifar10",)), [CLAIM], background=BACKGROUND)


if __name__ == "__main__":
    build_filled(Path(sys.argv[1]))
    if "torch" in sys.modules:
        print("building loads torch")
