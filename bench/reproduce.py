"""The whole way: plan, run, score. Checking and reporting need the store alone and come after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

from bench.arms import Chosen
from bench.engines import engine as engines
from bench.engines.engine import Ended, Engine
from bench.experiments.experiment import Experiment
from bench.experiments.reading import SEED_DIGITS
from bench.from_scratch import Scored
from bench.machine import precision as precisions
from bench.machine.setting import Setting
from bench.retraining.retrain import Progress
from bench.runs import execution, plan, price, standing
from bench.runs.tidy import tidy
from results.data.directory import data_dir
from results.errors import InputError, suggest
from results.files import kept, whole
from results.records.record import Record
from results.records.run import Run
from results.records.store import Store
from results.scores.score import read_scores
from spaces.supernet.conv import CONV_FORMS

from . import from_scratch, scoring

RUNS = Path("results/runs")
GPU_EPOCHS = 60.0  # seconds from one checkpoint to the next at the end of an epoch, which takes minutes on a CPU


@dataclass(frozen=True)
class Work:
    """Some arms of an experiment, and where and how they run."""

    experiment: Experiment
    chosen: Chosen
    setting: Setting
    by: Engine
    workers: int = 0

    def missing(self) -> Iterator[Run]:
        """Yield the runs that have no result yet."""
        return plan.missing(self.chosen.arms, self.setting.store)

    def diverged(self) -> list[Run]:
        """Return the runs whose record says that they diverged under the protocol that they have."""
        found = ((run, arm, self.setting.store.manifest(run)) for arm in self.chosen.arms for run in arm.runs)
        return [run for run, arm, m in found if m and (m.status, m.config_hash) == ("diverged", arm.hash)]

    def run(self, progress: execution.Progress, *, say: Callable[[str], None] = print) -> Iterator[Ended]:
        """Run what is missing, by priority, in groups that fit the memory, and yield how each ended.

        Raises
        ------
        InputError
            Something would be replaced that is kept; see ``bench.runs.standing``.
        """
        setting, arms = self.setting, self.chosen.arms
        standing.clear(arms, setting.store, replace=setting.replace, say=say)
        groups = list(plan.plan(arms, setting.store))
        for arm in {group.arm.protocol.images: group.arm for group in groups}.values():
            arm.images(setting.data_dir)  # what is missing is bad input, found before a process starts
        if groups:
            groups, line = price.fitted(groups, self.by.room(setting.device, self.workers))
            if line:
                say(line)
        yield from self.by.run(groups, setting, progress, workers=self.workers)

    def score(self, progress: Progress) -> Scored:
        """Remove what processes that were killed have left, and score what the experiment found."""
        tidy(self.chosen.arms, self.setting.store)
        return score(self.experiment, self.setting, progress)


def prepare(
    experiment: Experiment,
    chosen: Chosen,
    runs: Path = RUNS,
    *,
    device: str = "auto",
    engine: str = "inline",
    workers: int = 0,
    form: str = "auto",
    precision: str = "auto",
    capture: bool = True,
    compiled: bool = False,
    seconds: float = float("inf"),
    replace: bool = False,
) -> Work:
    """Return what is to run, after checking everything that could forbid it.

    Parameters
    ----------
    chosen : the arms of the experiment that are to run.
    runs : the folder of records.
    device : "auto", "cpu" or "cuda".
    engine : "inline", or "ray" for a cluster.
    workers : groups side by side; 0 is one per core, or one per GPU.
    form, precision, capture, compiled : see ``bench.machine.setting.Setting``.
    seconds : after which the work stops; the same call continues.
    replace : whether results of other protocols, imports and damaged files may be replaced.

    Raises
    ------
    InputError, OSError
        A method makes no sense on a space that was asked for, the store cannot be written, or
        tables of scores in it are damaged or of other trainings.
    """
    deadline, by = time.monotonic() + seconds, engines.find(engine)
    if form not in ("auto", *CONV_FORMS):
        raise InputError(f"unknown convolution form '{form}'{suggest(form, ['auto', *CONV_FORMS])}")
    chosen.refuse_senseless()
    where = by.device(device)
    setting = Setting(
        Store(runs),
        where,
        data_dir(),
        form=form,
        precision=precisions.choose(precision, where),
        capture=capture,
        compiled=compiled,
        deadline=deadline,
        epoch_seconds=GPU_EPOCHS if where.type == "cuda" else 0.0,
        replace=replace,
    )
    whole.check_place(setting.store.root)
    read_scores(setting.store.scores_path)
    others = standing.trainings(experiment, setting.store)
    kept.refuse(others, replace=replace, otherwise=standing.OTHERWISE)
    return Work(experiment, chosen, setting, by, workers)


def groups(
    experiment: Experiment,
    spaces: Iterable[str] | None = None,
    methods: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    runs: Path | str = RUNS,
) -> list[plan.Group]:
    """Return the groups of seeds that an experiment still has to run, by priority.

    The parameters are those of ``run``.
    """
    return list(plan.plan(_chosen(experiment, spaces, methods, seeds).arms, Store(Path(runs))))


def run(
    experiment: Experiment,
    spaces: Iterable[str] | None = None,
    methods: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    runs: Path | str = RUNS,
    **how: Any,
) -> Iterator[Record]:
    """Run what is missing of an experiment and yield its records: those that are there, then each as its run ends.

    A search that was cut off continues from its last checkpoint. After the last record, what the experiment found is
    scored, by tables or by retraining. A run that failed has a record that says so. A run whose process was killed has
    none; a later call continues it.

    Parameters
    ----------
    spaces, methods, seeds : only these, at least one of each; None takes all of the experiment's.
    runs : the folder of records; the rest is as in ``prepare``.

    Raises
    ------
    InputError
        One of them is empty, or names what cannot be run; or what ``prepare`` and ``Work.run`` refuse.
    """
    chosen = _chosen(experiment, spaces, methods, seeds)
    work = prepare(experiment, chosen, Path(runs), **how)
    store, left = work.setting.store, set(work.missing())
    yield from (store.read(run) for arm in work.chosen.arms for run in arm.runs if run not in left)
    if left:
        for ended in work.run(lambda *_: None):
            new = [run for run in ended.group.runs if run in left and _has_ended(run, ended, store)]
            left.difference_update(new)
            yield from map(store.read, new)
    work.score(lambda *_: None)


def _has_ended(run: Run, ended: Ended, store: Store) -> bool:
    """Whether a run has a result by now, or failed with its group; what is left of an earlier call is neither."""
    manifest = store.manifest(run)
    failed = ended.status == "failed" and manifest is not None and manifest.status == "failed"
    return failed or plan.is_done(store, run, ended.group.arm.hash)


def _chosen(
    experiment: Experiment, spaces: Iterable[str] | None, methods: Iterable[str] | None, seeds: Iterable[int] | None
) -> Chosen:
    """Return the arms that a caller names; see ``run``."""
    named = {"spaces": spaces, "methods": methods, "seeds": seeds}
    found = {what: tuple(given) for what, given in named.items() if given is not None}
    if empty := next((what for what, given in found.items() if not given), None):
        raise InputError(f"{empty} is empty, so that nothing would run; leave it out to take all of the experiment's")
    return experiment.choose(found.get("spaces", ()), found.get("methods", ()), _seeds(found.get("seeds", ())))


def _seeds(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Return seeds of any kind of integer, each once."""
    try:
        found = tuple(dict.fromkeys(map(index, given)))
    except TypeError:
        raise InputError(f"{given!r} are not seeds; give integers, as in range(4)") from None
    if odd := next((seed for seed in found if not 0 <= seed < 10**SEED_DIGITS), None):
        raise InputError(f"{odd} is not a seed; give integers from 0 to {10**SEED_DIGITS - 1:,}")
    return found


def score(experiment: Experiment, setting: Setting, progress: Progress) -> Scored:
    """Score what the experiment found: by table, or by training it from scratch where that waits for no command."""
    store, root = setting.store, setting.store.root
    assert setting.data_dir is not None
    if experiment.retrain.recipe:
        how = from_scratch.waiting if experiment.retrain.on_demand else from_scratch.train
        return how(experiment, setting, progress)
    records = store.records(experiment.name, complete_only=True)
    if not records:
        return Scored("nothing to score yet")
    asked, found, differ = scoring.keep_scores(root, records, setting.data_dir, replace=setting.replace)
    text = f"{found} of {asked} architectures and data sets scored by tables"
    if differ:
        text += f"; {differ} scores in {store.scores_path} differ from the tables and stay, --replace replaces them"
    return Scored(text)
