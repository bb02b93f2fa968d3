"""``dnas show`` fits the terminal, and shows all that a record holds when asked."""

import pytest

from bench.cli.show import show, sparkline
from results.records.store import Store
from tests.unit.reports.factory import ALL_SKIP, CONVOLUTIONS, record


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([0, 1, 2, 3], 4, "▁▃▆█"),
        ([0, 0, 4, 4], 2, "▁█"),  # a character is the mean of the numbers that fall together
        ([float("nan"), 4], 2, " █"),
        ([1, 1], 9, "▁▁"),
    ],
)
def test_numbers_become_a_line_of_blocks(values, width, line, monkeypatch):
    monkeypatch.setattr("bench.cli.show.can_print", lambda _: True)
    known = [value for value in values if value == value]
    low = 0 if len(set(known)) > 1 or len(values) != len(known) else 1
    assert sparkline(values, width, low, max(known)) == line


@pytest.mark.parametrize("columns", [80, 60])
def test_a_summary_fits_the_terminal(capsys, monkeypatch, tmp_path, columns):
    Store(tmp_path).write(record(archs=[CONVOLUTIONS] * 60 + [ALL_SKIP]))
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    show("paper/nasbench201/darts/0", runs=tmp_path)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines()[1:-1])) <= columns
    assert "last 5 points of 61" in text
    assert "mix_skip_connect" not in text
    assert "  skip_connect  " in text
    show("paper/nasbench201/darts/0", runs=tmp_path, every=True)
    assert "mix_skip_connect" in capsys.readouterr().out


def test_what_a_selection_tried_is_listed_and_its_result_stands_at_the_last_epoch(capsys, monkeypatch, tmp_path):
    columns = {
        "stage": ["search"] * 3 + ["select"] * 3,
        "tried": [[], [], [], [81.87, 11.72, 67.95, 60.77, 82.0], [], [float(n) for n in range(30)]],
    }
    archs = [CONVOLUTIONS, CONVOLUTIONS, ALL_SKIP, ALL_SKIP, ALL_SKIP, CONVOLUTIONS]
    Store(tmp_path).write(record(archs=archs, columns=columns))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    for every in (False, True):
        show("paper/nasbench201/darts/0", runs=tmp_path, every=every)
        text = capsys.readouterr().out
        assert "  round 1 (point 3): 81.9 11.7 68.0 60.8 82.0 %\n  round 3 (point 5): 0.0 to 29.0 %, 30 mixes\n" in text
        assert f"final architecture: {CONVOLUTIONS}" in text
        assert "[" not in text
