"""What a run says about where it stands where there is no terminal."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.cli import work  # noqa: F401 - it adds its commands
from bench.cli.application import app
from bench.cli.display import Display, Trained, epoch_line
from bench.engines.engine import Ended
from bench.experiments import reading
from bench.runs.plan import Group
from bench.search import Position

NAN = float("nan")
GROUP = Group(reading.load("paper", ["training.epochs=50"]).arm("nasbench1shot1-1", "sdarts-adv"), tuple(range(12)))


def rows(train, valid):
    return [{"train_accuracy": t, "valid_accuracy": v} for t, v in zip(train, valid, strict=True)]


@pytest.mark.parametrize(
    ("epoch", "train", "valid", "expected"),
    [
        (0, [NAN], [NAN], "epoch 0 of 50, 3 min 00 s left"),
        (3, [45.12, 44.06], [41.0, 40.25], "epoch 3 of 50, 3 min 00 s left, train 45.1 44.1 %, valid 41.0 40.2 %"),
        (4, [45.12], [NAN], "epoch 4 of 50, 3 min 00 s left, train 45.1 %"),
        (50, [45.12], [40.0], "epoch 50 of 50, train 45.1 %, valid 40.0 %"),
    ],
)
def test_a_line_says_group_epoch_time_left_and_accuracies(epoch, train, valid, expected):
    assert epoch_line(GROUP, epoch, "3 min 00 s", rows(train, valid)) == f"{GROUP}: {expected}"


def test_a_round_of_a_selection_is_named_and_counts_in_the_time_left(capsys, monkeypatch):
    group = Group(reading.load("paper").arm("nasbench201", "darts-pt"), (0,))
    assert (group.epochs, group.last) == (100, 125)
    assert (
        epoch_line(group, 100, "1 s", rows([50.0], [40.0]))
        == f"{group}: epoch 100 of 100, 1 s left, train 50.0 %, valid 40.0 %"
    )
    assert "round 3 of 25 of the selection, 1 s left" in epoch_line(group, 103, "1 s", rows([50.0], [40.0]))
    assert (
        epoch_line(group, 125, "1 s", rows([50.0], [NAN])) == f"{group}: round 25 of 25 of the selection, train 50.0 %"
    )
    now = [0.0]
    monkeypatch.setattr("bench.cli.display.time", SimpleNamespace(monotonic=lambda: now[0]))
    display = Display(SimpleNamespace(disable=True))
    for epoch in (104, 105):
        display.progress(group, epoch, dict(zip(group.runs, rows([50.0], [40.0]), strict=True)))
        now[0] += 30.0
    assert "round 5 of 25 of the selection, 10 min 00 s left" in capsys.readouterr().err


def test_without_a_terminal_each_epoch_is_one_line_of_standard_error_however_long(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    now = [100.0]
    monkeypatch.setattr("bench.cli.display.time", SimpleNamespace(monotonic=lambda: now[0]))
    display = Display(SimpleNamespace(disable=True))
    for epoch in (10, 11, 13):  # resumed after the tenth
        display.progress(GROUP, epoch, dict(zip(GROUP.runs, rows([50.0] * 12, [40.0] * 12), strict=True)))
        now[0] += 30.0
    out, err = capsys.readouterr()
    assert out == ""
    first, second, third = err.splitlines()
    assert "epoch 10 of 50, ? left" in first
    assert "epoch 11 of 50, 19 min 30 s left" in second  # 39 of 30 s
    assert "epoch 13 of 50, 12 min 20 s left" in third  # 37 of 20 s
    assert len(second) > 160


def test_a_run_without_a_terminal_prints_its_lines_whole(tmp_path, cut, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    overrides = [part for override in cut for part in ("-o", override)]
    words = ["run", "quick", "--space", "nasbench201", "--method", "darts", "--seeds", "0-1", "--workers", "1"]
    done = CliRunner().invoke(app, [*words, *overrides, "--runs", str(tmp_path / "runs")], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("retraining: ")]  # what was found, scored
    assert [line.partition(", ")[0] for line in lines] == [f"nasbench201/darts/0,1: epoch {i} of 2" for i in range(3)]
    assert "train" in lines[-1]
    assert "valid" in lines[-1]
    assert any(line.startswith("nasbench201/darts/0,1: done after") for line in done.stdout.splitlines())


@pytest.mark.parametrize(("seconds", "lines"), [(15.0, 10), (2.0, 8)])
def test_a_training_says_a_line_a_tenth_of_a_cell_but_not_too_often(seconds, lines, capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("bench.cli.display.time", SimpleNamespace(monotonic=lambda: now[0]))
    shown = Trained()
    for epoch in range(1, 41):
        now[0] += seconds
        shown(epoch / 40, 2, "a cell")
    shown(1.0, 2, "a cell: test accuracy 97.00 %")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert said[0].endswith(" of 2 cells, a cell")
    assert said[-1] == "retraining: 1.0 of 2 cells, a cell"


def test_an_error_is_printed_as_it_is():
    written = io.StringIO()
    display = Display(SimpleNamespace(disable=True, console=Console(file=written)))
    line = "darts/0: failed ([enforce fail at alloc_cpu.cpp:117] :x: [/tmp/full] has no space)"
    display.say(line)
    assert written.getvalue() == f"{line}\n"


class Bars:
    """Stands in for the bars of a terminal: what each shows, and the lines above them."""

    disable = False

    def __init__(self):
        self.shown, self.said = {}, []
        self.console = SimpleNamespace(print=lambda text, **_: self.said.append(text))

    def add_task(self, name, **state):
        self.shown[name] = state
        return name

    def update(self, name, **state):
        self.shown[name] |= state

    def remove_task(self, name):
        del self.shown[name]


def test_on_a_terminal_a_group_has_a_bar_until_it_ends(capsys):
    group = Group(reading.load("paper").arm("nasbench201", "darts-pt"), (0, 1), Position(40))
    bars = Bars()
    display = Display(bars)
    for epoch, valid, note in (
        (41, [NAN, NAN], "50.0 51.0"),  # no image was held back in this epoch
        (42, [40.0, 41.04], "40.0 41.0"),
        (101, [40.0, 41.04], "selecting 40.0 41.0"),
    ):
        display.progress(group, epoch, dict(zip(group.runs, rows([50.0, 51.0], valid), strict=True)))
        assert bars.shown == {str(group): {"total": 125, "completed": epoch, "note": note}}
    display.ended(Ended(group, "failed", 61.0, "no memory"))
    assert bars.shown == {}
    assert bars.said == [f"{group}: failed after 1 min 01 s (no memory)"]
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_a_training_is_one_line_that_is_rewritten(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    shown = Trained()
    shown(0.5, 2, "a cell")
    shown(2.0, 2, "x" * 100)
    assert terminal.getvalue() == f"\rretraining 0.5/2 {'a cell':60}\rretraining 2.0/2 {'x' * 60}\n"


def test_the_time_left_of_a_group_that_goes_back_is_counted_anew(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("bench.cli.display.time", SimpleNamespace(monotonic=lambda: now[0]))
    display = Display(SimpleNamespace(disable=True))
    for epoch in (10, 11, 8, 9):  # 30 seconds each
        display.progress(GROUP, epoch, dict(zip(GROUP.runs, rows([50.0] * 12, [40.0] * 12), strict=True)))
        now[0] += 30.0
    first, second, third, fourth = capsys.readouterr().err.splitlines()
    assert "epoch 10 of 50, ? left" in first
    assert "epoch 11 of 50, 19 min 30 s left" in second
    assert "epoch 8 of 50, ? left" in third
    assert "epoch 9 of 50, 20 min 30 s left" in fourth
