"""The page: one file that opens from disk and asks for nothing else."""

from __future__ import annotations

import base64
import gzip
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.drawing.style import contrast
from reports.drawing.svg import colour_variable
from reports.names import slug
from reports.study.method_style import Method
from reports.tabular.claim_tables import MARKS
from reports.tabular.table import Table
from results.claims.verdict import Status, Verdict
from results.records.current import LeftOut

if TYPE_CHECKING:
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"
_DARK_GROUND = "#12161b"  # --paper in the dark theme of style.css.j2
_LEAST_CONTRAST = 4.0

_MEANINGS = {
    Status.WORSE: "measured worse than published",
    Status.INCONCLUSIVE: "the seeds so far cannot tell",
    Status.REPRODUCED: "measured as published",
    Status.BETTER: "measured better than published",
    Status.NOT_COMPARABLE: "what is run here is something else",
}


@dataclass(frozen=True)
class Figure:
    """A figure in the page: its SVG element, its caption, and the stem of its files beside the page."""

    title: str
    caption: str
    svg: str
    stem: str


@dataclass(frozen=True)
class Section:
    """One space within an experiment."""

    id: str
    label: str
    figures: tuple[Figure, ...]
    missing: tuple[tuple[str, str], ...]  # (title of the figure, why there is none)


@dataclass(frozen=True)
class Chapter:
    """One experiment."""

    id: str
    experiment: str
    kind: str
    description: str
    tables: tuple[Table, ...]
    sections: tuple[Section, ...]
    points: str  # CSV of every point of every run


@dataclass(frozen=True)
class Page:
    """All that the page shows."""

    chapters: tuple[Chapter, ...]
    verdicts: tuple[Verdict, ...]
    judged: Table
    papers: tuple[Table, ...]
    methods: tuple[Method, ...]
    deviations: Table
    environments: Table
    commands: tuple[str, ...]
    unreadable: tuple[str, ...]  # a line each
    left_out: tuple[str, ...]
    outdated: tuple[LeftOut, ...]
    runs: int

    @property
    def sections(self) -> list[Section]:
        """Every space of every experiment."""
        return [section for chapter in self.chapters for section in chapter.sections]

    @property
    def tables(self) -> list[Table]:
        """Every table of the page."""
        of_experiments = [table for chapter in self.chapters for table in chapter.tables]
        return [*of_experiments, self.judged, *self.papers, self.deviations, self.environments]

    @property
    def missing(self) -> tuple[str, ...]:
        """A line for each figure that could not be drawn."""
        return tuple(
            f"{chapter.experiment}, {section.label}, {title}: {why}"
            for chapter in self.chapters
            for section in chapter.sections
            for title, why in section.missing
        )

    @property
    def tally(self) -> list[tuple[int, str, str]]:
        """Number, name and meaning of the verdicts of each status."""
        counts = Counter(verdict.status for verdict in self.verdicts)
        wait = sum(verdict.status is Status.NOT_RUN and verdict.claim.judged for verdict in self.verdicts)
        meanings = _MEANINGS | {Status.NOT_RUN: f"{wait} wait for records; the others are beyond this suite"}
        return [(counts[s], f"{mark} {s.value}", meanings[s]) for s, mark in MARKS.items() if counts[s]]


def render(page: Page) -> str:
    """Return the text of index.html."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "slug": slug,
        "data_uri": data_uri,
        "gzip_uri": gzip_uri,
        "breakable": breakable,
        "variable": colour_variable,
        "on_dark": on_dark,
    }
    return environment.get_template("index.html.j2").render(page=page)


def breakable(cell: str) -> Markup:
    """Return a cell of numbers, which is set on one line, with places before its brackets where it may break."""
    from markupsafe import Markup, escape

    escaped = re.sub(r" (?=[\[(])", " <wbr>", escape(cell))
    return Markup(escaped)  # noqa: S704 # nosec B704 # escaped before


def data_uri(text: str, media: str = "text/csv") -> str:
    """Return text as an address that holds it."""
    return f"data:{media};base64,{base64.b64encode(text.encode()).decode()}"


def gzip_uri(text: str) -> str:
    """Return text, compressed, as an address that holds it."""
    packed = gzip.compress(text.encode(), mtime=0)
    return f"data:application/gzip;base64,{base64.b64encode(packed).decode()}"


def on_dark(colour: str) -> str:
    """Return a colour, lightened as far as it must be to be seen on the dark ground."""
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    for step in range(11):
        lighter = "#" + "".join(f"{round(c + (255 - c) * step / 10):02x}" for c in channels)
        if contrast(lighter, _DARK_GROUND) >= _LEAST_CONTRAST:
            return lighter
    return "#ffffff"
