"""Verdicts as they are printed, and the exit status that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.errors import printable

if TYPE_CHECKING:
    from results.claims.verdict import Verdict

#: The keys of a verdict as plain data, in order.
KEYS = (
    "id",
    "paper",
    "status",
    "kind",
    "space",
    "dataset",
    "method",
    "metric",
    "split",
    "experiment",
    "comparable",
    "reason",
    "published",
    "published_spread",
    "published_n",
    "tolerance",
    "test",
    "unit",
    "measured",
    "measured_n",
    "interval",
    "n",
    "counted",
    "selection",
    "p",
    "p_adjusted",
    "family",
    "family_name",
    "seeds_to_decide",
    "unscored",
    "points",
    "diverged",
    "failed",
    "imported",
    "lengths",
    "left_out",
    "text",
)


def print_claims(verdicts: Sequence[Verdict], *, strict: bool, scope: str = "", every: bool = False) -> int:
    """Print one line per claim that was judged, and a count of the others; return the exit status.

    ``scope`` names the experiment whose claims decide the status; ``every`` prints those that were not judged too.
    """
    shown = [v for v in verdicts if v.status not in ("not-run", "not-comparable")]
    for verdict in verdicts if every else shown:
        print(f"{verdict.status.upper():14} {verdict.claim.id}: {verdict.text.partition(': ')[2]}")
    for left in dict.fromkeys(left for verdict in verdicts for left in verdict.left_out):
        print(f"left out: {left}")
    counts = {s: sum(v.status == s for v in verdicts) for s in ("not-run", "not-comparable")}
    print(
        f"{len(shown)} claims judged, {counts['not-run']} not run, {counts['not-comparable']} not comparable"
        + ("; 'dnas check --json' lists all" if shown or counts["not-run"] else "")
    )
    in_scope = [v for v in verdicts if not scope or v.claim.experiment == scope]
    return status(in_scope, strict)


def status(verdicts: Sequence[Verdict], strict: bool) -> int:
    """Return the exit status: 1 where a published claim is worse, or with ``strict`` is not decided.

    Claims on one chosen cell do not count as undecided, since no number of searches decides them.
    """
    published = [v for v in verdicts if v.claim.judged and v.claim.paper != "dnas-bench"]
    undecided = strict and any(v.status in ("inconclusive", "not-run") and not v.claim.single for v in published)
    return int(undecided or any(v.status == "worse" for v in published))


def print_unreadable(unreadable: Iterable[tuple[Path, str]]) -> None:
    """Name the files of a store that cannot be read, one line each."""
    for path, why in unreadable:
        print(printable(f"unreadable: {path}: {why.removeprefix(f'{path} ')}"))


def unreadable_as_json(path: Path, why: str) -> dict[str, Any]:
    """Return a file that cannot be read as an entry among verdicts, with the keys of one, all null, and its path."""
    return dict.fromkeys(KEYS) | {"status": "unreadable", "text": why, "path": str(path)}


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict with its claim as plain data."""
    from results.claims.trainings import rule

    claim = verdict.claim
    interval = verdict.interval
    return {
        "id": claim.id,
        "paper": claim.paper,
        "status": str(verdict.status),
        "kind": claim.kind,
        "space": claim.space,
        "dataset": claim.dataset,
        "method": claim.method,
        "metric": claim.metric,
        "split": claim.split or None,
        "experiment": claim.experiment,
        "comparable": claim.comparable,
        "reason": claim.reason,
        "published": claim.value,
        "published_spread": claim.spread,
        "published_n": claim.n,
        "tolerance": claim.tolerance,
        "test": asdict(claim.test) if claim.test else None,
        "unit": claim.unit,
        "measured": verdict.measured,
        "measured_n": verdict.known,
        "interval": [interval.low, interval.high] if interval else None,
        "n": verdict.n,
        "counted": verdict.counted,
        "selection": rule(claim.selection) if claim.selection else None,
        "p": verdict.p,
        "p_adjusted": verdict.adjusted,
        "family": verdict.family,
        "family_name": claim.family or claim.paper,
        "seeds_to_decide": verdict.seeds_to_decide,
        "unscored": verdict.unscored,
        "points": verdict.points,
        "diverged": [str(run) for run in verdict.diverged],
        "failed": [str(run) for run in verdict.failed],
        "imported": [str(run) for run in verdict.imported],
        "lengths": [{"run": str(each.run), "epochs": each.epochs, "planned": each.planned} for each in verdict.lengths],
        "left_out": [str(left) for left in verdict.left_out],
        "text": verdict.text,
    }
