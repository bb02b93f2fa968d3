"""A table and its three written forms, which hold the same cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

FORMATS = ("md", "tex", "csv")
#: What a cell without a number prints.
NONE = "–"
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    "β": r"$\beta$",
    "Λ": r"$\Lambda$",
    "ρ": r"$\rho$",
    "×": r"$\times$",
    "≠": r"$\neq$",
    "✓": r"$\checkmark$",
    "▼": r"$\blacktriangledown$",
    "▲": r"$\blacktriangle$",
    "○": r"$\circ$",
}


@dataclass(frozen=True)
class Table:
    """A table as it is printed.

    Attributes
    ----------
    name : stem of its files.
    title : what it holds.
    columns : headings.
    rows : cells, as printed; every form prints the same.
    note : unit, split, spread and source, where the columns do not say them.
    numbers : which columns hold numbers, set flush right.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numbers: frozenset[str] = frozenset()

    @property
    def size(self) -> str:
        """How many rows it has, in words."""
        return f"{len(self.rows)} row{'s' * (len(self.rows) != 1)}"

    def write(self, folder: Path) -> None:
        """Write the table's three files into ``folder``."""
        for kind, text in zip(FORMATS, (self.markdown(), self.latex(), self.csv()), strict=True):
            (folder / f"{self.name}.{kind}").write_text(text, encoding="utf-8", newline="\n")

    def markdown(self) -> str:
        """Return the table in GitHub's Markdown."""
        rules = ["---:" if column in self.numbers else "---" for column in self.columns]
        lines = [_markdown_row(self.columns), _markdown_row(rules, escape=False), *map(_markdown_row, self.rows)]
        return "\n".join([f"**{_markdown(self.title)}**", "", *lines, "", _markdown(self.note), ""])

    def latex(self) -> str:
        """Return the table as a float with the rules of booktabs."""
        spec = "".join("r" if column in self.numbers else "l" for column in self.columns)
        return "\n".join(
            [
                "% needs the packages booktabs and amssymb",
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{_latex(f'{self.title}. {self.note}'.strip())}}}",
                rf"\label{{tab:{re.sub(r'[^A-Za-z0-9:.-]', '-', self.name)}}}",
                rf"\begin{{tabular}}{{{spec}}}",
                r"\toprule",
                _latex_row(self.columns),
                r"\midrule",
                *map(_latex_row, self.rows),
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )

    def csv(self) -> str:
        """Return the table as comma-separated values with a heading."""
        buffer = StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([self.columns, *self.rows])
        return buffer.getvalue()


def _markdown_row(cells: Sequence[str], *, escape: bool = True) -> str:
    return "| " + " | ".join(_markdown(cell) if escape else cell for cell in cells) + " |"


def _markdown(text: str) -> str:
    """Return text that Markdown, and the HTML in it, shows as it is."""
    return re.sub(r"([\\|*_`<>\[\]~]|&(?=#?\w+;))", r"\\\1", " ".join(text.split()))


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
