"""What is known of a search that is under way, from the heads of its checkpoints, and how it is shown."""

import io
import json
import math

import pytest
import torch
from typer.testing import CliRunner

from bench.cli.application import app
from bench.cli.watch import _as_json, _view
from bench.runs import checkpoint
from bench.runs.underway import underway
from bench.search import Position
from results.records.run import Run

SHARES = ("none", "skip_connect")


def save(root, seed, epoch, *, step=0, group=(0, 1), method="darts", epochs=25, rounds=0):
    points = [
        {
            "epoch": e,
            "arch": "a",
            "alpha": [0.0],
            "seconds": math.nan if e == 0 else 60.0,
            "valid_accuracy": 40.0 + seed,
        }
        | {f"mix_{name}": share for name, share in zip(SHARES, (0.25, 0.75), strict=True)}
        for e in range(epoch + 1)
    ]
    run = Run("scaled", "nasbench201", method, seed)
    meta = {"config_hash": "0", "group": list(group), "epochs": epochs, "rounds": rounds}
    checkpoint.save(root, checkpoint.Checkpoint(run, Position(epoch, step), meta, points, {"w": torch.ones(1)}))


@pytest.fixture
def root(tmp_path):
    """Return a store with a group of two seeds whose older position is still there, one of one seed, and damage."""
    for seed in (0, 1):
        save(tmp_path, seed, 2)
        save(tmp_path, seed, 3, step=7)
    save(tmp_path, 2, 0, group=(2,))
    folder = checkpoint.folder(tmp_path, Run("scaled", "nasbench201", "darts", 0))
    (folder / "seed-005.epoch-0001.ckpt").write_bytes(b"cut off")
    (folder / "seed-006.epoch-0001.ckpt").write_bytes(checkpoint.MAGIC + bytes(32) + (2).to_bytes(8, "little") + b"[]")
    return tmp_path


def test_each_group_is_shown_once_at_its_newest_position(root):
    first, second = underway(root)
    assert (str(first), first.position) == ("scaled/nasbench201/darts/0,1", (3, 7))
    assert first.left == 22 * 60.0
    assert first.mean("valid_accuracy") == 40.5
    assert first.operations == list(SHARES)
    assert (str(second), second.position) == ("scaled/nasbench201/darts/2", (0, 0))
    assert math.isnan(second.left)


def test_it_is_shown_with_epoch_time_left_accuracies_and_bars(root, monkeypatch):
    from rich.console import Console

    monkeypatch.setenv("COLUMNS", "80")
    console = Console(record=True, width=80)
    console.print(_view(underway(root), root))
    text = console.export_text()
    assert "epoch 3 of 25, step 7, about 22 min 00 s left" in text
    assert "validation 40.0 41.0 %" in text
    assert "nothing measured yet" not in text.split("darts/2")[0]
    assert f"skip_connect {'█' * 20} 0.750" in text
    assert f"none         {'█' * 7}{'░' * 13} 0.250" in text


def test_bars_are_plain_where_the_terminal_has_no_blocks(root, monkeypatch):
    from rich.console import Console

    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(_view(underway(root), root))
    assert f"none         {'#' * 7}{'.' * 13} 0.250" in console.export_text()


def test_nothing_under_way_is_said(tmp_path):
    assert "nothing is under way" in str(_view(underway(tmp_path), tmp_path))


def test_as_json_a_group_has_its_runs_and_shares(root):
    document = _as_json(underway(root)[0])
    assert document["runs"] == ["scaled/nasbench201/darts/0", "scaled/nasbench201/darts/1"]
    assert document["shares"] == {"none": 0.25, "skip_connect": 0.75}
    assert document["seconds_left"] == 1320.0


def test_a_round_of_a_selection_is_named_and_counts_in_the_time_left(tmp_path):
    """The search has two epochs here, and five rounds follow: epoch 3 of the checkpoint is the first of them."""
    from rich.console import Console

    save(tmp_path, 0, 3, step=7, group=(0,), epochs=2, rounds=5)
    console = Console(record=True, width=120)
    console.print(_view(underway(tmp_path), tmp_path))
    assert "round 1 of 5 of the selection, step 7, about 4 min 00 s left" in console.export_text()
    document = _as_json(underway(tmp_path)[0])
    assert [document[key] for key in ("epoch", "round", "epochs", "rounds")] == [2, 1, 2, 5]
    assert document["seconds_left"] == 240.0


@pytest.mark.parametrize("more", [[], ["--once"]])
def test_the_command_prints_once_where_there_is_no_terminal(root, monkeypatch, more):
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(app, ["watch", "--runs", str(root), *more], catch_exceptions=False)
    assert done.stdout.count("scaled/nasbench201/darts/0,1") == done.stdout.count("scaled/nasbench201/darts/2") == 1
    assert "epoch 3 of 25, step 7, about 22 min 00 s left" in done.stdout


def test_the_command_has_a_document_and_looks_no_more_often_than_five_times_a_second(root):
    done = CliRunner().invoke(app, ["watch", "--runs", str(root), "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == [_as_json(group) for group in underway(root)]
    assert CliRunner().invoke(app, ["watch", "--runs", str(root), "--interval", "0.1"]).exit_code == 2
