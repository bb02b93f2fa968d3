"""What the records say about a claim: one number per seed, or a range where architectures are not scored."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from results.claims.alike import alike, common_epochs
from results.claims.claim import COST, OPERATIONS, Claim, Criterion
from results.claims.series import Reading, Series, part
from results.claims.timed_group import TimedGroup
from results.claims.trainings import Trainings
from results.claims.verdict import Length
from results.records.arch_key import operations_in
from results.records.current import LeftOut, Planned, current, not_asked_for
from results.records.record import Record
from results.records.run import ArmName, Run
from results.scores.oracle import Oracle
from results.scores.score import Score

#: Of architectures, in percent: within 0 to 100, so that one that is not scored, or not reached, has bounds.
_SCORED = ("accuracy", "error")
#: All that are in percent.
_PERCENT = (*_SCORED, "train_accuracy", "valid_accuracy", "landscape-drop")
#: The epochs of each arm.
Lengths = Mapping[ArmName, int]
_END = Criterion(">")  # a number is read where a direction is by default: after the last epoch


class Evidence:
    """The records of one protocol per experiment, space and method, and the oracle that scores them.

    A search that diverged is a result: any metric that has bounds could be anything within them, and it has no number
    of others. A search that failed is not a result, since it is run again. ``unfinished`` names both.

    Parameters
    ----------
    records : of any status.
    landscapes : supernet accuracy around the final alpha: columns ``kind`` ("plane" is used), ``x``, ``y`` and
        ``valid_accuracy`` in percent.
    planned : the protocols that experiments have now; see ``results.records.current``.
    lengths : the epochs that these protocols have.
    imported : whether records of other codes count.
    """

    def __init__(
        self,
        records: Iterable[Record],
        oracle: Oracle,
        landscapes: Mapping[Run, pd.DataFrame],
        planned: Planned,
        *,
        lengths: Lengths = MappingProxyType({}),
        imported: bool = False,
    ) -> None:
        self._oracle, self._landscapes, self._lengths = oracle, landscapes, lengths
        records = sorted(records, key=lambda record: record.run)
        foreign = [record for record in records if record.imported and not imported]
        kept, left_out = current([r for r in records if r not in foreign], planned, imported=imported)
        self._left_out = [*map(not_asked_for, foreign), *left_out]
        self._columns: dict[tuple[Run, str], np.ndarray] = {}
        self._bases: dict[tuple[str, ...], _Basis] = {}
        self._records: defaultdict[ArmName, list[Record]] = defaultdict(list)
        for record in kept:
            self._records[record.run.arm].append(record)

    def readings(self, claim: Claim) -> list[Reading]:
        """Return one reading per seed, or per seed that the baseline has too.

        Seeds that share a supernet share its time: of costs there is one reading per pair of groups, and none of groups
        on different devices or of different sizes.
        """
        mine = self._of_method(claim, claim.method)
        if claim.test is None or not claim.test.baseline:
            return list(mine.values())
        theirs = self._of_method(claim, claim.test.baseline)
        both = [seed for seed in mine if seed in theirs]
        if claim.metric == COST:
            ours, others = (self._groups(claim, method) for method in (claim.method, claim.test.baseline))
            both = _apart([seed for seed in both if ours[seed].like(others[seed])], ours, others)
        return [mine[seed] - theirs[seed] for seed in both]

    def left_out(self, claim: Claim) -> tuple[LeftOut, ...]:
        """Return the records that bear on ``claim`` but follow another protocol or were measured differently."""
        of_other_protocols = (
            left
            for left in self._left_out
            if (left.run.experiment, left.run.space) == (claim.experiment, claim.space)
            and left.run.method in _methods(claim)
        )
        return (*of_other_protocols, *self._basis(claim).left_out)

    def imported(self, claim: Claim) -> tuple[Run, ...]:
        """Return the records of other codes that a verdict on ``claim`` rests on."""
        return tuple(record.run for record in self._basis(claim).records if record.imported)

    def odd_lengths(self, claim: Claim) -> tuple[Length, ...]:
        """Return the records of a verdict whose searches have another length than the protocol says."""
        found = []
        for record in self._basis(claim).records:
            run, own = record.run, record.manifest.protocol.training.epochs
            said = self._lengths.get(run.arm, own)
            if said and record.completed != said:
                found.append(Length(run, record.completed, said))
        return tuple(found)

    def unfinished(self, claim: Claim) -> tuple[Record, ...]:
        """Return the records that would bear on ``claim`` if their searches had not diverged or failed."""
        methods = (self._records[claim.arm(method)] for method in _methods(claim))
        return tuple(record for records in methods for record in records if not record.complete)

    def absent(self, claim: Claim) -> str:
        """Say why there is no reading for ``claim``, and how to fix it."""
        methods = _methods(claim)
        for method in methods:
            found = [r for r in self._records[claim.arm(method)] if not r.failed]
            if found and not any(record.complete for record in found):
                return f"every search of {claim.arm(method)} diverged"
            if not found:
                command = claim.arm(method).command("run")
                old = any(left.run.method == method for left in self.left_out(claim))
                what = "no complete record of the protocol that the experiment has now" if old else "no complete record"
                return f"{what}; '{command}' makes them"
            if claim.selection and not self._of_method(claim, method):
                command = claim.arm(method).command("retrain")
                return f"what was found is not trained from scratch; '{command}' does it"
            basis = self._basis(claim)
            common = basis.common
            if not any(record.run.method == method for record in basis.records):
                return f"{' and '.join(methods)} were measured differently: {basis.left_out[0].why}"
            if common is not None and not common.any() and any(r.points[claim.metric].notna().any() for r in found):
                return f"{claim.metric} was measured at no epoch that all searches share"
            if not self._of_method(claim, method):
                return f"{claim.metric} was not measured in {claim.arm(method)}"
        if set.intersection(*(set(self._of_method(claim, method)) for method in methods)):
            return f"{' and '.join(methods)} were not timed on one device with as many seeds at once"
        return f"no seed has both {' and '.join(methods)}"

    def trained(self, claim: Claim) -> list[tuple[Record, Score | None]]:
        """Return the records whose cells a claim about trainings from scratch counts, each with its score."""
        trainings = Trainings(self._oracle, claim)
        return [(record, trainings.score(record)) for record in trainings.kept(self.complete(claim))]

    def complete(self, claim: Claim) -> list[Record]:
        """Return the complete records of a claim's method."""
        return [record for record in self._basis(claim).records if record.run.method == claim.method]

    def _of_method(self, claim: Claim, method: str) -> dict[int, Reading]:
        records = [record for record in self._records[claim.arm(method)] if not record.failed]
        measured = [record for record in self._basis(claim).records if record.run.method == method]
        if claim.selection:
            measured = Trainings(self._oracle, claim).kept(measured)
            if claim.selection.cells != "each":  # one number, of whichever seed
                readings = [self._read(claim, record) for record in measured]
                return {number: reading for number, reading in enumerate(readings) if reading is not None}
            records = records if measured else []  # a seed that diverged says nothing while the others are not trained
        found = {record.run.seed: self._read(claim, record) for record in measured}
        found |= {record.run.seed: _anything(claim) for record in records if not record.complete}
        return {seed: reading for seed, reading in sorted(found.items()) if reading is not None}

    def _basis(self, claim: Claim) -> _Basis:
        """Return the complete records of the claim's methods that were measured alike."""
        key = (claim.experiment, claim.space, *_methods(claim), claim.metric)
        if key not in self._bases:
            of_methods = (self._records[claim.arm(method)] for method in _methods(claim))
            complete = [record for records in of_methods for record in records if record.complete]
            kept, left_out = alike(complete, claim.metric)
            self._bases[key] = _Basis(tuple(kept), tuple(left_out), common_epochs(kept, claim.metric))
        return self._bases[key]

    def _groups(self, claim: Claim, method: str) -> dict[int, TimedGroup]:
        records = self._records[claim.arm(method)]
        return {record.run.seed: TimedGroup.of(record) for record in records}

    def _read(self, claim: Claim, record: Record) -> Reading | None:
        test = claim.test or _END
        if record.final_alone and (test.reference is not None or test.window != _END.window):
            return None  # nothing is known of the way there
        if claim.metric == "landscape-drop":
            drop = _landscape_drop(self._landscapes.get(record.run))
            return None if drop is None else Reading(drop, drop)
        series = self._series(claim, record)
        level = series.average(test.window, test.log)
        if test.reference is None or level is None:
            return level
        before = series.average(test.reference, test.log)
        return None if before is None else level - before

    def _series(self, claim: Claim, record: Record) -> Series:
        metric, done = claim.metric, part(self._column(record, "epoch"))
        if metric.startswith(OPERATIONS):
            amounts = np.array([_amount(arch, metric) for arch in self._column(record, "arch")])
            return Series(done, amounts, amounts)
        if metric not in _SCORED:
            column = self._column(record, metric) if metric in record.points else np.full(len(done), np.nan)
            if (common := self._basis(claim).common) is not None:
                column = np.where(common, column, np.nan)
            return Series(done, column, column)
        archs = self._column(record, "arch").tolist()
        if claim.selection:
            values = Trainings(self._oracle, claim).accuracies(record.run.space, archs)
        else:
            scores = self._oracle.scores(record.run.space, archs, claim.dataset)
            values = [getattr(s, claim.split) if s is not None and s.source == "table" else None for s in scores]
        accuracy = np.array([np.nan if v is None else v for v in values], dtype=float)
        unscored = np.isnan(accuracy)
        low, high = np.where(unscored, 0.0, accuracy), np.where(unscored, 100.0, accuracy)
        if metric == "error":
            low, high = 100 - high, 100 - low
        return Series(done, low, high, unscored)

    def _column(self, record: Record, name: str) -> np.ndarray:
        """Return a column of a record's course, taken out of the table once: many claims ask for the same."""
        if (record.run, name) not in self._columns:
            kind = object if name == "arch" else float
            self._columns[record.run, name] = record.course[name].to_numpy(dtype=kind)
        return self._columns[record.run, name]


@dataclass(frozen=True)
class _Basis:
    """The complete records that a claim rests on: measured alike, and the points at which all of them were measured."""

    records: tuple[Record, ...]
    left_out: tuple[LeftOut, ...]
    common: np.ndarray | None  # bool (points,); None where every point counts


def _anything(claim: Claim) -> Reading | None:
    """Return all that a seed that diverged could have; None of a metric without bounds.

    Its architectures are not looked up, so that they do not count among those that must be scored.
    """
    test, most = claim.test or _END, _most(claim.metric)
    if most is None or test.log:  # the logarithm of a share has no lower bound
        return None
    return Reading(-most if test.reference is not None or claim.metric == "landscape-drop" else 0.0, most)


def _most(metric: str) -> float | None:
    """Return the most that a metric which is at least zero can be; None where there is no bound."""
    if metric in _PERCENT:
        return 100.0
    return 1.0 if metric.startswith(("share:", "mix_")) else None


def _apart(seeds: Iterable[int], ours: Mapping[int, TimedGroup], others: Mapping[int, TimedGroup]) -> list[int]:
    """Return seeds of which no two share a group, of either method: the first that come."""
    kept: list[int] = []
    for seed in seeds:
        if all(ours[seed] != ours[one] and others[seed] != others[one] for one in kept):
            kept.append(seed)
    return kept


def _methods(claim: Claim) -> list[str]:
    return [claim.method, *([claim.test.baseline] if claim.test and claim.test.baseline else [])]


def _amount(arch: str, metric: str) -> float:
    """Return the number, or the share, of an operation in an architecture, as ``share:OPERATION@CELL`` asks for it."""
    kind, _, what = metric.partition(":")
    operation, _, cell = what.partition("@")
    names = operations_in(arch, cell)
    if not names:
        return math.nan
    return names.count(operation) / (len(names) if kind == "share" else 1)


def _landscape_drop(landscape: pd.DataFrame | None) -> float | None:
    """Return by how much the mean accuracy over the plane lies below that at its centre, in percent."""
    if landscape is None:
        return None
    plane = landscape[landscape["kind"] == "plane"]
    if plane.empty:
        return None
    x, y, accuracy = (np.asarray(plane[c], dtype=float) for c in ("x", "y", "valid_accuracy"))
    return float(accuracy[np.hypot(x, y).argmin()] - accuracy.mean())
