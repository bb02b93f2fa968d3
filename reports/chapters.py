"""The chapters of the page: from records and scores to studies, and from these to figures and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pandas as pd

from reports.names import slug
from reports.page import Chapter, Figure, Section
from reports.study import kinds
from reports.study.derived import derive
from reports.study.method_style import Method, methods_of
from reports.study.study import Reference, Study
from reports.tabular import tables
from reports.tabular.answer import answer
from reports.tabular.courses import courses
from results.claims.verdict import DECIDED, Verdict
from results.records.record import Record
from results.records.run import Run
from results.scores.oracle import Oracle


@dataclass(frozen=True)
class Background:
    """What is known of the spaces beside the records.

    Attributes
    ----------
    population : space -> data set -> test accuracy in percent of every cell of the space that a table holds.
    references : space -> published curves.
    senseless : space -> method -> why the method makes no sense there.
    untabled : the spaces whose cells no table holds.
    """

    population: Mapping[str, Mapping[str, Sequence[float]]]
    references: Mapping[str, Sequence[Reference]]
    senseless: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    untabled: frozenset[str] = frozenset()


NOTHING_KNOWN = Background({}, {})


def studies_of(
    records: Sequence[Record], oracle: Oracle, background: Background, landscapes: Mapping[Run, pd.DataFrame]
) -> tuple[list[Study], tuple[Method, ...]]:
    """Return a study for each experiment and space, those that weigh most first, and the methods of all.

    Parameters
    ----------
    records : sorted by run.
    """
    derived = derive(records)
    methods = methods_of([*records, *derived])
    studies = [
        Study.of(
            mine,
            oracle,
            methods=methods,
            derived=tuple(r for r in derived if (r.run.experiment, r.run.space) == (experiment, space)),
            landscapes=landscapes,
            population=background.population.get(space, {}),
            references=tuple(background.references.get(space, ())),
            senseless=background.senseless.get(space, {}),
            untabled=space in background.untabled,
        )
        for (experiment, space), mine in groupby(records, key=lambda record: (record.run.experiment, record.run.space))
    ]
    return sorted(studies, key=lambda study: kinds.place(study.experiment)), methods


def chapters(
    studies: Iterable[Study], verdicts: Sequence[Verdict], figures: Path, formats: Sequence[str] = ()
) -> tuple[Chapter, ...]:
    """Return a chapter for each experiment; its figures are saved in the folder ``figures``, in all formats or some.

    Experiments that decided a claim come first; otherwise the order is that of the studies.
    """
    decided = {verdict.claim.experiment for verdict in verdicts if verdict.status in DECIDED}
    ordered = sorted(studies, key=lambda study: study.experiment not in decided)
    return tuple(
        _chapter(experiment, list(mine), verdicts, figures, formats)
        for experiment, mine in groupby(ordered, key=lambda study: study.experiment)
    )


def _chapter(
    experiment: str, studies: Sequence[Study], verdicts: Sequence[Verdict], figures: Path, formats: Sequence[str]
) -> Chapter:
    return Chapter(
        id=slug(experiment),
        experiment=experiment,
        kind=kinds.kind(experiment),
        description=kinds.description(record for study in studies for record in study.records),
        answer=answer(studies, verdicts),
        tables=tuple(table for make in tables.OF_AN_EXPERIMENT if (table := make(studies)).rows),
        sections=tuple(_section(study, figures, formats) for study in studies),
        points=tables.points_table(studies).to_csv(index=False, float_format="%.6g", lineterminator="\n"),
    )


def _section(study: Study, figures: Path, formats: Sequence[str]) -> Section:
    """Draw and save a study's figures."""
    from reports.drawing.axes import epoch_scale
    from reports.drawing.collection import seldom
    from reports.drawing.style import save, style
    from reports.drawing.svg import inline
    from reports.plots import draw

    drawn, missing = [], []
    with style(), seldom():
        for plot in draw(study):
            if plot.figure is None:
                missing.append((plot.title, plot.missing))
                continue
            stem = slug(study.experiment, study.space, plot.name)
            svg = inline(save(plot.figure, figures / stem, formats), f"{stem}-", plot.alt, study.methods)
            drawn.append(Figure(plot.title, plot.caption, plot.note, svg, stem, epoch_scale(plot.figure)))
    return Section(
        id=slug(study.experiment, study.space),
        label=study.label,
        figures=tuple(drawn),
        missing=tuple(missing),
        courses=courses(study),
    )
