"""Points as scalars for TensorBoard; a writer stands in for its own, which is an optional extra."""

import builtins
import math
from types import SimpleNamespace

import pytest

from bench.cli import scalars
from results.errors import InputError
from results.records.run import Run

GROUP = SimpleNamespace(runs=[Run("quick", "nasbench201", "darts", seed) for seed in (3, 5)])


def test_numbers_of_each_seed_are_written_by_epoch(tmp_path, monkeypatch):
    written, closed, told = [], [], []

    def writer(folder):
        return SimpleNamespace(
            add_scalar=lambda *each: written.append((folder, *each)),
            flush=lambda: None,
            close=lambda: closed.append(folder),
        )

    monkeypatch.setattr(scalars, "_writer", lambda: writer)
    rows = [{"epoch": 1, "arch": "a", "alpha": [0.0], "train_loss": 2.0, "eigenvalue": math.nan, "mix_none": 0.5}] * 2
    latest = dict(zip(GROUP.runs, rows, strict=True))
    with scalars.writing(tmp_path, lambda *each: told.append(each)) as progress:
        progress(GROUP, 1, latest)
    folders = [str(tmp_path / "quick" / "nasbench201" / "darts" / seed) for seed in "35"]
    assert written == [(folder, *each) for folder in folders for each in (("train_loss", 2.0, 1), ("mix/none", 0.5, 1))]
    assert closed == folders
    assert told == [(GROUP, 1, latest)]


def test_without_the_extra_it_is_refused_in_one_line(monkeypatch):
    found = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install -c constraints\.txt -e '\.\[tensorboard\]'"):
        scalars.check_installed()
