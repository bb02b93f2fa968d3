import itertools
import multiprocessing
import os
import queue
import signal
from types import SimpleNamespace

import pytest
import torch

from bench.engines import engine, inline
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting
from bench.runs.plan import plan
from results.errors import InputError
from results.records.store import Store

CPU = torch.device("cpu")


def nothing(*_):
    pass


@pytest.fixture
def run(tmp_path):
    """Run tasks and return how they ended, and the store."""

    def make(experiment, name, methods, *, count, progress=nothing, spaces=("nasbench201",), **setting):
        where = Setting(Store(tmp_path / name), CPU, **setting)
        tasks = list(plan(experiment.choose(spaces, methods).arms, where.store))
        return list(inline.run(tasks, where, progress, workers=count)), where.store

    return make


@pytest.fixture
def broken(monkeypatch):
    """Make the group of one method fail."""

    def break_method(name, error):
        run_group = engine.execution.run_group

        def fails(task, *rest):
            if task.arm.id == name:
                raise error
            run_group(task, *rest)

        monkeypatch.setattr(engine.execution, "run_group", fails)

    return break_method


def ends(outcomes):
    return [(outcome.group.arm.id, outcome.status) for outcome in outcomes]


def test_two_processes_give_the_records_of_one(run, cut_down):
    experiment = cut_down("training.epochs=1", "seeds=0-1")
    methods, heard = ("sdarts-adv", "darts", "random"), []
    _, alone = run(experiment, "alone", methods, count=1)
    outcomes, together = run(
        experiment, "together", methods, count=2, progress=lambda task, epoch, rows: heard.append((task.arm.id, epoch))
    )
    assert sorted(ends(outcomes)) == [("darts", "done"), ("random", "done"), ("sdarts-adv", "done")]
    assert sorted(heard) == [
        ("darts", 0),
        ("darts", 1),
        ("random", 0),
        ("random", 1),
        ("sdarts-adv", 0),
        ("sdarts-adv", 1),
    ]
    one, two = alone.records(), together.records()
    assert len(one) == len(two) == 6
    assert all(mine.same(theirs) for mine, theirs in zip(one, two, strict=True))


def test_a_process_that_dies_is_reported_and_nothing_waits_for_it(run, cut_down):
    def kill_all(*_):
        for child in multiprocessing.active_children():
            os.kill(child.pid, signal.SIGKILL)

    experiment = cut_down("training.epochs=50", "seeds=0")
    outcomes, store = run(experiment, "runs", ("sdarts-adv", "darts-2nd"), count=2, progress=kill_all)
    assert sorted(ends(outcomes)) == [("darts-2nd", "failed"), ("sdarts-adv", "failed")]
    assert any(f"ended with status {-signal.SIGKILL}" in outcome.error for outcome in outcomes)
    assert store.records() == []


class Silent:
    """Stands for processes that take a task each and end without a word about it."""

    pids = itertools.count(1)

    def __init__(self, target, args, daemon):
        self.todo, self.news, *_ = args
        self.pid, self.exitcode = next(self.pids), None

    def start(self):
        self.news.put(("took", self.pid, self.todo.get()))
        self.exitcode = 0

    def is_alive(self):
        return False

    def terminate(self):
        pass

    def join(self):
        pass


def test_a_process_that_ends_without_a_word_is_reported(run, cut_down, monkeypatch):
    monkeypatch.setattr(inline, "get_context", lambda _: SimpleNamespace(Queue=queue.Queue, Process=Silent))
    outcomes, _ = run(cut_down("seeds=0"), "runs", ("darts", "random", "dropnas"), count=2)
    assert ends(outcomes) == [("darts", "failed"), ("random", "failed"), ("dropnas", "failed")]


def test_bad_input_in_a_process_is_the_callers(run, cut_down, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-cache"))
    experiment = cut_down("images.dataset=cifar10", "seeds=0")
    with pytest.raises(InputError, match="CIFAR-10 is missing"):
        run(experiment, "runs", ("darts", "random"), count=2, data_dir=tmp_path)
    assert not list((tmp_path / "runs").rglob("*.parquet"))


@pytest.mark.parametrize("error", [RuntimeError("no\nmore memory"), FloatingPointError()])
def test_a_group_that_fails_is_recorded_and_does_not_stop_the_others(run, cut_down, broken, error):
    broken("darts", error)
    outcomes, store = run(cut_down("seeds=0-1"), "runs", ("darts", "random"), count=1)
    assert ends(outcomes) == [("darts", "failed"), ("random", "done")]
    assert outcomes[0].error == ("no" if error.args else "FloatingPointError")
    statuses = {(r.run.method, r.manifest.status, r.manifest.error) for r in store.records()}
    assert statuses == {("darts", "failed", outcomes[0].error), ("random", "complete", "")}


def test_a_group_that_runs_out_of_time_is_no_failure(run, cut_down, broken):
    broken("darts", OutOfTime())
    outcomes, store = run(cut_down("seeds=0"), "runs", ("darts", "random"), count=1)
    assert ends(outcomes) == [("darts", "out of time"), ("random", "done")]
    assert [r.run.method for r in store.records()] == ["random"]


def test_a_full_disk_is_the_callers(run, cut_down, broken):
    broken("darts", OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        run(cut_down("seeds=0"), "runs", ("darts",), count=1)


def test_no_task_is_no_work(run, cut_down):
    experiment = cut_down("seeds=0")
    run(experiment, "runs", ("random",), count=2)
    outcomes, _ = run(experiment, "runs", ("random",), count=2)
    assert outcomes == []


def test_nothing_runs_on_where_nobody_asks_for_more(cut_down, tmp_path):
    experiment = cut_down("training.epochs=1000", "seeds=0")
    where = Setting(Store(tmp_path), CPU)
    tasks = list(plan(experiment.choose(("nasbench201",), ("random", "darts")).arms, where.store))
    before = multiprocessing.active_children()
    ended = inline.run(tasks, where, nothing, workers=2)
    assert next(ended).group.arm.id == "random"
    ended.close()
    assert multiprocessing.active_children() == before


def test_a_worker_whose_starter_is_gone_before_it_begins_takes_no_work(monkeypatch, tmp_path):
    monkeypatch.setattr(inline, "parent_process", lambda: SimpleNamespace(pid=-1))
    monkeypatch.setattr(inline.signal, "signal", nothing)
    todo, news = queue.Queue(), queue.Queue()
    todo.put("a group")
    with pytest.raises(SystemExit):
        inline._work(todo, news, Setting(Store(tmp_path), CPU))
    assert news.empty()
