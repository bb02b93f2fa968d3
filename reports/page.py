"""The page: one file that opens from disk and asks for nothing else."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.drawing.style import contrast
from reports.drawing.svg import colour_variable
from reports.names import slug
from reports.study.method_style import Method
from reports.tabular.answer import Answer
from reports.tabular.claim_list import Paper
from reports.tabular.claim_tables import DECIDED_FIRST, MARKS, OWN
from reports.tabular.table import Table
from results.claims.verdict import Status, Verdict
from results.records.current import LeftOut

if TYPE_CHECKING:
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("cell.js", "explore.js", "filter.js")
_DARK_GROUND = "#12161b"  # --paper in the dark theme of style.css.j2
_LEAST_CONTRAST = 4.0

_MEANINGS = {
    Status.WORSE: "measured on the other side, or worse",
    Status.INCONCLUSIVE: "the seeds so far cannot decide",
    Status.REPRODUCED: "measured as stated",
    Status.BETTER: "measured better than stated",
    Status.NOT_COMPARABLE: "this suite runs something else",
}


@dataclass(frozen=True)
class Figure:
    """A figure in the page.

    ``svg`` is its element, ``stem`` names its files beside the page, and the page folds its ``note``; ``epochs`` says
    where epochs lie across it, as ``reports.drawing.axes.epoch_scale`` does.
    """

    title: str
    caption: str
    note: str
    svg: str
    stem: str
    epochs: tuple[float, ...] = ()


@dataclass(frozen=True)
class Section:
    """One space within an experiment; ``courses`` is what its searches found (``reports.tabular.courses``)."""

    id: str
    label: str
    figures: tuple[Figure, ...]
    missing: tuple[tuple[str, str], ...]  # (title of the figure, why there is none)
    courses: Mapping[str, Any]


@dataclass(frozen=True)
class Chapter:
    """One experiment."""

    id: str
    experiment: str
    kind: str
    description: str
    answer: Answer
    tables: tuple[Table, ...]
    sections: tuple[Section, ...]
    points: str  # CSV of every point of every run

    @property
    def headline(self) -> Figure | None:
        """The figure that stands beside the answer: the first of the first space; None where there is none."""
        return next((figure for section in self.sections[:1] for figure in section.figures), None)


@dataclass(frozen=True)
class Page:
    """Everything that the page shows.

    ``rebuilt`` are the papers' own tables. ``beside`` says whether the files of figures lie beside the page;
    ``paper_tables`` are written beside it alone.
    """

    chapters: tuple[Chapter, ...]
    verdicts: tuple[Verdict, ...]
    judged: Table
    papers: tuple[Paper, ...]
    paper_tables: tuple[Table, ...]
    rebuilt: tuple[Table, ...]
    methods: tuple[Method, ...]
    deviations: Table
    environments: Table
    commands: tuple[str, ...]
    unreadable: tuple[str, ...]  # one line each
    left_out: tuple[str, ...]
    outdated: tuple[LeftOut, ...]
    runs: int
    beside: bool = True

    @property
    def title(self) -> str:
        """What the first chapter is about: the experiment and its spaces."""
        if not self.chapters:
            return "no records"
        first = self.chapters[0]
        return f"{first.experiment} on {', '.join(section.label for section in first.sections)}"

    @property
    def about(self) -> str:
        """How many runs and experiments the page shows, in words."""
        counts = (self.runs, "run"), (len(self.chapters), "experiment")
        return " of ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts)

    @property
    def sections(self) -> list[Section]:
        """Every space of every experiment."""
        return [section for chapter in self.chapters for section in chapter.sections]

    @property
    def tables(self) -> list[Table]:
        """Every table that is written beside the page."""
        of_experiments = [table for c in self.chapters for table in (c.answer.table(c.experiment), *c.tables)]
        return [*of_experiments, self.judged, *self.rebuilt, *self.paper_tables, self.deviations, self.environments]

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
    def origins(self) -> str:
        """How many of the claims papers state, and how many this suite itself, in words."""
        own = sum(verdict.claim.paper == OWN for verdict in self.verdicts)
        return f"{len(self.verdicts) - own} published, {own} this suite's own"

    @property
    def tally(self) -> list[tuple[int, str, str, str]]:
        """Number, mark, name and meaning of the verdicts of each status, decided ones first."""
        counts = Counter(verdict.status for verdict in self.verdicts)
        wait = sum(verdict.status is Status.NOT_RUN and verdict.claim.judged for verdict in self.verdicts)
        meanings = _MEANINGS | {Status.NOT_RUN: f"{wait} wait for records; this suite cannot run the others"}
        return [(counts[s], MARKS[s], s.value, meanings[s]) for s in DECIDED_FIRST if counts[s]]


def render(page: Page) -> str:
    """Return the text of index.html. Of scripts, its policy allows the one that it holds and no other."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

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
        "json": embedded_json,
        "variable": colour_variable,
        "on_dark": on_dark,
    }
    script = "\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("index.html.j2").render(
        page=page,
        marks=[(MARKS[status], status.value) for status in DECIDED_FIRST[:-1]],
        script=Markup(script),  # noqa: S704 # nosec B704 # the suite's own
        script_hash=f"'sha256-{digest}'",
    )


def embedded_json(content: Any) -> Markup:
    """Return plain data as JSON that an element of a page can hold, whatever strings are in it."""
    from markupsafe import Markup

    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return Markup(re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: S704 # nosec B704 # escaped


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
