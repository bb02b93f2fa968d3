"""Claims and verdicts in words and printed numbers."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from results.claims.claim import COST, Criterion
from results.claims.trainings import rule

if TYPE_CHECKING:
    from results.claims.claim import Claim
    from results.claims.verdict import Verdict


def effect(claim: Claim, value: float) -> str:
    """Return a number on the scale of a claim, as printed: a difference of logarithms as the ratio that it is."""
    return f"×{math.exp(value):.2f}" if claim.test and claim.test.log else f"{value:.2f}"


def measured(verdict: Verdict) -> str:
    """Return mean and interval as printed; without the interval where seeds are counted, since it decides nothing."""
    claim, interval = verdict.claim, verdict.interval
    mean = "not scored" if verdict.measured is None else effect(claim, verdict.measured)
    if interval is None or verdict.counted is not None:
        return mean
    return f"{mean} [{effect(claim, interval.low)}, {effect(claim, interval.high)}]"


def expected(claim: Claim) -> str:
    """Return the relation that a direction states, or what the paper printed: number, spread and n; or nothing."""
    if claim.test:
        threshold, printed = claim.test.threshold, effect(claim, claim.test.threshold)
        exact = claim.test.log or float(printed) == threshold  # a share above 0.999 is not one above 1.00
        return f"{claim.test.relation} {printed if exact else format(threshold, 'g')}"
    if claim.value is None:
        return ""
    spread = "" if claim.spread is None else f" ± {claim.spread:.2f}"
    seeds = "" if claim.n is None else f" (n={claim.n})"
    unit = "" if claim.unit == "percent" else f" {claim.unit}"
    return f"{claim.value:.2f}{spread}{unit}{seeds}"


def line(verdict: Verdict) -> str:
    """Return a verdict on a claim that the records bear on in one line."""
    claim = verdict.claim
    few = "" if verdict.known in (0, verdict.n) else f"mean of {verdict.known} of "
    pairs = f" pair{'s' * (verdict.n > 1)} of groups" if claim.metric == COST else ""
    parts = [f"{verdict.status}: measured {measured(verdict)} ({few}n={verdict.n}{pairs})"]
    if claim.kind == "number":
        parts.append(f"published {expected(claim)}, tolerance {claim.tolerance:g}")
    else:
        parts.append(f"expected {expected(claim)}")
    if verdict.p is not None and verdict.adjusted is not None:
        parts.append(f"p {verdict.p:.2g}, {verdict.adjusted:.2g} adjusted over {verdict.family}")
    return "; ".join([*parts, *remarks(verdict)])


def remarks(verdict: Verdict) -> list[str]:
    """Return the notes to a verdict's numbers: what they rest on, what is left out, and what would decide the claim."""
    parts = [rule(verdict.claim.selection)] if verdict.claim.selection else []
    if verdict.claim.test and (when := _when(verdict.claim.test)):
        parts.append(when)
    if verdict.counted is not None and verdict.n > 1:
        every = verdict.claim.test is not None and verdict.claim.test.every
        enough = "every seed must be" if every else "more than half are needed"
        parts.append(f"seeds are counted: {verdict.counted} of {verdict.n} as claimed, {enough}")
    if verdict.unscored:
        parts.append(f"{verdict.unscored} of {verdict.points} architectures not scored")
    if verdict.n == 1:
        parts.append("one number decides nothing")
    elif verdict.p is None:
        parts.append(f"at least {verdict.claim.coverage:.0%} must be scored")
    if verdict.decided_alone:
        parts.append(f"alone it would be decided, but not as one of {verdict.family} claims")
    if verdict.seeds_to_decide is not None:
        parts.append(f"{verdict.seeds_to_decide} seeds like these would decide")
    if verdict.unfinished:
        parts.append(verdict.unfinished)
    if verdict.imported:
        parts.append(f"{len(verdict.imported)} imported from another code")
    if others := sum(not left.imported for left in verdict.left_out):
        parts.append(f"{others} left out, of another protocol or measured differently")
    return [*parts, *lengths(verdict), *filter(None, [foreign(verdict)])]


def _when(test: Criterion) -> str:
    """Return which part of a search a number is of, in words; nothing where it is of the end alone."""
    if test.reference is None and test.window == Criterion(">").window:
        return ""
    place = "at" if test.window[0] == test.window[1] else "over"
    against = "" if test.reference is None else f", against {_part(test.reference)}"
    return f"{place} {_part(test.window)} of the search{against}"


def _part(window: tuple[float, float]) -> str:
    low, high = window
    if low == high:
        return {0.0: "the start", 1.0: "the end"}.get(low, f"the point at {low:.0%}")
    if high == 1:
        return f"the last {1 - low:.0%}" if low else "all"
    return f"{low:.0%} to {high:.0%}" if low else f"the first {high:.0%}"


def foreign(verdict: Verdict) -> str:
    """Return how many imported records are left out, in words; nothing where none is."""
    left = sum(left.imported for left in verdict.left_out)
    return f"{left} imported left out, as --imported was not given" if left else ""


def lengths(verdict: Verdict) -> list[str]:
    """Return which searches have another length than their protocol says, in words."""
    counts = Counter((length.epochs, length.planned) for length in verdict.lengths)
    return [
        f"{count} of {'an unknown number of' if epochs is None else epochs} epochs where the protocol has {planned}"
        for (epochs, planned), count in counts.items()
    ]
