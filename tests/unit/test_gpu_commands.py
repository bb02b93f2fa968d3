"""The commands for a few minutes on a GPU, on a CPU."""

import json
import os
import shutil
import subprocess
import tarfile
from functools import partial
from pathlib import Path

import pytest
import torch

from bench.machine import conv_table
from results.errors import InputError
from results.records.store import Store
from tests.performance.gpu import __main__ as commands
from tests.performance.gpu import checks, profiling, searching, speeds

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    pass


def test_checks_compare_with_a_cpu_and_say_what_failed(monkeypatch, capsys, tmp_path):
    def broken():
        raise RuntimeError("no kernel image\nat some line")

    made = [
        ("weighing", partial(checks._weighed, CPU)),
        ("forms", partial(checks._forms, CPU, 3, 1, "bf16")),
        ("far", lambda: (2.0, 1.0)),
        ("broken", broken),
    ]
    monkeypatch.setattr(checks, "_all", lambda *_, **__: iter(made))
    assert commands.main(["check", "--quick", "--device", "cpu", "--out", str(tmp_path)]) == 3
    found = json.loads((tmp_path / "check.json").read_text())
    assert [each["passed"] for each in found] == [True, True, False, False]
    assert 0 < found[1]["value"] < found[1]["limit"]
    assert found[3]["error"] == "no kernel image"
    assert "FAILED: broken: no kernel image" in capsys.readouterr().out


def test_checks_stop_in_time(capsys):
    assert checks.run(CPU, 0.0, quick=True) == ([], True)
    assert "out of time: left from forms are measured on" in capsys.readouterr().out


def test_captured_steps_forms_and_eigenvalues_are_checked():
    names = [name for name, _ in checks._all(None, torch.device("cuda"), quick=False)]
    assert len(set(names)) == len(names)
    for part in (
        "captured nasbench201/darts",
        "captured nasbench1shot1-1/sdarts-adv",
        "eigenvalue, bmm",
        "tf32",
        "bf16",
    ):
        assert any(part in name for name in names), part


def test_a_step_is_profiled_by_operation(monkeypatch, tmp_path):
    monkeypatch.setattr(profiling, "METHODS", ("darts",))
    assert commands.main(["profile", "--quick", "--device", "cpu", "--out", str(tmp_path)]) == 0
    plain, rounded = json.loads((tmp_path / "profile.json").read_text())
    assert "darts" in plain["case"]
    assert "bf16" in rounded["case"]
    assert any("convolution" in row["name"] for row in plain["rows"])
    assert plain["rows"][0]["ms"] > 0


@pytest.mark.slow
def test_speeds_are_measured_in_turns_with_the_plain_form(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST")]:
        monkeypatch.delenv(name)  # else pytest-benchmark measures nothing in the process that this one starts
    chosen = "test_device or (nasbench201/darts/S2 and auto)"
    assert speeds.run(CPU, float("inf"), tmp_path, quick=True, chosen=chosen) == 0
    found = {
        each["name"]: each["extra_info"] for each in json.loads((tmp_path / "speed.json").read_text())["benchmarks"]
    }
    assert found["test_device[copy]"]["per_second"] > 1e6
    for one in ("float32", "bf16"):
        extra = found[f"test_step[nasbench201/darts/S2/{one}/auto/captured]"]
        low, high = extra["speed_up_per_seed_range"]
        assert 0 < low <= extra["speed_up_per_seed_median"] <= high
        assert extra["floor_bytes_per_second"] > 0


def test_speeds_end_with_4_where_the_time_was_too_short_and_with_3_where_a_step_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(conv_table, "file", lambda: tmp_path / "forms.json")
    (tmp_path / "forms.json").write_text("{}")
    (tmp_path / "out").mkdir()
    statuses = iter([0, 1])
    monkeypatch.setattr(
        speeds.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], returncode=next(statuses))
    )
    assert commands.main(["speed", "--device", "cpu", "--budget", "0s", "--out", str(tmp_path / "out")]) == 4
    assert commands.main(["speed", "--device", "cpu", "--budget", "90s", "--out", str(tmp_path / "out")]) == 3
    assert (tmp_path / "out" / "conv-forms.json").read_text() == "{}"


def test_parts_of_the_data_are_joined_once(tmp_path):
    (tmp_path / "data" / "cifar10").mkdir(parents=True)
    (tmp_path / "data" / "cifar10" / "x.parquet").write_bytes(bytes(range(256)) * 100)
    with tarfile.open(tmp_path / "whole.tar", "w") as tar:
        tar.add(tmp_path / "data" / "cifar10", "cifar10")
    packed, parts = (tmp_path / "whole.tar").read_bytes(), tmp_path / "parts"
    parts.mkdir()
    for index in range(3):
        size = -(-len(packed) // 3)
        (parts / f"part.a{index}").write_bytes(packed[index * size : (index + 1) * size])
    assert searching.joined(tmp_path / "data", tmp_path / "unpacked") == tmp_path / "data"
    for _ in range(2):
        found = searching.joined(parts, tmp_path / "unpacked")
        assert (found / "cifar10" / "x.parquet").read_bytes() == bytes(range(256)) * 100
    shutil.rmtree(tmp_path / "unpacked")
    (parts / "part.a2").unlink()
    with pytest.raises(InputError, match="bring all parts"):
        searching.joined(parts, tmp_path / "unpacked")


@pytest.mark.parametrize("status", [0, 3, 4])
def test_a_search_ends_with_the_status_of_the_product(tmp_path, monkeypatch, status):
    asked = []
    monkeypatch.setattr(searching, "_dnas", lambda words, environment: asked.append(words) or status)
    words = ["search", "quick", "--device", "cpu", "--out", str(tmp_path / "out"), "--budget", "90s"]
    assert commands.main([*words, "--method", "darts"]) == status
    assert asked[0][:2] == ["run", "quick"]
    assert asked[0][-4:] == ["--method", "darts", "--budget", "80s"]
    assert (tmp_path / "out" / searching.STORE).exists()


def tiny(epochs):
    overrides = ("images.limit=40", "supernet.channels=2", "training.batch=4", "measure.eigenvalue_every=0")
    words = ["--space", "nasbench201", "--method", "darts", "--seeds", "0-1", "--workers", "1"]
    more = (f"training.epochs={epochs}", "measure.landscape=3", "measure.landscape_images=8", "retrain.recipe=''")
    return [*words, *(part for override in (*overrides, *more) for part in ("-o", override))]


@pytest.mark.slow
def test_a_search_goes_on_on_a_second_machine_as_if_it_had_not_moved(child, tmp_path):
    """The second machine has another checkout, another store and another home."""
    other = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__", ".git", "*.parquet")
    for package in ("bench", "spaces", "results", "reports", "tests"):
        shutil.copytree(ROOT / package, other / package, ignore=ignored)
    script, words = ["-m", "tests.performance.gpu", "search", "quick", "--device", "cpu"], tiny(6)
    whole = child(["-m", "bench", "run", "quick", *words, "--runs", tmp_path / "whole"], cwd=ROOT)
    assert whole.returncode == 0, whole.stderr

    budget = searching.RESERVE + 1
    first = child([*script, "--out", tmp_path / "a" / "out", "--budget", f"{budget}s", *words], cwd=ROOT)
    packed = tmp_path / "a" / "out" / searching.STORE
    assert packed.exists(), first.stderr
    assert first.returncode == 4, first.stderr
    with tarfile.open(packed) as tar:
        assert all("/" not in name for name in tar.getnames())
    second = child(
        [*script, "--out", tmp_path / "b" / "out", "--resume", packed, *words],
        cwd=other,
        PYTHONPATH=str(other),
        HOME=str(tmp_path / "home"),
    )
    assert second.returncode == 0, second.stderr
    mine, theirs = (Store(tmp_path / place).records() for place in ("whole", "b/runs"))
    assert len(mine) == len(theirs) == 2
    assert all(one.same(two) for one, two in zip(mine, theirs, strict=True))
    assert len(list((tmp_path / "b" / "out").iterdir())) <= 8
