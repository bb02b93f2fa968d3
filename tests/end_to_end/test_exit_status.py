"""What scripts go by."""

import re
import subprocess
import sys

import pytest

from results.records.store import Store
from tests.conftest import ROOT
from tests.end_to_end.progress import without_progress

COMMITTED = ROOT / "results" / "runs"


def piped(child_environment, arguments, cwd, lines):
    """Read some lines of a command's output, then close the pipe; return its status and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", *map(str, arguments)],
        cwd=cwd,
        env=child_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=4096,  # less than the commands print, so that they still write when it is closed
    )
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    with process.stderr as stderr:
        err = without_progress(stderr.read())
    return process.wait(timeout=200), err


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        pytest.param(["list", "--runs", COMMITTED], 0, id="before the first line"),
        pytest.param(["plan", "quick", "--space", "nasbench201"], 0, id="a table", marks=pytest.mark.slow),
        pytest.param(["show", "reduced/nasbench201/darts/0", "--json", "--runs", COMMITTED], 1, id="after a line"),
        pytest.param(["check", "--json", "--runs", COMMITTED], 1, id="after a line of claims", marks=pytest.mark.slow),
    ],
)
def test_a_closed_pipe_is_141_and_says_nothing(child_environment, tmp_path, arguments, lines):
    assert piped(child_environment, arguments, tmp_path, lines) == (141, "")


def test_a_search_whose_reader_is_gone_keeps_what_it_has(child_environment, narrow, dnas, tmp_path):
    run = ["run", "quick", *narrow("retrain.recipe=''")]
    status, err = piped(child_environment, run, tmp_path, 0)
    assert (status, [line for line in err.splitlines() if ": epoch " not in line]) == (141, [])
    again = dnas(*run, cwd=tmp_path)
    assert again.status == 0, again.err
    assert len(Store(tmp_path / "results" / "runs").records()) == 1


def test_out_of_budget_is_4_until_all_is_done(dnas_each, narrow, tmp_path):
    run = ["quick", *narrow("retrain.recipe=''")]
    short, reproduced, whole, again = dnas_each(
        [
            (["run", *run, "--budget", "0s"], tmp_path, {}),
            (["reproduce", *run, "--budget", "0s"], tmp_path, {}),
            (["run", *run, "--budget", "9m"], tmp_path, {}),
            (["run", *run, "--budget", "0s"], tmp_path, {}),
        ]
    )
    for answer in (short, reproduced):
        assert answer.status == 4
        assert answer.err == "dnas: out of budget with work left; the same command continues\n"
    assert "report: reports/index.html" in reproduced.out
    assert whole.status == 0, whole.err
    assert (again.status, again.err) == (0, "")  # nothing is left


def test_out_of_budget_while_cells_are_retrained_is_4(dnas_each, narrow, tmp_path):
    done, short = dnas_each(
        [
            (["run", "quick", *narrow("retrain.recipe=''")], tmp_path, {}),
            (["run", "quick", *narrow(), "--budget", "0s"], tmp_path, {}),
        ]
    )
    assert (done.status, short.status) == (0, 4), short.err


def test_a_seed_that_diverges_in_this_call_is_3_and_a_result(dnas_each, narrow, tmp_path):
    run = ["quick", *narrow("retrain.recipe=''", "training.lr=1e30")]
    first, again, reproduced = dnas_each(
        [(["run", *run], tmp_path, {}), (["run", *run], tmp_path, {}), (["reproduce", *run], tmp_path, {})]
    )
    (record,) = Store(tmp_path / "results" / "runs").records()
    assert record.manifest.status == "diverged"
    assert first.status == 3
    said = f"dnas: a seed diverged, the first is {record.run}; its record is kept as a result"
    assert first.err.splitlines()[-1] == said
    assert (again.status, again.err) == (0, "")
    assert reproduced.status == 0, reproduced.err


def test_lines_of_a_pipe_are_not_broken(dnas_each, tmp_path):
    name = "a" * 150
    text = (ROOT / "bench/experiments/quick.toml").read_text()
    (tmp_path / f"{name}.toml").write_text(text)
    narrow = ["--space", "nasbench201", "--method", "random", "--seeds", "0-7", "--workers", "1"]
    cut = ["-o", "images.limit=40", "-o", "training.epochs=2", "-o", "retrain.recipe=''"]
    planned, run, listed = dnas_each(
        [
            (["plan", f"{name}.toml", *narrow[:-2], *cut], tmp_path, {"COLUMNS": "20"}),
            (["run", f"{name}.toml", *narrow, *cut], tmp_path, {"COLUMNS": "20"}),
            (["list"], tmp_path, {}),
        ]
    )
    assert any(line.startswith("nasbench201  random  0,1,2,3,4,5,6,7 ") for line in planned.out.splitlines())
    assert re.search(r"^nasbench201/random/0,1,2,3,4,5,6,7: done after \d+ s$", run.out, re.MULTILINE)
    assert len(listed.out.splitlines()) == 8
