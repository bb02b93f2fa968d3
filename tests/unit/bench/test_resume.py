"""A search that was cut off goes on as if it had not been."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from bench import engine
from bench import method as methods
from bench.engine import OutOfTime
from results.store import Store

MEASURED = (
    "measure.eigenvalue_every=2",
    "measure.landscape=3",
    "measure.landscape_images=8",
    "measure.valid_images=12",
)


class Killed(Exception):
    pass


def killed_at(epoch):
    """Progress that dies with the run when it hears of an epoch."""

    def progress(task, completed, rows):
        if completed == epoch:
            raise Killed

    return progress


def same(one, other):
    """Whether two stores hold the same records and landscapes, bit for bit."""
    mine, theirs = one.records(), other.records()
    assert [r.run for r in mine] == [r.run for r in theirs]
    assert mine
    for left, right in zip(mine, theirs, strict=True):
        if not left.same(right):
            return False
        tables = [store.side_path(left.run, "landscape") for store in (one, other)]
        assert tables[0].exists() == tables[1].exists()
        if tables[0].exists() and not pd.read_parquet(tables[0]).equals(pd.read_parquet(tables[1])):
            return False
    return True


def same_points(one, other):
    pairs = zip(one.records(), other.records(), strict=True)
    return all(np.array_equal(list(a.points["alpha"]), list(b.points["alpha"])) for a, b in pairs)


SEARCHES = [("nasbench201", name) for name in methods.names() if methods.find(name).levels]


@pytest.mark.parametrize(
    ("space", "method", "overrides"),
    [
        *(pytest.param(space, method, (), id=method) for space, method in SEARCHES),
        pytest.param("nasbench1shot1-2", "sdarts-adv", (), id="another space"),
        pytest.param("nasbench1shot1-1", "darts", MEASURED, id="measured"),
    ],
)
def test_a_run_cut_off_at_every_epoch_equals_an_uninterrupted_one(search, space, method, overrides):
    of = {"space": space, "method": method}
    whole = search("whole", "training.epochs=3", *overrides, **of)
    for epoch in (0, 1, 2, 3):
        with pytest.raises(Killed):
            search("cut", "training.epochs=3", *overrides, **of, progress=killed_at(epoch))
        assert Store(whole.root.parent / "cut").records() == []
    assert same(search("cut", "training.epochs=3", *overrides, **of), whole)


def test_a_run_cut_off_while_its_records_are_written_equals_an_uninterrupted_one(search, monkeypatch):
    whole = search("whole", "measure.landscape=3")
    written = Store.write

    def dies_at_the_second(self, record):
        if record.run.seed == 1:
            raise Killed
        written(self, record)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", dies_at_the_second)
        with pytest.raises(Killed):
            search("cut", "measure.landscape=3")
    assert [r.run.seed for r in Store(whole.root.parent / "cut").records()] == [0]
    assert same(search("cut", "measure.landscape=3"), whole)


def test_what_changes_a_search_changes_its_record(search):
    plain = search("plain")
    assert same(search("again"), plain)
    assert not same_points(search("other", "training.lr=0.05"), plain)


def test_a_group_goes_on_in_the_form_in_which_it_began(search):
    whole = search("whole", form="loop", dtype=torch.float64)
    with pytest.raises(Killed):
        search("cut", form="loop", dtype=torch.float64, progress=killed_at(1))
    cut = search("cut", form="grouped", dtype=torch.float32)
    assert same(cut, whole)
    assert cut.records()[0].manifest["group"] == {"seeds": [0, 1], "form": "loop", "dtype": "float64"}


class Clock:
    """A clock on which nothing but an epoch takes time."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def epoch(self, task, completed, rows):
        self.now += 10 if completed else 0


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=made.monotonic, perf_counter=made.monotonic))
    return made


def test_out_of_time_and_gone_on_with_equals_an_uninterrupted_run(search, clock):
    whole = search("whole", "training.epochs=4")
    for epochs, deadline in ((1, 19.0), (2, 15.0), (3, 11.0)):
        clock.now = 0.0
        with pytest.raises(OutOfTime, match="nasbench201/darts/0,1"):
            search("cut", "training.epochs=4", progress=clock.epoch, deadline=deadline)
        cut = Store(whole.root.parent / "cut")
        assert cut.records() == []
        (path, *_) = (cut.root / ".checkpoints").rglob("seed-000*")
        assert f"epoch-{epochs:04d}" in path.name
    assert same(search("cut", "training.epochs=4"), whole)


def test_the_last_epoch_may_use_all_the_time(search, clock):
    assert search("runs", progress=clock.epoch, deadline=20.0).records()[0].complete


def test_nothing_is_left_of_a_run_without_time(search, clock, tmp_path):
    clock.now = 5.0
    with pytest.raises(OutOfTime):
        search("runs", deadline=4.0)
    assert [p for p in (tmp_path / "runs").rglob("*") if p.is_file()] == []
