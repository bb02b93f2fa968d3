"""The tables of claims: what was published, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from reports.names import slug
from reports.study.study import SPLITS, dataset_label
from reports.tabular.table import NONE, Table
from results.claims.verdict import Status, Verdict
from results.claims.wording import expected, measured, remarks
from results.labels import Labels

#: Told apart without colour; what needs a look comes first.
MARKS = {
    Status.WORSE: "▼",
    Status.INCONCLUSIVE: "?",
    Status.REPRODUCED: "✓",
    Status.BETTER: "▲",
    Status.NOT_RUN: "○",
    Status.NOT_COMPARABLE: "≠",
}
#: The order of the page: what was decided, what is under way, what is not.
DECIDED_FIRST = (
    Status.WORSE,
    Status.BETTER,
    Status.REPRODUCED,
    Status.INCONCLUSIVE,
    Status.NOT_RUN,
    Status.NOT_COMPARABLE,
)
#: The ``paper`` of claims that the suite itself makes, about what no paper ran.
OWN = "dnas-bench"
_P_NOTE = (
    "Without an interval, seeds are counted. p: of the claim alone, and adjusted by Holm's method over its family: the"
    " claims of one paper in one experiment that have a p, or all of a family that was fixed before the first record. A"
    " verdict is given where the adjusted p is at most 0.05."
)
#: Of claims that no record bears on.
SILENT = (Status.NOT_RUN, Status.NOT_COMPARABLE)


def verdict_table(verdicts: Iterable[Verdict], labels: Labels) -> Table:
    """Return the claims that the records bear on, what needs a look first.

    Parameters
    ----------
    labels : of methods, spaces and quantities.
    """
    spoken = [verdict for verdict in verdicts if verdict.status not in SILENT]
    columns = (
        "verdict",
        "claim",
        "method",
        "where",
        "measured",
        "expected",
        "n",
        "p (adjusted)",
        "note",
        "published in",
    )
    return Table(
        "verdicts",
        "Claims that the records bear on",
        columns,
        _rows(sorted(spoken, key=lambda verdict: list(MARKS).index(verdict.status)), columns, labels),
        "Measured: mean [95 % interval] over n seeds, in percent or as the claim says. The lower limit takes the least"
        " value that an architecture without a score could have, the upper limit the greatest."
        f" {_P_NOTE}",
        numbers=frozenset(columns[4:8]),
    )


def short_table(verdicts: Iterable[Verdict], labels: Labels, name: str) -> Table:
    """Return the judged claims of one space in few columns, in the order of their file: for a text.

    Parameters
    ----------
    verdicts : of one experiment on one space.
    """
    spoken = [verdict for verdict in verdicts if verdict.status not in SILENT]
    columns = ("verdict", "claim", "measured", "n", "p (adjusted)")
    return Table(
        name,
        f"Verdicts on {labels.space(spoken[0].claim.space)}, {spoken[0].claim.experiment}" if spoken else name,
        columns,
        _rows(spoken, columns, labels),
        f"Measured: mean [95 % interval] over n seeds. {_P_NOTE}",
        numbers=frozenset(columns[2:]),
    )


def paper_tables(verdicts: Iterable[Verdict], labels: Labels) -> list[Table]:
    """Return a table per paper: what it printed, what was measured here, and the verdict.

    Parameters
    ----------
    labels : as for ``verdict_table``.
    """
    columns = (
        "verdict",
        "claim",
        "method",
        "where",
        "published",
        "measured",
        "n",
        "p (adjusted)",
        "note",
        "source",
    )
    return [
        Table(
            slug("published", paper.lower()),
            "What this suite expects, beside what it measured"
            if paper == OWN
            else f"{paper}: published beside measured",
            columns,
            _rows(group, columns, labels),
            "Published: mean ± standard deviation (n) as printed, or the relation that is stated. Measured: mean"
            f" [95 % interval] over n seeds. {_P_NOTE}",
            numbers=frozenset(columns[4:8]),
        )
        for paper, group in groupby(
            sorted(verdicts, key=lambda verdict: verdict.claim.paper), key=lambda verdict: verdict.claim.paper
        )
    ]


def _rows(verdicts: Iterable[Verdict], columns: Sequence[str], labels: Labels) -> tuple[tuple[str, ...], ...]:
    cells = (printed_cells(verdict, labels) for verdict in verdicts)
    return tuple(tuple(each[column] for column in columns) for each in cells)


def printed_cells(verdict: Verdict, labels: Labels) -> dict[str, str]:
    """Return what is printed of a claim, by heading."""
    claim, silent = verdict.claim, verdict.status in SILENT
    metric = labels.metric(claim.metric)
    quantity = f"{SPLITS[claim.split]} {metric}" if claim.split else metric
    where = f"{labels.space(claim.space)}, {dataset_label(claim.dataset)}"
    stated = expected(claim) or NONE
    paper = "nowhere: expected by this suite" if claim.paper == OWN else claim.paper
    return {
        "verdict": f"{MARKS[verdict.status]} {verdict.status.value}",
        "claim": claim.text or quantity,
        "method": labels.method(claim.method),
        "where": f"{where} ({claim.experiment})" if claim.experiment else where,
        "expected": stated,
        "published": stated,
        "measured": NONE if silent else measured(verdict),
        "n": NONE if silent else str(verdict.n),
        "p (adjusted)": NONE
        if verdict.p is None or verdict.adjusted is None
        else f"{_p(verdict.p)} ({_p(verdict.adjusted)})",
        "note": verdict.text.partition(": ")[2] if silent else _note(verdict),
        "published in": f"{paper}, {claim.table}" if claim.table else paper,
        "source": claim.source,
    }


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def _note(verdict: Verdict) -> str:
    claim = verdict.claim
    parts = [] if claim.tolerance is None else [f"tolerance {claim.tolerance:g}"]
    parts += remarks(verdict)
    if claim.comparable != "same-protocol":
        parts.append(claim.reason if claim.paper == OWN else f"another protocol: {claim.reason}")
    return "; ".join(parts)
