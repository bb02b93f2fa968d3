"""Runs one group of seeds: images in, supernet, the loop, checkpoints, records out."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

import spaces
from results.errors import InputError
from results.record import Run
from results.store import Store
from spaces.ops import ConvForm
from spaces.supernet import Supernet

from . import checkpoint, environment, measure, method
from .config import Experiment, Protocol, config_hash
from .feed import Feed, split
from .images import Images, load
from .learner import Learner, State
from .locks import hold
from .plan import Task
from .recording import Row, record, rows
from .search import Point, random_search, search
from .seeding import stream

#: Called after each point with the task, completed epochs, and each seed's latest row.
Progress = Callable[[Task, int, list[Row]], None]


class OutOfTime(Exception):
    """The time budget is used up; the group goes on from its checkpoint."""


@dataclass(frozen=True)
class Setting:
    """Where and how to compute; nothing in it belongs to the protocol."""

    store: Store
    device: torch.device
    data_dir: Path | None = None
    form: ConvForm = "grouped"
    dtype: torch.dtype = torch.float32
    deadline: float = float("inf")  # of time.monotonic


def choose_device(name: str) -> torch.device:
    """Return the device that ``auto``, ``cpu`` or ``cuda`` means here."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"unknown device '{name}'; choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device is available; use --device cpu or auto")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")


def images_of(protocol: Protocol, data_dir: Path | None) -> Images:
    """Load a protocol's images."""
    config = protocol.images
    return load(config.dataset, size=config.size or None, train_limit=config.limit or None, data_dir=data_dir)


def run_group(experiment: Experiment, task: Task, images: Images, setting: Setting, progress: Progress) -> None:
    """Run a group to its last epoch and write a record for each seed.

    A seed whose weights or alphas are no longer finite is recorded as diverged; the others go on without it.

    Raises
    ------
    OutOfTime
        Where the next epoch would end after the deadline.
    Busy
        Where another process runs a group of this experiment, space and method with one of these seeds.
    """
    folder = checkpoint.folder(setting.store.root, Run(experiment.name, task.space, task.method, 0))
    with ExitStack() as locks:
        for seed in task.seeds:
            locks.enter_context(hold(folder / f"seed-{seed:03d}.lock"))
        left: Task | None = task
        while left is not None:
            left = _run_locked(experiment, left, images, setting, progress)


def _run_locked(
    experiment: Experiment, task: Task, images: Images, setting: Setting, progress: Progress
) -> Task | None:
    """Run a group to its last epoch, or until seeds diverge; return what is left of it then."""
    group = _Group(experiment, task, images, setting)
    if group.method.levels == 0:
        for point in random_search(group.space, task.seeds, task.epochs):
            group.note(point)
        progress(task, task.epochs, [points[-1] for points in group.points])
        group.finish(None, [True] * len(task.seeds))
        return None
    learner, feed = group.learner(), group.feed()
    began = time.monotonic()
    slowest = 0.0
    group.check_deadline(0.0)
    for point in search(learner, feed, group.method, group.protocol, done=group.done):
        group.note(point)
        healthy = learner.finite().tolist()
        if not all(healthy) and point.epoch < task.epochs:
            return group.without_diverged(learner, point.epoch, healthy)
        if point.epoch:
            group.save(learner, point.epoch)
        progress(task, point.epoch, [points[-1] for points in group.points])
        slowest = max(slowest, time.monotonic() - began)
        began = time.monotonic()
        if point.epoch < task.epochs:
            group.check_deadline(slowest)
    group.finish(_landscape(learner, feed, group.protocol), learner.finite().tolist())
    return None


def _landscape(learner: Learner, feed: Feed, protocol: Protocol) -> list[pd.DataFrame] | None:
    if not protocol.measure.landscape:
        return None
    return measure.landscape(learner, feed, protocol.measure.landscape, protocol.measure.landscape_images)


class _Group:
    """A group of seeds on its way: its points so far and where they are kept."""

    def __init__(self, experiment: Experiment, task: Task, images: Images, setting: Setting) -> None:
        self.experiment, self.task, self.images = experiment, task, images
        self.space, self.method = spaces.find(task.space), method.find(task.method)
        self.protocol = experiment.protocol(task.space, task.method)
        self.hash = config_hash(task.space, task.method, self.protocol)
        self.runs = [Run(experiment.name, task.space, task.method, seed) for seed in task.seeds]
        self.resumed = [checkpoint.load(setting.store.root, run, task.done) for run in self.runs] if task.done else []
        if kept := next((c.meta for c in self.resumed if c), None):  # a group goes on as it began
            setting = replace(setting, form=kept["form"], dtype=getattr(torch, kept["dtype"]))
        self.setting = setting
        self.done = task.done
        self.points: list[list[Row]] = [list(c.points) for c in self.resumed if c] or [[] for _ in self.runs]
        self.meta = {
            "config_hash": self.hash,
            "group": list(task.seeds),
            "form": setting.form,
            "dtype": str(setting.dtype).removeprefix("torch."),
        }

    def learner(self) -> Learner:
        """Return the supernet in its initial state, or in that of the checkpoint."""
        net = Supernet(
            self.space,
            self.protocol.supernet,
            image_channels=self.images.train.shape[1],
            classes=self.images.classes,
            form=self.setting.form,
        )
        if self.resumed:
            state = checkpoint.join([c.tensors for c in self.resumed if c], self.setting.device)
        else:
            state = initial_state(net, self.task.seeds, self.setting.dtype, self.setting.device)
        return Learner(net, state, self.protocol.training)

    def feed(self) -> Feed:
        """Return the group's batches."""
        return Feed(
            self.images,
            split(len(self.images.train), self.method.levels, self.protocol.images),
            self.protocol,
            self.method,
            self.space,
            self.task.seeds,
            dtype=self.setting.dtype,
            device=self.setting.device,
        )

    def note(self, point: Point) -> None:
        """Keep a point's rows."""
        for mine, row in zip(self.points, rows(self.space, point), strict=True):
            mine.append(row)

    def save(self, learner: Learner, epoch: int) -> None:
        """Write the group's checkpoints, then remove those of the epoch before."""
        root = self.setting.store.root
        for index, run in enumerate(self.runs):
            tensors = checkpoint.share(learner.state, index)
            checkpoint.save(root, checkpoint.Checkpoint(run, epoch, self.meta, self.points[index], tensors))
        for run in self.runs:
            checkpoint.remove(root, run, keep=epoch)

    def check_deadline(self, needed: float) -> None:
        """Raise ``OutOfTime`` where the next epoch would not end in time."""
        if time.monotonic() + needed > self.setting.deadline:
            raise OutOfTime(str(self.task))

    def without_diverged(self, learner: Learner, epoch: int, healthy: list[bool]) -> Task | None:
        """Record the diverged seeds, save the others as a group of their own, and return the task that goes on."""
        survivors = tuple(seed for seed, ok in zip(self.task.seeds, healthy, strict=True) if ok)
        self.meta = self.meta | {"group": list(survivors)}
        root = self.setting.store.root
        for index, (run, ok) in enumerate(zip(self.runs, healthy, strict=True)):
            if ok:
                tensors = checkpoint.share(learner.state, index)
                checkpoint.save(root, checkpoint.Checkpoint(run, epoch, self.meta, self.points[index], tensors))
            else:
                self._record(index, healthy=False)
                checkpoint.remove(root, run)
        for run, ok in zip(self.runs, healthy, strict=True):
            if ok:
                checkpoint.remove(root, run, keep=epoch)
        return replace(self.task, seeds=survivors, done=epoch) if survivors else None

    def finish(self, landscapes: list[pd.DataFrame] | None, healthy: list[bool]) -> None:
        """Write the records, then remove the checkpoints; ``healthy`` says whether each seed's numbers are finite."""
        store = self.setting.store
        for index, run in enumerate(self.runs):
            if landscapes is not None:
                store.write_side(run, "landscape", landscapes[index])
            self._record(index, healthy=healthy[index])
        for run in self.runs:
            checkpoint.remove(store.root, run)

    def _record(self, index: int, *, healthy: bool) -> None:
        """Write the record of one seed as it stands."""
        points = self.points[index]
        self.setting.store.write(
            record(
                self.runs[index],
                self.experiment,
                self.protocol,
                points,
                images_checksum=self.images.checksum,
                status="complete" if healthy else "diverged",
                error="" if healthy else "weights or alphas are no longer finite",
                group={
                    "seeds": list(self.task.seeds),
                    "form": self.setting.form,
                    "dtype": self.meta["dtype"],
                },
                device=environment.device_info(self.setting.device),
            )
        )


def initial_state(net: Supernet, seeds: tuple[int, ...], dtype: torch.dtype, device: torch.device | str) -> State:
    """Return the initial state of each seed; alphas are 1e-3 N(0, 1)."""
    mask = torch.from_numpy(net.space.mask)
    weights = torch.stack([net.layout.initial(stream(seed, "weights/init")) for seed in seeds])
    alpha = torch.stack(
        [1e-3 * torch.randn(mask.shape, generator=stream(seed, "alpha/init"), dtype=torch.float64) for seed in seeds]
    )
    weights = weights.to(device, dtype)
    alpha = torch.where(mask, alpha, 0).to(device, dtype)
    return State(
        weights=weights,
        momentum=torch.zeros_like(weights),
        statistics=net.statistics(len(seeds), dtype=dtype, device=device),
        alpha=alpha,
        first=torch.zeros_like(alpha),
        second=torch.zeros_like(alpha),
        steps=torch.zeros((), dtype=dtype, device=device),
    )


def write_failure(experiment: Experiment, task: Task, images: Images, setting: Setting, error: str) -> None:
    """Record that a group failed, with its error; a failed run counts as missing and is run again."""
    protocol = experiment.protocol(task.space, task.method)
    for seed in task.seeds:
        run = Run(experiment.name, task.space, task.method, seed)
        setting.store.write(
            record(
                run,
                experiment,
                protocol,
                [],
                images_checksum=images.checksum,
                status="failed",
                error=error,
                group={"seeds": list(task.seeds), "form": setting.form},
                device=environment.device_info(setting.device),
            )
        )
