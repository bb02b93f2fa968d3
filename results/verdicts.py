"""Whether what was measured reproduces what was published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from statistics import fmean
from types import MappingProxyType

import pandas as pd

from results.claims import Claim
from results.decide import Side, decide
from results.measure import Evidence
from results.oracle import Oracle
from results.record import Record, Run
from results.stats import Interval

_HIGHER_IS_BETTER = ("accuracy", "valid_accuracy", "train_accuracy")


class Status(StrEnum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    BETTER = "better"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not-run"
    NOT_COMPARABLE = "not-comparable"


@dataclass(frozen=True)
class Verdict:
    """A claim and what our records say about it.

    Attributes
    ----------
    measured : mean over seeds, on the scale of the claim's value or of the direction's effect; None where no seed
        is scored throughout.
    interval : that the verdict rests on, on the same scale; with unscored architectures, over all that they could be.
    n : seeds used.
    seeds_to_decide : the number of seeds at which seeds like these would decide; None where decided, or where more
        seeds alone would not.
    unscored, points : how many architectures no table knows, of how many that were looked up; over all seeds, of
        both methods where two are compared.
    text : one line.
    """

    claim: Claim
    status: Status
    text: str
    measured: float | None = None
    interval: Interval | None = None
    n: int = 0
    seeds_to_decide: int | None = None
    unscored: int = 0
    points: int = 0


def judge(
    claims: Iterable[Claim],
    records: Iterable[Record],
    oracle: Oracle,
    landscapes: Mapping[Run, pd.DataFrame] = MappingProxyType({}),
) -> list[Verdict]:
    """Return one verdict per claim, in order.

    A claim is judged on the complete records of the experiment in whose scope it lies; records of other experiments,
    so also of ``EXPERIMENT+HASH``, do not count, and neither do scores that come from retraining. See
    ``results.decide`` for the rule.

    Parameters
    ----------
    claims : from ``results.claims.load_claims``.
    records : any; each claim picks its own.
    oracle : scores the architectures.
    landscapes : of the runs that have one.
    """
    evidence = Evidence(records, oracle, landscapes)
    return [_judge(claim, evidence) for claim in claims]


def _judge(claim: Claim, evidence: Evidence) -> Verdict:
    if claim.kind == "published-only" or not claim.experiment:
        return Verdict(claim, Status.NOT_RUN, f"not run: {claim.reason}")
    if claim.comparable == "no":
        return Verdict(claim, Status.NOT_COMPARABLE, f"not comparable: {claim.reason}")
    readings = evidence.readings(claim)
    if not readings:
        return Verdict(claim, Status.NOT_RUN, f"not run: {evidence.absent(claim)}")
    decision = decide(
        [reading.low for reading in readings],
        [reading.high for reading in readings],
        _region(claim),
        each=claim.spread == 0 or (claim.test is not None and claim.test.each),
        spread=claim.spread or 0.0,
        n=claim.n or 1,
    )
    points, unscored = sum(r.points for r in readings), sum(r.unscored for r in readings)
    covered = points - unscored >= claim.coverage * points
    known = [r.low for r in readings if not r.unscored]
    verdict = Verdict(
        claim,
        _status(claim, decision.side if covered else Side.UNDECIDED),
        "",
        measured=fmean(known) if known else None,
        interval=decision.interval,
        n=len(readings),
        seeds_to_decide=decision.seeds,
        unscored=unscored,
        points=points,
    )
    return replace(verdict, text=_text(verdict))


def _region(claim: Claim) -> Interval:
    """Return where the mean lies if the claim holds."""
    if claim.test is not None and claim.kind == "direction":
        threshold = claim.test.threshold
        return Interval(threshold, inf) if claim.test.relation == ">" else Interval(-inf, threshold)
    value, tolerance = claim.value or 0.0, claim.tolerance or 0.0  # a number in scope has both
    return Interval(value - tolerance, value + tolerance)


def _status(claim: Claim, side: Side) -> Status:
    if side is Side.UNDECIDED:
        return Status.INCONCLUSIVE
    if side is Side.INSIDE:
        return Status.REPRODUCED
    better = Side.ABOVE if claim.metric in _HIGHER_IS_BETTER else Side.BELOW
    return Status.BETTER if claim.kind == "number" and side is better else Status.WORSE


def _text(verdict: Verdict) -> str:
    claim, interval = verdict.claim, verdict.interval
    measured = "not scored" if verdict.measured is None else f"{verdict.measured:.2f}"
    if interval is not None:
        measured += f" [{interval.low:.2f}, {interval.high:.2f}]"
    parts = [f"{verdict.status}: measured {measured} (n={verdict.n})"]
    if claim.kind == "number":
        parts.append(f"published {_published(claim)}, tolerance {claim.tolerance:g}")
    elif claim.test is not None:
        parts.append(f"expected {claim.test.relation} {claim.test.threshold:g}")
    if verdict.unscored:
        parts.append(f"{verdict.unscored} of {verdict.points} architectures not scored")
    if verdict.unscored > (1 - claim.coverage) * verdict.points:
        parts.append(f"at least {claim.coverage:.0%} must be")
    elif verdict.seeds_to_decide is not None:
        parts.append(f"{verdict.seeds_to_decide} seeds like these would decide")
    return "; ".join(parts)


def _published(claim: Claim) -> str:
    spread = "" if claim.spread is None else f" ± {claim.spread:.2f}"
    return f"{claim.value:.2f}{spread}" + (f" (n={claim.n})" if claim.n else "")
