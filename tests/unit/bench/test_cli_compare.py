"""``dnas compare`` says where two records differ first, and by how much."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli import commands
from results.records.run import Run
from results.records.store import Store

RUN = Run("reduced", "nasbench201", "darts", 0)


@pytest.fixture
def stores(tmp_path):
    """Two stores with the same committed record."""
    found = [Store(tmp_path / name) for name in ("one", "other")]
    record = Store(Path(__file__).parents[3] / "results" / "runs").read(RUN)
    for store in found:
        store.write(record)
    return found


@pytest.fixture
def differences(stores):
    """Return what is said where the second record is another."""

    def change(manifest=None, **columns):
        record = stores[1].read(RUN)
        points = record.points.assign(**{name: make(record.points[name]) for name, make in columns.items()})
        stores[1].write(
            replace(record, points=points, manifest=record.manifest.changed(**(manifest or {}))), replace=True
        )
        words = ["compare", *(str(store.root) for store in stores), "--json"]
        result = CliRunner().invoke(commands(), words, catch_exceptions=False)
        found = json.loads(result.output)["differences"]
        assert result.exit_code == int(bool(found))
        return [row["difference"] for row in found]

    return change


def from_epoch(epoch, more):
    def make(column):
        return column.where(column.index < epoch, column + more)

    return make


def test_equal_records_do_not_differ(differences):
    assert differences(seconds=lambda column: column + 1) == []


@pytest.mark.parametrize(
    ("manifest", "columns", "says"),
    [
        ({"config_hash": "0" * 16}, {"train_loss": from_epoch(3, 1.0)}, "protocols "),
        ({"status": "diverged"}, {"train_loss": from_epoch(3, 1.0)}, "complete and diverged"),
        ({}, {"arch": lambda c: c.where(c.index != len(c) - 1, c[0])}, "final architectures "),
        (
            {},
            {"arch": lambda c: c.where(c.index != 4, c[0] + "x")},
            "same final architecture; arch differs from epoch 4",
        ),
        (
            {},
            {"train_loss": from_epoch(3, 0.25)},
            "same architectures; train_loss differs from epoch 3 on, by up to 0.25",
        ),
        (
            {},
            {"valid_accuracy": from_epoch(7, float("nan"))},
            "valid_accuracy differs from epoch 7 on, where one has no",
        ),
        ({}, {"arch_entropy": from_epoch(3, 1.0)}, "same architectures and losses; other columns or the manifests"),
    ],
)
def test_the_first_difference_is_named(differences, manifest, columns, says):
    (difference,) = differences(manifest, **columns)
    assert says in difference


def test_a_record_without_points_is_compared_by_its_status(stores, differences):
    record = stores[0].read(RUN)
    stores[1].write(
        replace(record, points=record.points[:0], manifest=record.manifest.changed(status="failed")), replace=True
    )
    assert differences() == ["complete and failed"]
    stores[0].write(stores[1].read(RUN), replace=True)
    assert differences({"error": "another"}) == ["same architectures and losses; other columns or the manifests differ"]


def test_a_run_that_one_folder_lacks_is_a_difference_and_is_not_compared(stores):
    record, more = stores[0].read(RUN), replace(RUN, seed=1)
    stores[0].write(replace(record, run=more, manifest=record.manifest.changed(run=vars(more))))
    for folders, which in ((stores, "first"), (stores[::-1], "second")):
        words = ["compare", *(str(store.root) for store in folders)]
        text, document = (CliRunner().invoke(commands(), [*words, *more]) for more in ([], ["--json"]))
        assert text.stdout == f"{more}: only in the {which}\n1 runs in both, 1 differences\n"
        found = [{"run": str(more), "difference": f"only in the {which}"}]
        assert json.loads(document.stdout) == {"compared": 1, "differences": found}
        assert text.exit_code == document.exit_code == 1
