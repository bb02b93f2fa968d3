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
    monkeypatch.setattr("bench.cli.show._can_print", lambda _: True)
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
