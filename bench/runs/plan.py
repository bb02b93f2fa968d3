"""What an experiment still has to run: groups of seeds that share a supernet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.experiments.reading import Experiment
from bench.protocol import Measure
from results.errors import InputError
from results.records.run import Run
from results.records.store import Store
from spaces import find as find_space

from . import checkpoint

GROUP = 8  # seeds in one supernet at most


@dataclass(frozen=True)
class Task:
    """One group of seeds to run, from the checkpoint after ``done`` epochs and ``step`` steps where either is not 0."""

    space: str
    method: str
    seeds: tuple[int, ...]
    done: int
    epochs: int
    step: int = 0

    @property
    def begun(self) -> bool:
        """Whether a checkpoint is there to go on from."""
        return (self.done, self.step) != (0, 0)

    def __str__(self) -> str:
        return f"{self.space}/{self.method}/{','.join(map(str, self.seeds))}"


@dataclass(frozen=True)
class Filter:
    """What narrows an experiment; empty keeps everything."""

    spaces: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    def pairs(self, experiment: Experiment) -> list[tuple[str, str]]:
        """Return the (space, method) pairs, by priority, without those that make no sense."""
        rank = {pair: index for index, pair in enumerate(experiment.priority)}
        pairs = [pair for pair in self._all(experiment) if not _fault(experiment, *pair)]
        return sorted(pairs, key=lambda pair: rank.get(pair, len(rank)))  # stable: the experiment's order otherwise

    def senseless(self, experiment: Experiment) -> list[Senseless]:
        """Return the pairs that make no sense, each with the reason."""
        found = ((pair, _fault(experiment, *pair)) for pair in self._all(experiment))
        return [Senseless(*pair, reason) for pair, reason in found if reason]

    def refuse_senseless(self, experiment: Experiment) -> list[Senseless]:
        """Return the pairs that are left out as they make no sense; raise ``InputError`` where one was asked for."""
        found = self.senseless(experiment)
        if found and self.methods and (self.spaces or not self.pairs(experiment)):
            first = found[0]
            raise InputError(f"'{first.method}' does not run on '{first.space}': {first.reason}; choose another space")
        return found

    def _all(self, experiment: Experiment) -> list[tuple[str, str]]:
        return [(s, m) for s in self.spaces or experiment.spaces for m in self.methods or experiment.methods]


@dataclass(frozen=True)
class Senseless:
    """A space on which a method makes no sense, and the reason, in the method's words."""

    space: str
    method: str
    reason: str

    def __str__(self) -> str:
        return f"{self.space}/{self.method}: {self.reason}"


def _fault(experiment: Experiment, space: str, method_id: str) -> str:
    return experiment.searcher(method_id).spaces(find_space(space))


def runs(experiment: Experiment, chosen: Filter) -> Iterator[Run]:
    """Yield every run of an experiment, done or not, by priority."""
    for space, method_id in chosen.pairs(experiment):
        for seed in chosen.seeds or experiment.seeds:
            yield Run(experiment.name, space, method_id, seed)


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


def plan(experiment: Experiment, store: Store, chosen: Filter) -> Iterator[Task]:
    """Yield the missing groups, by priority; a group that was cut off goes on together."""
    for space, method_id in chosen.pairs(experiment):
        planned = experiment.hash(space, method_id)
        missing = [
            seed
            for seed in chosen.seeds or experiment.seeds
            if not is_done(store, Run(experiment.name, space, method_id, seed), planned)
        ]
        epochs = experiment.protocol(space, method_id).training.epochs
        trains = experiment.searcher(method_id).levels > 0
        like = Run(experiment.name, space, method_id, 0)
        for (done, step), seeds in _groups(store, like, missing, planned, trains=trains):
            yield Task(space, method_id, seeds, done, epochs, step)


def _groups(
    store: Store, like: Run, missing: Sequence[int], planned: str, *, trains: bool
) -> Iterator[tuple[checkpoint.Position, tuple[int, ...]]]:
    """Yield (position, seeds): groups with a checkpoint first, the furthest at the head, the rest in fresh groups.

    A group that was cut off while its records were written has some already; it goes on whole all the same. Where other
    seeds of a group are not wanted now, or went on without it, those that are left go on together.
    """

    def done(run: Run) -> bool:
        return is_done(store, run, planned)

    left = list(missing)
    if trains:
        runs = [replace(like, seed=seed) for seed in missing]
        for run in sorted(runs, key=lambda run: checkpoint.positions(store.root, run)[:1], reverse=True):
            if run.seed in left and (found := checkpoint.latest(store.root, run, planned, done)):
                position, group = found
                whole = all(s in left or done(replace(like, seed=s)) for s in group)
                group = group if whole else tuple(s for s in group if s in left)
                yield position, group
                left = [s for s in left if s not in group]
    for start in range(0, len(left), GROUP):
        yield (0, 0), tuple(left[start : start + GROUP])


@dataclass(frozen=True)
class MeasuredOtherwise:
    """A complete record that was measured in another way than the experiment asks for now.

    ``there`` and ``planned`` hold the settings of ``measure`` that differ.
    """

    run: Run
    there: Mapping[str, Any]
    planned: Mapping[str, Any]

    def __str__(self) -> str:
        there, planned = (", ".join(f"{k} = {v}" for k, v in side.items()) for side in (self.there, self.planned))
        return f"{self.run} was measured with {there}; the experiment asks for {planned}"


def measured_otherwise(experiment: Experiment, store: Store, chosen: Filter) -> Iterator[MeasuredOtherwise]:
    """Yield the complete records whose measurements differ from the plan: the config hash does not cover them."""
    for run in runs(experiment, chosen):
        if not experiment.searcher(run.method).levels:  # nothing is measured beside plain draws
            continue
        protocol = experiment.protocol(run.space, run.method)
        if not is_done(store, run, experiment.hash(run.space, run.method)):
            continue
        planned = asdict(protocol.measure)
        manifest = store.manifest(run)
        there = asdict(Measure()) | (manifest.protocol.measure if manifest else {})
        if differing := [name for name in planned if there[name] != planned[name]]:
            yield MeasuredOtherwise(run, {n: there[n] for n in differing}, {n: planned[n] for n in differing})
