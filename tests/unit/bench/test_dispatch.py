import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench import reproduce
from bench.engines import engine, inline
from bench.engines import ray as ray_engine
from bench.machine import memory
from bench.machine.setting import Setting
from results import free_memory as available
from results.errors import InputError
from results.records.store import Store

CPU = torch.device("cpu")


def work(experiment, setting, by, **chosen):
    return reproduce.Work(experiment, experiment.choose(**chosen), setting, by, workers=1)


def test_engines_are_found_by_name():
    assert engine.find("inline") is inline
    assert engine.find("ray") is ray_engine
    for name in engine.ENGINES:
        for function in ("device", "room", "run"):
            assert callable(getattr(engine.find(name), function))


def test_images_that_any_space_lacks_are_missed_before_the_first_group_runs(cut_down, tmp_path):
    experiment = cut_down("space.nasbench1shot1-1.images.size=3")
    setting = Setting(Store(tmp_path), CPU)
    with pytest.raises(InputError, match="choose a size that divides 8"):
        next(work(experiment, setting, inline, methods=("darts",)).run(lambda *_: None))
    assert Store(tmp_path).records() == []


@pytest.mark.parametrize(
    ("name", "fix"),
    [("rey", "did you mean 'ray'?"), ("in-line", "did you mean 'inline'?"), ("x", "choose inline or ray")],
)
def test_an_unknown_engine_is_refused_with_what_there_is(name, fix):
    with pytest.raises(InputError) as caught:
        engine.find(name)
    assert str(caught.value).startswith(f"unknown engine '{name}'; ")
    assert fix in str(caught.value)


def test_without_ray_its_engine_says_how_to_get_it(monkeypatch, cut_down, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    setting = Setting(Store(tmp_path), ray_engine.device("cpu"))
    with pytest.raises(InputError, match=r"needs Ray; install it with pip install -c constraints.txt -e '.\[ray\]'"):
        list(work(cut_down(), setting, ray_engine).run(lambda *_: None))
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(InputError, match="needs Ray"):
        ray_engine.device("auto")


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError, match=r"HOST:PORT|invalid literal"):
        ray_engine._reach(address)


def test_a_node_that_does_not_see_the_store_says_so(tmp_path):
    began = time.monotonic()
    with pytest.raises(InputError, match=r"does not see the store .*; --runs must be a folder that every node"):
        ray_engine._wait_for(tmp_path / ".checkpoints" / "shared-1", seconds=0.1)
    assert time.monotonic() - began < 30


def test_what_a_worker_raised_is_raised_here():
    class Raised(Exception):
        cause = OSError(28, "No space left on device")

    class Missing(Exception):
        cause = ModuleNotFoundError("No module named 'bench'")

    assert ray_engine._cause(Raised()) is Raised.cause
    assert isinstance(ray_engine._cause(Missing()), InputError)
    assert isinstance(ray_engine._cause(RuntimeError("The function failed to import on the worker")), InputError)


@pytest.mark.parametrize(
    ("said", "ends"), [("killed for its memory", False), ("it failed to import on the worker", True)]
)
def test_a_run_outlives_the_keeper_of_its_progress(said, ends):
    class RayError(Exception):
        pass

    def get(_):
        raise RayError(said)

    runs = ray_engine._Runs.__new__(ray_engine._Runs)
    runs.ray = SimpleNamespace(get=get, exceptions=SimpleNamespace(RayError=RayError))
    runs.news = SimpleNamespace(take=SimpleNamespace(remote=lambda: None))
    if ends:
        with pytest.raises(InputError, match="cannot import dnas-bench"):
            runs._hear()
    else:
        runs._hear()


def test_workers_get_one_thread_and_the_folder_of_a_checkout(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    given = ray_engine._environment()["env_vars"]
    root = str(Path(ray_engine.__file__).parents[2])
    assert given == {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{root}:mine"}
    monkeypatch.setattr(ray_engine.sysconfig, "get_paths", lambda: {"purelib": root})
    assert ray_engine._environment() == {"env_vars": {"OMP_NUM_THREADS": "1"}}


def test_processes_share_what_memory_is_free(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda device: 12.0)
    assert inline.room(CPU, 3) == 4.0
    assert inline.room(torch.device("cuda"), 0) == 12.0  # one process a GPU
    monkeypatch.setattr(inline, "_processes", lambda device, asked: 6)
    assert inline.room(CPU, 0) == 2.0


def test_a_control_group_limits_the_memory(monkeypatch, tmp_path):
    inner = tmp_path / "job" / "step"
    inner.mkdir(parents=True)
    for folder, most in ((inner, "max"), (tmp_path / "job", "1000")):
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text("700\n")
        (folder / "memory.stat").write_text("anon 500\ninactive_file 200\n")
    assert available._allowed(inner) == float("inf")
    assert available._allowed(tmp_path / "job") == 1000 - 700 + 200
    assert available._allowed(tmp_path / "none") == float("inf")
    monkeypatch.setattr(available.psutil, "virtual_memory", lambda: SimpleNamespace(available=800))
    monkeypatch.setattr(available, "_group", lambda: 500.0)
    assert memory.free(CPU) == 500.0
    monkeypatch.setattr(available, "_group", lambda: float("inf"))
    assert memory.free(CPU) == 800.0


def test_memory_is_found_here():
    assert 2**20 < memory.free(CPU) < 2**50
