"""The papers' own tables, row by row: what was published, and what the records and trainings from scratch say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from results.claims.claim import Claim
from results.claims.evidence import Evidence
from results.claims.verdict import Verdict
from results.records.record import Record

_ERRORS = ("accuracy", "error")
_DAY = 86_400.0


@dataclass(frozen=True)
class Row:
    """One row of a paper's table.

    Attributes
    ----------
    verdict : on the accuracy or error that the row is about.
    values : measured, in percent on the claim's scale, one per cell that counts.
    parameters, cost : claims that say how large the network is and what the search took; None where none does.
    measured_parameters : of the cells that count.
    days : of a search, a share of those of the seeds that it ran with, on ``device``; one a search.
    absent : why nothing is measured, with the command that changes it; empty where this suite cannot run it.
    """

    verdict: Verdict
    values: tuple[float, ...]
    parameters: Claim | None
    cost: Claim | None
    measured_parameters: tuple[int, ...]
    days: tuple[float, ...]
    device: str
    absent: str = ""

    @property
    def claim(self) -> Claim:
        """The claim that the row is about."""
        return self.verdict.claim


def rebuilt(verdicts: Sequence[Verdict], evidence: Evidence) -> dict[str, list[Row]]:
    """Return the rows of each table that claims name, by its title, in the order of the claims."""
    found: dict[str, list[Row]] = {}
    for verdict in verdicts:
        claim = verdict.claim
        if claim.rebuilt and claim.metric in _ERRORS:
            beside = [v.claim for v in verdicts if _same(v.claim, claim)]
            found.setdefault(claim.rebuilt, []).append(_row(verdict, beside, evidence))
    return found


def _same(one: Claim, other: Claim) -> bool:
    """Whether two claims stand in one row."""
    keys = ("rebuilt", "space", "dataset", "method")
    return one is not other and all(getattr(one, key) == getattr(other, key) for key in keys)


def _row(verdict: Verdict, beside: Iterable[Claim], evidence: Evidence) -> Row:
    claim = verdict.claim
    alone = replace(claim, test=None, kind="published-only")  # the number itself, whatever is said of it
    searches = evidence.complete(alone) if claim.experiment else []
    trained = evidence.trained(alone) if claim.experiment and claim.selection else []
    readings = evidence.readings(alone) if claim.experiment else []
    of = {each.metric: each for each in beside}
    return Row(
        verdict,
        tuple(reading.low for reading in readings if not reading.unscored),
        of.get("parameters"),
        of.get("search-cost"),
        tuple(score.parameters for _, score in trained if score is not None and score.parameters),
        tuple(map(_days, searches)),
        " and ".join(sorted({str(record.manifest.device.as_dict().get("name", "?")) for record in searches})),
        evidence.absent(alone) if claim.experiment and not readings else "",
    )


def _days(record: Record) -> float:
    """Return the days of one search: those of its group, by the number of seeds that shared them."""
    seeds = len(record.manifest.group.seeds or (record.run.seed,))
    return float(np.nansum(record.points["seconds"].to_numpy(dtype=float))) / seeds / _DAY
