"""Draw every figure of the committed records, and write a page for each experiment and space."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

if TYPE_CHECKING:
    from reports.plots import Plot
    from reports.study.study import Study

_RUNS = Path(__file__).parents[2] / "results" / "runs"
_MARK = "<!-- gallery -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the figures, and a page for each experiment and space."""
    from reports.drawing.style import style
    from reports.names import slug
    from reports.plots import draw

    overview: list[str] = []
    for study in _studies():
        stem = slug(study.experiment, study.space)
        with style():
            plots = list(draw(study))
        for plot in plots:
            if plot.figure is not None:
                files.append(File.generated(config, f"gallery/{stem}/{plot.name}.svg", content=_svg(plot)))
        content, level = "\n".join(_page(study, plots, stem)), InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, f"gallery/{stem}.md", content=content, inclusion=level))
        drawn = [plot for plot in plots if plot.figure is not None]
        overview.extend(
            [f"## [{study.experiment}, {study.label}](gallery/{stem}.md)", "", f"{len(drawn)} figures. The first:", ""]
        )
        overview.extend([_image(drawn[0], f"gallery/{stem}/{drawn[0].name}.svg"), ""])
    page = files.get_file_from_path("gallery.md")
    assert page is not None
    page.content_string = page.content_string.replace(_MARK, "\n".join(overview))
    return files


def _studies() -> Iterator[Study]:
    """Yield what each experiment without overrides found on each space, with what follows from its records."""
    from reports.study import kinds
    from reports.study.derived import derive
    from reports.study.method_style import methods_of
    from reports.study.study import Study
    from results.records.current import current
    from results.records.store import Store
    from results.scores.oracle import ScoresOracle

    store = Store(_RUNS)
    records, _ = current([r for r in store.records() if kinds.OVERRIDE not in r.run.experiment], {})
    derived, oracle = derive(records), ScoresOracle(store.scores_path)
    methods = methods_of([*records, *derived])
    for place, group in groupby(records, key=lambda record: (record.run.experiment, record.run.space)):
        mine = list(group)
        beside = {record.run: store.landscape(record.run) for record in mine}
        yield Study.of(
            mine,
            oracle,
            methods=methods,
            derived=tuple(r for r in derived if (r.run.experiment, r.run.space) == place),
            landscapes={run: landscape for run, landscape in beside.items() if landscape is not None},
        )


def _svg(plot: Plot) -> bytes:
    from reports.drawing.style import style

    buffer = BytesIO()
    with style():
        assert plot.figure is not None
        plot.figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _page(study: Study, plots: list[Plot], stem: str) -> Iterator[str]:
    from reports.study.kinds import description, kind

    worth, about = kind(study.experiment), description(study.records)
    yield from (f"# {study.experiment}, {study.label}", "")
    if not about.lower().startswith(worth):
        yield f"{worth.capitalize()}."
    yield from (about, "")
    for plot in plots:
        if plot.figure is not None:
            yield from (f"## {plot.title}", "", _image(plot, f"{stem}/{plot.name}.svg"), "")
    missing = [f"* {plot.title}: {plot.missing}." for plot in plots if plot.figure is None]
    if missing:
        yield from ("## Not drawn", "", *missing, "")


def _image(plot: Plot, path: str) -> str:
    picture = f'<img class="figure" loading="lazy" src="{path}" alt="{escape(plot.alt)}">'
    caption = escape(f"{plot.caption} {plot.note}".strip(), quote=False)
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
