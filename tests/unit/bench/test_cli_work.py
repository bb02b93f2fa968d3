"""What ``dnas run``, ``reproduce`` and ``retrain`` ask of the work, which is stood in for, and how they end."""

import math
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from bench import cli
from bench.engines.engine import Ended
from bench.experiments import reading
from bench.from_scratch import Scored
from bench.runs.plan import Group
from results.errors import InputError


def invoke(*words):
    """Return how a command ends: what it prints, and what it raises."""
    return CliRunner().invoke(cli.commands(), [str(word) for word in words])


PLAIN = {
    "device": "auto",
    "engine": "inline",
    "workers": 0,
    "form": "auto",
    "precision": "auto",
    "capture": True,
    "compiled": False,
    "seconds": math.inf,
    "replace": False,
}
GIVEN = {
    "device": "cpu",
    "engine": "ray",
    "workers": 3,
    "form": "loop",
    "precision": "float64",
    "capture": False,
    "compiled": True,
    "seconds": 540.0,
    "replace": True,
}
OPTIONS = (
    "--device cpu --engine ray --workers 3 --conv-form loop --precision float64 --no-capture --compile --budget 9m"
)


@pytest.mark.parametrize(("more", "how"), [([], PLAIN), ([*OPTIONS.split(), "--replace"], GIVEN)])
@pytest.mark.parametrize("command", ["run", "reproduce"])
def test_the_options_of_a_command_reach_the_work(monkeypatch, tmp_path, command, more, how):
    monkeypatch.chdir(tmp_path)
    asked = []

    def prepare(experiment, chosen, runs, **given):
        asked.append((experiment.name, [(str(arm), arm.seeds) for arm in chosen.arms], runs, given))
        raise InputError("nothing runs here")

    monkeypatch.setattr("bench.reproduce.prepare", prepare)
    chosen = ("--space", "nasbench201", "--method", "darts", "--seeds", "4,1")
    result = invoke(command, "quick", *chosen, "--runs", tmp_path / "runs", *more)
    assert str(result.exception) == "nothing runs here"
    assert asked == [("quick", [("nasbench201/darts", (4, 1))], tmp_path / "runs", how)]


def test_scalars_that_cannot_be_written_are_refused_before_the_work(monkeypatch, tmp_path):
    def missing():
        raise InputError("no TensorBoard")

    monkeypatch.setattr("bench.cli.work.check_installed", missing)
    monkeypatch.setattr("bench.reproduce.prepare", lambda *_, **__: pytest.fail("the work has begun"))
    assert str(invoke("run", "quick", "--tensorboard", tmp_path).exception) == "no TensorBoard"


@pytest.mark.parametrize(
    ("statuses", "late", "status", "says"),
    [
        (["done", "left to another process"], False, 0, ""),
        (
            ["failed", "done", "failed"],
            False,
            3,
            "2 of the groups failed, the first is nasbench201/darts/0: it broke; ",
        ),
        (["out of time", "failed"], True, 3, "1 of the groups failed, the first is nasbench201/darts/1: it broke; "),
        (["done", "out of time"], False, 4, "out of budget with work left; "),
        (["done"], True, 4, "out of budget with work left; "),  # while cells were trained from scratch
    ],
)
def test_how_the_groups_ended_decides_the_status_of_a_run(monkeypatch, tmp_path, statuses, late, status, says):
    arm = reading.load("quick").arm("nasbench201", "darts")
    ends = [
        Ended(Group(arm, (seed,)), how, 1.0, "it broke" if how == "failed" else "") for seed, how in enumerate(statuses)
    ]
    work = SimpleNamespace(
        chosen=SimpleNamespace(senseless=()),
        missing=lambda: [arm.run(0)],
        run=lambda progress, say: iter(ends),
        score=lambda progress: Scored("scored", late),
        diverged=list,
    )
    monkeypatch.setattr("bench.reproduce.prepare", lambda *_, **__: work)
    result = invoke("run", "quick", "--runs", tmp_path)
    ended = result.exception
    assert getattr(ended, "status", 0) == status
    assert str(ended or "").startswith(says)
    assert bool(ended) == bool(says)
    assert "score: scored\n" in result.stdout


def test_a_retraining_is_of_what_is_asked_for_and_may_run_out_of_time(monkeypatch, tmp_path):
    seen = []

    def train(experiment, setting, progress, arms):
        seen.append(arms and [str(arm) for arm in arms])
        return Scored("scored", out_of_time=len(seen) > 1)

    monkeypatch.setattr("bench.reproduce.prepare", lambda *_, **__: SimpleNamespace(setting=None))
    monkeypatch.setattr("bench.from_scratch.train", train)
    words = ("retrain", "quick", "--runs", tmp_path)
    whole, part = invoke(*words), invoke(*words, "--space", "nasbench201", "--method", "darts")
    assert (whole.exit_code, whole.stdout) == (0, "score: scored\n")
    assert part.exception.status == 4
    assert seen == [None, ["nasbench201/darts"]]
    assert str(invoke("retrain", "paper").exception).startswith("'paper' does not say how to retrain; add [retrain]")
