"""Whether what was measured reproduces what was published.

Each claim that records bear on gets a p (``results.claims.decide``): the least error at which the rule takes the side
on which the seeds lie. The claims of one paper in one experiment that have a p are a family. Claims may instead name a
family that was fixed before the first record: it has its full size from the start, so that a record which comes later
cannot undo a verdict. The p of a family are adjusted by Holm's method, and a claim is decided if its adjusted p is at
most 5 %. This keeps the chance that any verdict of a family is false at 5 %, not the chance for each verdict.

A side is one of two or three, and to err is to take the wrong one. Holm's method bounds that error where claims are
independent (Shaffer, Control of directional errors with stagewise multiple test procedures, Annals of Statistics 8,
1980); where claims share seeds, ``tests/unit/results/test_false_verdicts.py`` counts it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import fmean
from types import MappingProxyType
from typing import TypedDict

import pandas as pd

from results.claims.claim import Claim
from results.claims.decide import ERROR, Leaning, Question, Side
from results.claims.evidence import Evidence, Lengths, Reading
from results.claims.stats import Interval, holm, holm_threshold
from results.claims.verdict import Length, Status, Verdict
from results.claims.wording import foreign, line
from results.records.current import LeftOut, Planned
from results.records.record import Record
from results.records.run import Run
from results.scores.oracle import Oracle

_HIGHER_IS_BETTER = ("accuracy", "valid_accuracy", "train_accuracy")
#: Digits after the point of a reading: differences that are equal differ in their last bits.
_DIGITS = 12


class _Aside(TypedDict):
    """The records that stand beside those that a claim is judged on: fields of its verdict."""

    left_out: tuple[LeftOut, ...]
    diverged: tuple[Run, ...]
    failed: tuple[Run, ...]
    imported: tuple[Run, ...]
    lengths: tuple[Length, ...]


@dataclass(frozen=True)
class _Case:
    """A claim that records bear on, before it is set beside the others of its paper."""

    claim: Claim
    readings: Sequence[Reading]
    question: Question
    leaning: Leaning
    aside: _Aside

    @property
    def points(self) -> int:
        return sum(reading.points for reading in self.readings)

    @property
    def unscored(self) -> int:
        return sum(reading.unscored for reading in self.readings)

    @property
    def testable(self) -> bool:
        """Whether there is more than one number, and enough architectures are scored for a verdict."""
        return len(self.readings) > 1 and self.points - self.unscored >= self.claim.coverage * self.points


def judge(
    claims: Iterable[Claim],
    records: Iterable[Record],
    oracle: Oracle,
    landscapes: Mapping[Run, pd.DataFrame] = MappingProxyType({}),
    planned: Planned = MappingProxyType({}),
    *,
    lengths: Lengths = MappingProxyType({}),
    imported: bool = False,
) -> list[Verdict]:
    """Return one verdict per claim, in order.

    A claim is judged on the records of the experiment in whose scope it lies; records of other experiments, so also of
    ``EXPERIMENT+HASH``, do not count, and neither do records of another protocol than the experiment has now
    (``results.records.current``). Scores from retraining count for claims that say which trainings they are about
    (``Claim.selection``), and then those of the same experiment alone. Searches that diverged or failed are as in
    ``Evidence``.

    Parameters
    ----------
    claims : from ``results.claims.claim.load_claims``. All that share a paper belong together here: a verdict depends
        on how many there are.
    records : any; each claim picks its own.
    oracle : scores the architectures.
    landscapes : of the runs that have one.
    planned : the protocols that experiments have now; without them, records of several are not mixed either.
    lengths : the epochs that these protocols have; a verdict names searches of another length.
    imported : whether records of other codes count; a verdict names them.
    """
    evidence = Evidence(records, oracle, landscapes, planned, lengths=lengths, imported=imported)
    claims = list(claims)
    found = [_weigh(claim, evidence) for claim in claims]
    fixed = Counter((claim.family, claim.experiment) for claim in claims if claim.family and claim.judged)
    families: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, case in enumerate(found):
        if isinstance(case, _Case) and case.testable:
            families[case.claim.family or case.claim.paper, case.claim.experiment].append(place)
    adjusted: dict[int, tuple[float, list[float]]] = {}
    for key, places in families.items():
        p = [case.leaning.p for place in places if isinstance(case := found[place], _Case)]
        p += [1.0] * (fixed[key] - len(p))
        for index, (place, value) in enumerate(zip(places, holm(p), strict=False)):
            adjusted[place] = value, p[:index] + p[index + 1 :]
    return [
        case if isinstance(case, Verdict) else _verdict(case, *adjusted.get(place, (None, [])))
        for place, case in enumerate(found)
    ]


def _weigh(claim: Claim, evidence: Evidence) -> _Case | Verdict:
    """Return what the records say about a claim, or the verdict where they say nothing."""
    if claim.kind == "published-only" or not claim.experiment:
        return Verdict(claim, Status.NOT_RUN, f"not run: {claim.reason}")
    if claim.comparable == "no":
        return Verdict(claim, Status.NOT_COMPARABLE, f"not comparable: {claim.reason}")
    readings, unfinished = evidence.readings(claim), evidence.unfinished(claim)
    aside = _Aside(
        left_out=evidence.left_out(claim),
        diverged=tuple(record.run for record in unfinished if not record.failed),
        failed=tuple(record.run for record in unfinished if record.failed),
        imported=evidence.imported(claim),
        lengths=evidence.odd_lengths(claim),
    )
    if not readings:
        silent = Verdict(claim, Status.NOT_RUN, f"not run: {evidence.absent(claim)}", **aside)
        return replace(silent, text="; ".join(filter(None, (silent.text, silent.unfinished, foreign(silent)))))
    question = Question(
        tuple(round(reading.low, _DIGITS) for reading in readings),
        tuple(round(reading.high, _DIGITS) for reading in readings),
        _region(claim),
        closed=claim.kind == "number",
        constant=claim.spread == 0,
        every=claim.test is not None and claim.test.every,
        spread=claim.spread or 0.0,
        n=claim.n or 1,
    )
    return _Case(claim, readings, question, question.leaning(), aside)


def _verdict(case: _Case, adjusted: float | None, others: Sequence[float]) -> Verdict:
    """Return the verdict on a claim, given its adjusted p and the p of the others of its family.

    Without an adjusted p there is one number alone, or too few of its architectures are scored.
    """
    known = [reading.low for reading in case.readings if reading.low == reading.high]
    decided = adjusted is not None and adjusted <= ERROR
    more = None if adjusted is None or decided else case.question.seeds_to_decide(holm_threshold(others, ERROR))
    verdict = Verdict(
        case.claim,
        _status(case.claim, case.leaning.side if decided else Side.UNDECIDED),
        "",
        measured=fmean(known) if known else None,
        interval=case.leaning.interval,
        n=len(case.readings),
        known=len(known),
        p=None if adjusted is None else case.leaning.p,
        adjusted=adjusted,
        family=0 if adjusted is None else len(others) + 1,
        seeds_to_decide=more,
        counted=case.question.hits[Side.INSIDE] if case.question.counted else None,
        unscored=case.unscored,
        points=case.points,
        **case.aside,
    )
    return replace(verdict, text=line(verdict))


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
