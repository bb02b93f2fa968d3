"""A search that was cut off continues as if it had not been."""

import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from bench.machine import conv_table, pace
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting
from bench.runs.checkpoint import positions
from bench.runs.execution import run_group
from bench.runs.group import GroupState
from bench.runs.plan import plan
from results.records.run import Run
from results.records.store import Store
from tests.pairs import TRAINED

MEASURED = (
    "measure.eigenvalue_every=2",
    "measure.landscape=3",
    "measure.landscape_images=8",
    "measure.valid_images=12",
)


#: Of the images of noise, of which one step has as few as 4.
THREE_STEPS = "training.batch=8"


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


@pytest.mark.parametrize("method", TRAINED)
def test_a_run_cut_off_after_an_epoch_equals_an_uninterrupted_one(search, uncut, method):
    whole = uncut(method=method)
    with pytest.raises(Killed):
        search("cut", method=method, progress=killed_at(1))
    assert same(search("cut", method=method), whole)


def test_a_run_cut_off_at_every_epoch_equals_an_uninterrupted_one_with_all_that_it_measures(search, uncut, tmp_path):
    of = {"space": "nasbench1shot1-1", "method": "darts"}
    whole = uncut(*MEASURED, **of)
    for epoch in (0, 1, 2):
        with pytest.raises(Killed):
            search("cut", *MEASURED, **of, progress=killed_at(epoch))
        assert Store(tmp_path / "cut").records() == []
    assert same(search("cut", *MEASURED, **of), whole)


def test_a_run_cut_off_while_its_records_are_written_equals_an_uninterrupted_one(search, uncut, monkeypatch, tmp_path):
    whole = uncut("measure.landscape=1")
    written = Store.write

    def dies_at_the_second(self, record, **how):
        if record.run.seed == 1:
            raise Killed
        written(self, record, **how)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", dies_at_the_second)
        with pytest.raises(Killed):
            search("cut", "measure.landscape=1")
    assert [r.run.seed for r in Store(tmp_path / "cut").records()] == [0]
    assert same(search("cut", "measure.landscape=1"), whole)


def test_what_changes_a_search_changes_its_record(search):
    plain = search("plain")
    assert same(search("again"), plain)
    assert not same_points(search("other", "training.lr=0.05"), plain)


def test_a_group_goes_on_in_the_form_in_which_it_began(search):
    whole = search("whole", form="loop", precision="float64")
    with pytest.raises(Killed):
        search("cut", form="loop", precision="float64", progress=killed_at(1))
    cut = search("cut", form="grouped", precision="float32")
    assert same(cut, whole)
    assert cut.records()[0].manifest.group.as_dict() == {
        "seeds": (0, 1),
        "form": "loop",
        "precision": "float64",
        "compiled": False,
        "before": (),
    }


def test_a_group_goes_on_with_the_table_of_forms_with_which_it_began(search, monkeypatch):
    monkeypatch.setattr(conv_table, "_on_a_cpu", lambda shape: "loop" if shape.kernel == 3 else "grouped")
    whole = search("whole")
    with pytest.raises(Killed):
        search("cut", progress=killed_at(1))
    monkeypatch.setattr(conv_table, "forms", None)  # not asked again
    assert same(search("cut"), whole)
    forms = whole.records()[0].manifest.group.form
    assert {form for shape, form in forms.items() if shape.split()[3] == "3"} == {"loop"}
    assert {form for shape, form in forms.items() if shape.split()[3] == "1"} == {"grouped"}


def standing(store):
    """Return where the searches of a store stand, their seeds agreeing."""
    runs = [Run(*p.parts[-4:-1], int(p.name[5:8])) for p in store.root.rglob("*.ckpt")]
    assert len(runs) in (0, 2)
    (place,) = {tuple(positions(store.root, run)) for run in runs} or {()}
    return place


@pytest.mark.parametrize(
    ("space", "method", "steps"),
    [("nasbench201", "dropnas", 4), ("nasbench1shot1-1", "sdarts-rs", 2)],
)
def test_a_run_cut_off_after_every_step_equals_an_uninterrupted_one(
    search, uncut, monkeypatch, space, method, steps, tmp_path
):
    of = {"space": space, "method": method}
    whole = uncut(**of)
    cut, save, places = Store(tmp_path / "cut"), GroupState.save, []

    def dies(group, *arguments, **more):
        save(group, *arguments, **more)
        raise Killed

    monkeypatch.setattr(GroupState, "save", dies)
    for _ in range(2 * steps):
        with pytest.raises(Killed):
            search("cut", **of, checkpoint_seconds=0.0)
        places += standing(cut)
    assert places == [(0, s) for s in range(1, steps)] + [(1, s) for s in range(steps)] + [(2, 0)]
    assert same(search("cut", **of), whole)
    assert standing(cut) == ()


class Clock:
    """A clock on which a step takes a second and the measuring of a point ten."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def point(self, task, completed, rows):
        self.now += 10 if completed else 0


@pytest.fixture
def clock(monkeypatch):
    """The clock by which searches keep and stop."""
    made, step = Clock(), pace.Pace.step

    def tick(self):
        made.now += 1
        step(self)

    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=made.monotonic))
    monkeypatch.setattr(pace.Pace, "step", tick)
    return made


def test_out_of_time_and_gone_on_with_equals_an_uninterrupted_run(search, uncut, clock, tmp_path):
    own = ("training.epochs=4", THREE_STEPS)
    whole = uncut(*own)
    cut = Store(tmp_path / "cut")
    # two steps; the one that is left and a point; an epoch and its point, then a step; none
    for deadline, place in ((2.5, (0, 2)), (9.0, (1, 0)), (13.5, (2, 1)), (0.0, (2, 1))):
        clock.now = 0.0 if deadline else 1.0
        with pytest.raises(OutOfTime):
            search("cut", *own, progress=clock.point, deadline=deadline)
        assert cut.records() == []
        assert standing(cut) == (place,)
    assert same(search("cut", *own), whole)


def test_the_last_epoch_may_use_all_the_time(search, clock):
    assert search("runs", THREE_STEPS, progress=clock.point, deadline=26.0).records()[0].complete


def test_nothing_is_left_of_a_run_without_time(search, clock, tmp_path):
    clock.now = 5.0
    with pytest.raises(OutOfTime):
        search("runs", deadline=4.0)
    assert [p for p in (tmp_path / "runs").rglob("*") if p.is_file()] == []


def test_a_checkpoint_is_kept_each_so_many_seconds_of_a_long_epoch(search, clock, monkeypatch):
    kept, save = [], GroupState.save

    def note(group, learner, sums=None, **more):
        kept.append(sums.steps if sums else 0)
        save(group, learner, sums, **more)

    monkeypatch.setattr(GroupState, "save", note)
    search("runs", "training.batch=2", checkpoint_seconds=3.0)  # ten steps per epoch
    assert kept == [3, 6, 9, 0] * 2


def test_an_epochs_end_is_kept_where_the_last_checkpoint_is_old_and_at_the_end(search, clock, monkeypatch):
    kept, save = [], GroupState.save

    def note(group, learner, sums=None, **more):
        kept.append((group.points[0][-1]["epoch"], sums.steps if sums else 0))
        save(group, learner, sums, **more)

    monkeypatch.setattr(GroupState, "save", note)
    search("runs", THREE_STEPS, "training.epochs=5", epoch_seconds=3.0)  # two steps and the one that is not counted
    assert kept == [(2, 0), (4, 0), (5, 0)]


def test_a_run_cut_off_between_checkpoints_equals_an_uninterrupted_one(search, uncut):
    whole = uncut()
    for epoch in (1, 2):
        with pytest.raises(Killed):
            search("cut", progress=killed_at(epoch), epoch_seconds=1e9)
    assert same(whole, search("cut", epoch_seconds=1e9))


def test_out_of_time_keeps_an_epoch_whose_checkpoint_was_not_due(search, uncut, clock):
    whole = uncut()
    clock.now = 0.0
    with pytest.raises(OutOfTime):
        search("cut", progress=clock.point, deadline=11.0, epoch_seconds=1e9)
    assert same(whole, search("cut", epoch_seconds=1e9))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_step_and_loses_none(search, uncut, monkeypatch, number, tmp_path):
    whole = uncut()
    step = pace.Pace.step

    def asked(self):
        step(self)
        signal.raise_signal(number)

    def stop(*_):
        raise SystemExit(128 + number)

    before = signal.signal(number, stop)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(pace.Pace, "step", asked)
            with pytest.raises(SystemExit, match=str(128 + number)):
                search("cut")
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert standing(Store(tmp_path / "cut")) == ((0, 1),)
    assert same(search("cut"), whole)


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_is_heard_at_the_latest_when_the_search_is_over_or_when_it_comes_again(times):
    def stop(*_):
        raise SystemExit

    before, passed = signal.signal(signal.SIGTERM, stop), 0

    def ask():
        nonlocal passed
        with pace.Pace(float("inf"), 600.0):
            for _ in range(times):
                signal.raise_signal(signal.SIGTERM)
                passed += 1

    try:
        with pytest.raises(SystemExit):
            ask()
        assert passed == 1
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_group_goes_on_measuring_as_it_began(search, uncut, cut_down, noise_images, tmp_path):
    own = ("training.epochs=3", "seeds=0-1")
    whole = uncut(*own)
    with pytest.raises(Killed):
        search("cut", *own, progress=killed_at(1))
    [first] = {record.run.experiment for record in whole.records()}
    edited = cut_down(*own, "measure.eigenvalue_every=1", "measure.valid_images=3").arm("nasbench201", "darts")
    edited = replace(edited, about=replace(edited.about, name=first))
    setting = Setting(Store(tmp_path / "cut"), torch.device("cpu"))
    for task in plan([edited], setting.store):
        assert task.at == (1, 0)
        run_group(task, noise_images, setting, lambda *_: None)
    for one, other in zip(whole.records(), setting.store.records(), strict=True):
        assert other.manifest.protocol.measure == one.manifest.protocol.measure
        assert replace(other, manifest=one.manifest).same(one)
