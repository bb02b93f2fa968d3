"""From a store of records to figures, tables and a page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import pandas as pd

from reports import files
from reports.chapters import NOTHING_KNOWN, Background, chapters, studies_of
from reports.page import Page, render
from reports.study import kinds
from reports.tabular import claim_tables
from reports.tabular.claim_list import papers
from reports.tabular.deviation_table import deviation_table
from reports.tabular.environment_table import commands, environment_table
from reports.tabular.rebuilt import rebuilt_tables
from results.claims.claim import Claim, load_claims
from results.claims.evidence import Evidence, Lengths
from results.claims.judge import judge
from results.claims.paper_rows import rebuilt
from results.claims.verdict import Verdict
from results.errors import InputError
from results.files import whole
from results.labels import load_labels
from results.records.current import LeftOut, Planned, current
from results.records.record import Record
from results.records.run import Run
from results.records.store import Store
from results.scores.oracle import Oracle


@dataclass(frozen=True)
class Built:
    """What ``build`` made.

    Attributes
    ----------
    page : the index.html.
    figures, tables : stems of their files in ``figures`` and ``tables``.
    verdicts : one per claim.
    missing : figures that could not be drawn, each with what the records lack.
    unreadable : damaged files of the store, each with what is wrong.
    left_out : experiments of the store that are not shown.
    outdated : records that are not shown, as they follow another protocol than their experiment has now.
    removed : files of an earlier build that this one did not write again.
    """

    page: Path
    figures: tuple[str, ...]
    tables: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    missing: tuple[str, ...]
    unreadable: tuple[tuple[Path, str], ...]
    left_out: tuple[str, ...]
    outdated: tuple[LeftOut, ...]
    removed: tuple[str, ...]


def build(
    runs_dir: Path,
    out: Path,
    oracle: Oracle,
    claims: Iterable[Claim] | None = None,
    *,
    asked_for: Sequence[str] = (),
    background: Background = NOTHING_KNOWN,
    planned: Planned = MappingProxyType({}),
    lengths: Lengths = MappingProxyType({}),
    imported: bool = False,
    replace: bool = False,
) -> Built:
    """Write ``figures/``, ``tables/`` and ``index.html`` into ``out`` from the records alone.

    The same records, scores and claims give the same bytes. The page shows everything in the store, experiment by
    experiment, and names what is missing, damaged or of another protocol. It removes the files of an earlier build that
    this one does not write, and no others (``reports.files``).

    Parameters
    ----------
    runs_dir : root of the store.
    oracle : scores architectures.
    claims : to judge; by default all that ``results.claims.claim`` holds.
    asked_for : experiments to show alone, with the claims about them; by default all but those with overrides,
        ``EXPERIMENT+HASH``.
    background : populations and published curves to draw beside the records.
    planned : the protocols that experiments have now; see ``results.records.current``.
    lengths, imported : see ``results.claims.judge.judge``. Imported records of an experiment that is not planned
        here are shown, and decide nothing.
    replace : whether files that no build wrote may be replaced.

    Raises
    ------
    InputError
        Somebody else's file has the name of one of these.
    """
    store = Store(runs_dir)
    everything = store.records()
    shown = [record for record in everything if _is_shown(record.run.experiment, asked_for)]
    records, outdated = current(shown, planned, imported=imported)
    landscapes = _landscapes(store, records)
    unreadable = tuple(store.unreadable())
    claims = load_claims() if claims is None else claims
    verdicts = judge(
        [claim for claim in claims if not asked_for or claim.experiment in asked_for],
        shown,
        oracle,
        landscapes,
        planned,
        lengths=lengths,
        imported=imported,
    )
    evidence = Evidence(shown, oracle, landscapes, planned, lengths=lengths, imported=imported)
    studies, methods = studies_of(records, oracle, background, landscapes)
    labels = load_labels()

    files.check_place(out, replace=replace)
    with whole.naming(out), TemporaryDirectory(prefix=".report-", dir=out) as folder:
        built = Path(folder)
        (built / "figures").mkdir()
        page = Page(
            chapters=chapters(studies, verdicts, built / "figures"),
            verdicts=tuple(verdicts),
            judged=claim_tables.verdict_table(verdicts, labels),
            papers=tuple(papers(verdicts, labels)),
            paper_tables=tuple(claim_tables.paper_tables(verdicts, labels)),
            rebuilt=tuple(rebuilt_tables(rebuilt(verdicts, evidence), labels)),
            methods=methods,
            deviations=deviation_table(records),
            environments=environment_table(records),
            commands=tuple(commands(records)),
            unreadable=tuple(why.replace(f"{store.root}{os.sep}", "") for _, why in unreadable),
            left_out=tuple(sorted({r.run.experiment for r in everything} - {r.run.experiment for r in shown})),
            outdated=tuple(outdated),
            runs=len(records),
        )
        _write(page, built)
        removed = files.publish(built, out, replace=replace)
    return Built(
        page=out / files.PAGE,
        figures=tuple(figure.stem for section in page.sections for figure in section.figures),
        tables=tuple(table.name for table in page.tables),
        verdicts=page.verdicts,
        missing=page.missing,
        unreadable=unreadable,
        left_out=page.left_out,
        outdated=page.outdated,
        removed=removed,
    )


def _is_shown(experiment: str, asked_for: Sequence[str]) -> bool:
    return experiment in asked_for if asked_for else kinds.OVERRIDE not in experiment


def _landscapes(store: Store, records: Iterable[Record]) -> dict[Run, pd.DataFrame]:
    """Return the landscape beside each record that has one that can be read."""
    found = {}
    for record in records:
        with suppress(InputError):  # the store names those that cannot
            found[record.run] = store.landscape(record.run)
    return {run: landscape for run, landscape in found.items() if landscape is not None}


def _write(page: Page, out: Path) -> None:
    """Write tables and page."""
    folder = out / "tables"
    folder.mkdir()
    for table in page.tables:
        table.write(folder)
    for chapter in page.chapters:
        points = folder / f"{chapter.id}-points.csv"
        points.write_text(chapter.points, encoding="utf-8", newline="\n")
    (out / files.PAGE).write_text(render(page), encoding="utf-8", newline="\n")


def page_of(record: Record, oracle: Oracle, *, background: Background = NOTHING_KNOWN) -> str:
    """Return the page of one run alone: one file, with its figures and tables in it, and without verdicts.

    Parameters
    ----------
    oracle, background : as for ``build``.
    """
    with TemporaryDirectory() as folder:
        studies, methods = studies_of([record], oracle, background, {})
        page = Page(
            chapters=chapters(studies, (), Path(folder), formats=("svg",)),
            verdicts=(),
            judged=claim_tables.verdict_table((), load_labels()),
            papers=(),
            paper_tables=(),
            rebuilt=(),
            methods=methods,
            deviations=deviation_table([record]),
            environments=environment_table([record]),
            commands=tuple(commands([record])),
            unreadable=(),
            left_out=(),
            outdated=(),
            runs=1,
            beside=False,
        )
    return render(page)
