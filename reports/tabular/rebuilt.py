"""The papers' own tables: published beside measured, with what the numbers are of and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from reports.names import slug
from reports.study.study import dataset_label
from reports.tabular.claim_tables import MARKS, SILENT
from reports.tabular.table import NONE, Table
from results.claims.paper_rows import Row
from results.claims.trainings import rule
from results.claims.wording import expected
from results.labels import Labels

_COLUMNS = (
    "data set",
    "space",
    "method",
    "quantity",
    "published",
    "measured",
    "n",
    "which training",
    "parameters, published",
    "parameters, measured",
    "search cost, published",
    "search cost, measured",
    "verdict",
    "note",
)
_NOTE = (
    "Percent on the test images; ± standard deviation over n cells. Published: as printed; 'not available' where the"
    " paper prints a number that was not read. Parameters: millions, without the auxiliary head. Search cost: as"
    " printed; measured, days of the named device for one search, a share of those of its group."
)


def rebuilt_tables(tables: Mapping[str, Sequence[Row]], labels: Labels) -> list[Table]:
    """Return each table of a paper that claims rebuild, in the order of their titles."""
    return [
        Table(
            slug("rebuilt", title.lower()),
            title,
            _COLUMNS,
            tuple(map(partial(_cells, labels), tables[title])),
            _NOTE,
            numbers=frozenset((*_COLUMNS[4:7], *_COLUMNS[8:12])),
        )
        for title in sorted(tables)
    ]


def _cells(labels: Labels, row: Row) -> tuple[str, ...]:
    claim, verdict = row.claim, row.verdict
    return (
        dataset_label(claim.dataset),
        labels.space(claim.space),
        labels.method(claim.method),
        f"{claim.split} {labels.metric(claim.metric)}".strip(),
        NONE if claim.value is None and not claim.text else _published(row),
        _mean(row.values, 2),
        str(len(row.values)) if row.values else NONE,
        rule(claim.selection) if claim.selection else NONE,
        NONE if row.parameters is None else expected(row.parameters),
        _mean([count / 1e6 for count in row.measured_parameters], 2),
        NONE if row.cost is None else expected(row.cost),
        f"{_mean(row.days, 3)} d on {row.device}" if row.days else NONE,
        f"{MARKS[verdict.status]} {verdict.status.value}",
        _note(row),
    )


def _note(row: Row) -> str:
    """Return what is missing and the command for it, or else how the two numbers differ in kind."""
    verdict = row.verdict
    silent = verdict.text.partition(": ")[2] if verdict.status in SILENT else ""
    own = row.claim.reason if row.claim.comparable != "same-protocol" or not row.claim.judged else ""
    return "; ".join(dict.fromkeys(filter(None, (row.absent, silent, own))))


def _published(row: Row) -> str:
    return "not available" if row.claim.value is None else expected(row.claim)


def _mean(values: Sequence[float], digits: int) -> str:
    """Return mean and standard deviation as printed."""
    if not values:
        return NONE
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"
