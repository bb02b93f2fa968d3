"""Runs one group of seeds: images in, supernet, the loop, checkpoints, records out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain

import pandas as pd
import torch

from bench.feed import Feed
from bench.images.datasets import Images
from bench.machine import compiling, precision
from bench.machine.pace import Pace
from bench.machine.setting import Setting
from bench.measure import measurements
from bench.search import Sums, proposals, search
from bench.selecting import select
from bench.steps.learner import Learner
from results.files.locks import hold
from results.records.run import Run

from . import checkpoint
from .group import GroupState, Spoiled
from .plan import Group, plan
from .recording import Row

#: Called after each point with the group, completed epochs and rounds, and the latest row of each run that reached it:
#: seeds that diverged are no longer among them, nor is the other half of a group that was divided.
Progress = Callable[[Group, int, dict[Run, Row]], None]


def run_group(group: Group, images: Images, setting: Setting, progress: Progress) -> None:
    """Run what is missing of a group to its last epoch and write a record for each seed.

    The group continues from its newest checkpoint, whatever ``group`` says, because another process may have run it
    meanwhile. A seed whose weights or alphas are no longer finite is recorded as diverged, and the others continue
    without it. A group that is too large for the device's memory is halved.

    Raises
    ------
    OutOfTime
        Where the next step would end after the deadline.
    Busy
        Where another process runs a group of this arm with one of these seeds, or of theirs.
    """
    with ExitStack() as locks:
        held: set[int] = set()
        wanted, left = set(group.seeds), list[Group]()
        while wanted - held:  # seeds that are recorded go along where their group was cut off before it ended
            for seed in sorted(wanted - held):
                locks.enter_context(hold(checkpoint.lock(setting.store.root, group.arm.run(seed))))
            held |= wanted
            left = list(plan([group.arm.narrowed(group.seeds)], setting.store))
            wanted = {seed for each in left for seed in each.seeds}
        while left:
            now = left.pop(0)
            try:
                left[:0] = _run_locked(now, images, setting, lambda _, *news: progress(group, *news))
            except Spoiled:
                setting = replace(setting, apart=True)
                left[:0] = plan([now.arm.narrowed(now.seeds)], setting.store)


def _run_locked(group: Group, images: Images, setting: Setting, progress: Progress) -> list[Group]:
    """Run a group to its last epoch, or until seeds diverge or memory runs out; return what is left of it then."""
    state = GroupState(group, images, setting)
    try:
        return _search(state, progress) if state.method.step else _propose(state, progress)
    except torch.OutOfMemoryError:
        if len(group.seeds) == 1:
            raise
    torch.cuda.empty_cache()  # out of the handler, whose error keeps alive what was on the device
    return state.halves()


def _search(state: GroupState, progress: Progress) -> list[Group]:
    group, setting = state.group, state.setting
    with Pace(setting.deadline, setting.checkpoint_seconds, setting.epoch_seconds) as pace:
        pace.stop()
        precision.prepare(setting.precision, setting.device)
        if setting.compiled:
            begun = "the search began so: install what is missing, or move its checkpoints away"
            compiling.prepare(setting.device, fix=begun if group.begun else "leave out --compile")
        learner, feed = state.learner(), state.feed()

        def between(sums: Sums) -> None:
            pace.step()
            if pace.due:
                state.check_spoiled(learner)
                state.save(learner, sums)
                pace.keep()
                pace.stop()

        sums = state.sums(learner)
        stages = (
            stage(
                learner,
                feed,
                at=group.at,
                sums=sums if begun else None,
                between=between,
                capture=setting.capture,
                compiled=setting.compiled,
            )
            for stage, begun in ((search, not group.selecting), (select, group.selecting))
        )
        for point in chain.from_iterable(stages):
            state.note(point)
            state.check_spoiled(learner)
            healthy = learner.finite().tolist()
            if not all(healthy) and point.epoch < group.last:
                return state.without_diverged(learner, healthy)
            kept = point.epoch > 0 and (pace.due_at_end or point.epoch == group.last)
            if kept:
                state.save(learner)
                pace.keep()
            progress(group, point.epoch, state.latest)
            if point.epoch < group.last and (kept or not point.epoch):
                pace.stop()  # else after the next step, which is kept first
            pace.begin()
    landscapes = None if state.method.select else _landscape(learner, feed)
    state.finish(landscapes, learner.finite().tolist())
    return []


def _propose(state: GroupState, progress: Progress) -> list[Group]:
    group, setting = state.group, state.setting
    with Pace(setting.deadline, setting.checkpoint_seconds) as pace:
        pace.stop()
        for point in proposals(state.method, state.untrained(), group.last, state.archs):
            state.note(point)
            pace.step()
            if pace.due and point.epoch < group.last:
                state.save(None)
                pace.keep()
                pace.stop()
            progress(group, point.epoch, state.latest)
    state.finish(None, [True] * len(group.seeds))
    return []


def _landscape(learner: Learner, feed: Feed) -> list[pd.DataFrame] | None:
    measure = feed.protocol.measure
    if not measure.landscape:
        return None
    return measurements.landscape(learner.unrounded(), feed, measure.landscape, measure.landscape_images)
