"""Runs one group of seeds: images in, supernet, the loop, checkpoints, records out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pandas as pd
import torch

from bench.experiments.reading import Experiment
from bench.feed import Feed
from bench.images.datasets import Images, load
from bench.machine import compiling, precision
from bench.machine.pace import Pace
from bench.machine.setting import Setting
from bench.measure import measurements
from bench.protocol import ImagesConfig, Protocol
from bench.search import Sums, random_search, search
from bench.steps.learner import Learner
from results.files.locks import hold
from results.records.run import Run

from . import checkpoint
from .group import Group, Spoiled
from .plan import Filter, Task, plan
from .recording import Row

#: Called after each point with the task, completed epochs, and each seed's latest row.
Progress = Callable[[Task, int, list[Row]], None]


def images_of(protocol: Protocol, data_dir: Path | None) -> Images:
    """Load a protocol's images; those loaded last are kept."""
    return _loaded(protocol.images, data_dir)


@lru_cache(maxsize=1)
def _loaded(config: ImagesConfig, data_dir: Path | None) -> Images:
    return load(config.dataset, size=config.size or None, train_limit=config.limit or None, data_dir=data_dir)


def run_group(experiment: Experiment, task: Task, images: Images, setting: Setting, progress: Progress) -> None:
    """Run what is missing of a group to its last epoch and write a record for each seed.

    It goes on from the newest checkpoint, whatever ``task`` says: another process may have run it meanwhile. A seed
    whose weights or alphas are no longer finite is recorded as diverged; the others go on without it. A group that is
    too large for the device's memory is halved.

    Raises
    ------
    OutOfTime
        Where the next step would end after the deadline.
    Busy
        Where another process runs a group of this experiment, space and method with one of these seeds, or of theirs.
    """
    folder = checkpoint.folder(setting.store.root, Run(experiment.name, task.space, task.method, 0))
    with ExitStack() as locks:
        held: set[int] = set()
        wanted, left = set(task.seeds), list[Task]()
        while wanted - held:  # seeds that are recorded go along where their group was cut off before it ended
            for seed in sorted(wanted - held):
                locks.enter_context(hold(folder / f"seed-{seed:03d}.lock"))
            held |= wanted
            left = list(plan(experiment, setting.store, Filter((task.space,), (task.method,), task.seeds)))
            wanted = {seed for group in left for seed in group.seeds}
        while left:
            now = left.pop(0)
            try:
                left[:0] = _run_locked(experiment, now, images, setting, lambda _, *news: progress(task, *news))
            except Spoiled:
                setting = replace(setting, apart=True)
                left[:0] = plan(experiment, setting.store, Filter((now.space,), (now.method,), now.seeds))


def _run_locked(experiment: Experiment, task: Task, images: Images, setting: Setting, progress: Progress) -> list[Task]:
    """Run a group to its last epoch, or until seeds diverge or memory runs out; return what is left of it then."""
    group = Group(experiment, task, images, setting)
    if group.method.levels == 0:
        for point in random_search(group.space, task.seeds, task.epochs):
            group.note(point)
        progress(task, task.epochs, [points[-1] for points in group.points])
        group.finish(None, [True] * len(task.seeds))
        return []
    try:
        return _search(group, progress)
    except torch.OutOfMemoryError:
        if len(task.seeds) == 1:
            raise
    torch.cuda.empty_cache()  # out of the handler, whose error keeps alive what was on the device
    return group.halves()


def _search(group: Group, progress: Progress) -> list[Task]:
    task = group.task
    setting = group.setting
    with Pace(setting.deadline, setting.checkpoint_seconds, setting.epoch_seconds) as pace:
        pace.stop()
        precision.prepare(setting.precision, setting.device)
        if setting.compiled:
            begun = "the search began so: install what is missing, or move its checkpoints away"
            compiling.prepare(setting.device, fix=begun if task.begun else "leave out --compile")
        learner, feed = group.learner(), group.feed()

        def between(sums: Sums) -> None:
            pace.step()
            if pace.due:
                group.check_spoiled(learner)
                group.save(learner, sums)
                pace.keep()
                pace.stop()

        sums = group.sums(learner)
        for point in search(
            learner,
            feed,
            group.method,
            group.protocol,
            done=task.done,
            sums=sums,
            between=between,
            capture=setting.capture,
            compiled=setting.compiled,
        ):
            group.note(point)
            group.check_spoiled(learner)
            healthy = learner.finite().tolist()
            if not all(healthy) and point.epoch < task.epochs:
                return group.without_diverged(learner, healthy)
            kept = point.epoch > 0 and (pace.due_at_end or point.epoch == task.epochs)
            if kept:
                group.save(learner)
                pace.keep()
            progress(task, point.epoch, [points[-1] for points in group.points])
            if point.epoch < task.epochs and (kept or not point.epoch):
                pace.stop()  # else after the next step, which is kept first
            pace.begin()
    group.finish(_landscape(learner, feed, group.protocol), learner.finite().tolist())
    return []


def _landscape(learner: Learner, feed: Feed, protocol: Protocol) -> list[pd.DataFrame] | None:
    if not protocol.measure.landscape:
        return None
    return measurements.landscape(
        learner.unrounded(), feed, protocol.measure.landscape, protocol.measure.landscape_images
    )
