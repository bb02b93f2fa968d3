"""What an experiment still has to run: groups of seeds that share a supernet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.arms import Arm
from bench.protocol import Measure
from bench.search import START, Position
from results.records.run import Run
from results.records.store import Store

from . import checkpoint

MOST_SEEDS = 8  # seeds in one supernet at most


@dataclass(frozen=True)
class Group:
    """Seeds of an arm that share a supernet, to be run from a position, of which they have checkpoints."""

    arm: Arm
    seeds: tuple[int, ...]
    at: Position = START

    @property
    def begun(self) -> bool:
        """Whether a checkpoint is there to continue from."""
        return self.at != START

    @property
    def epochs(self) -> int:
        """How many epochs its searches have."""
        return self.arm.protocol.training.epochs

    @property
    def last(self) -> int:
        """The number of its searches' last point: epochs, and rounds of a selection."""
        return self.epochs + self.arm.rounds

    @property
    def selecting(self) -> bool:
        """Whether a round of a selection has begun."""
        return self.at > (self.epochs, 0)

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs of its seeds."""
        return tuple(map(self.arm.run, self.seeds))

    def __str__(self) -> str:
        return f"{self.arm}/{','.join(map(str, self.seeds))}"


def is_done(store: Store, run: Run, planned_hash: str) -> bool:
    """Whether the store holds a record of this run that the plan accepts.

    A diverged search is a result and is not run again; a failed one is none, and neither is a file that is damaged.
    """
    manifest = store.manifest(run)
    return (
        manifest is not None
        and manifest.config_hash == planned_hash
        and manifest.status in ("complete", "diverged")
        and store.is_readable(run)
    )


def missing(arms: Iterable[Arm], store: Store) -> Iterator[Run]:
    """Yield the runs that have no result yet."""
    return (run for arm in arms for run in arm.runs if not is_done(store, run, arm.hash))


def plan(arms: Iterable[Arm], store: Store) -> Iterator[Group]:
    """Yield the missing groups of each arm; a group that was cut off continues together."""
    for arm in arms:
        for at, seeds in _groups(arm, store, [run.seed for run in missing([arm], store)]):
            yield Group(arm, seeds, at)


def _groups(arm: Arm, store: Store, seeds: Sequence[int]) -> Iterator[tuple[Position, tuple[int, ...]]]:
    """Yield (position, seeds): groups with a checkpoint first, the furthest at the head, the rest in fresh groups.

    A group that was cut off while its records were written has some already, but still continues as a whole. If some
    seeds of a group are not wanted now, or continued without the rest, those that are left continue together.
    """

    def done(run: Run) -> bool:
        return is_done(store, run, arm.hash)

    left = list(seeds)
    if not arm.method.independent:
        for run in sorted(map(arm.run, seeds), key=lambda run: checkpoint.positions(store.root, run)[:1], reverse=True):
            if run.seed in left and (found := checkpoint.latest(store.root, run, arm.hash, done)):
                position, group = found
                whole = all(s in left or done(arm.run(s)) for s in group)
                group = group if whole else tuple(s for s in group if s in left)
                yield position, group
                left = [s for s in left if s not in group]
    for start in range(0, len(left), MOST_SEEDS):
        yield START, tuple(left[start : start + MOST_SEEDS])


@dataclass(frozen=True)
class MeasuredOtherwise:
    """A complete record that was not measured as the experiment asks now.

    ``there`` and ``planned`` hold the settings of ``measure`` that differ.
    """

    run: Run
    there: Mapping[str, Any]
    planned: Mapping[str, Any]

    def __str__(self) -> str:
        there, planned = (", ".join(f"{k} = {v}" for k, v in side.items()) for side in (self.there, self.planned))
        return f"{self.run} was measured with {there}; the experiment asks for {planned}"


def measured_otherwise(arms: Iterable[Arm], store: Store) -> Iterator[MeasuredOtherwise]:
    """Yield the complete records whose measurements differ from the plan: the config hash does not cover them."""
    for arm in arms:
        if not arm.method.levels:  # nothing is measured beside plain draws
            continue
        planned = asdict(arm.protocol.measure)
        for run in arm.runs:
            if not is_done(store, run, arm.hash):
                continue
            manifest = store.manifest(run)
            there = asdict(Measure()) | (manifest.protocol.measure if manifest else {})
            if differing := [name for name in planned if there[name] != planned[name]]:
                yield MeasuredOtherwise(run, {n: there[n] for n in differing}, {n: planned[n] for n in differing})
