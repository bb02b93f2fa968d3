"""Bars on terminals, and nothing elsewhere."""

import io
import sys

from results.data.progress import shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def report(progress=None):
    with shown(progress) as reporting:
        for done in (0, 500_000, 1_000_000):
            reporting("reading file.bin", done, 1_000_000)


def test_draws_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    report()
    assert "reading file.bin: 100%" in terminal.getvalue()
    assert "1.00M/1.00M" in terminal.getvalue()


def test_draws_nothing_elsewhere(capfd):
    report()
    assert capfd.readouterr() == ("", "")


def test_reports_to_who_asks_and_draws_nothing(monkeypatch):
    terminal, reports = Terminal(), []
    monkeypatch.setattr(sys, "stderr", terminal)
    report(lambda *arguments: reports.append(arguments))
    assert reports[-1] == ("reading file.bin", 1_000_000, 1_000_000)
    assert terminal.getvalue() == ""
