"""Runs one group of seeds: images in, supernet, the loop, checkpoints, records out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd
import torch

import spaces
from results.errors import InputError
from results.record import Run
from results.store import Store
from spaces.conv import ConvForm, Forms, mixes_seeds
from spaces.supernet import Supernet

from . import checkpoint, conv_table, environment, measure, method, precision
from .config import Experiment, Protocol, config_hash
from .feed import Feed, split
from .images import Images, load
from .learner import Learner, State
from .locks import hold
from .pace import Pace
from .plan import Filter, Task, plan
from .precision import Precision
from .recording import Row, record, rows
from .search import Point, Sums, random_search, search
from .seeding import stream

#: Called after each point with the task, completed epochs, and each seed's latest row.
Progress = Callable[[Task, int, list[Row]], None]


@dataclass(frozen=True)
class Setting:
    """Where and how to compute; nothing in it belongs to the protocol."""

    store: Store
    device: torch.device
    data_dir: Path | None = None
    form: ConvForm | Literal["auto"] = "auto"
    precision: Precision = "float32"
    capture: bool = True  # on a GPU
    apart: bool = False  # only forms of the convolution in which a lost seed spoils no other
    deadline: float = float("inf")  # of time.monotonic
    checkpoint_seconds: float = 600.0  # from one checkpoint to the next inside an epoch


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
    """Run what is missing of a group to its last epoch and write a record for each seed.

    It goes on from the newest checkpoint, whatever ``task`` says: another process may have run it meanwhile. A seed
    whose weights or alphas are no longer finite is recorded as diverged; the others go on without it. A group that is
    too large for the device's memory is halved.

    Raises
    ------
    OutOfTime
        Where the next step would end after the deadline.
    Busy
        Where another process runs a group of this experiment, space and method with one of these seeds.
    """
    folder = checkpoint.folder(setting.store.root, Run(experiment.name, task.space, task.method, 0))
    with ExitStack() as locks:
        for seed in task.seeds:
            locks.enter_context(hold(folder / f"seed-{seed:03d}.lock"))
        left = list(plan(experiment, setting.store, Filter((task.space,), (task.method,), task.seeds)))
        while left:
            now = left.pop(0)
            try:
                left[:0] = _run_locked(experiment, now, images, setting, lambda _, *news: progress(task, *news))
            except _Spoiled:
                setting = replace(setting, apart=True)
                left[:0] = plan(experiment, setting.store, Filter((now.space,), (now.method,), now.seeds))


class _Spoiled(Exception):
    """A seed was lost, and others with it: the group goes on from its newest checkpoint, seeds apart."""


def _run_locked(experiment: Experiment, task: Task, images: Images, setting: Setting, progress: Progress) -> list[Task]:
    """Run a group to its last epoch, or until seeds diverge or memory runs out; return what is left of it then."""
    group = _Group(experiment, task, images, setting)
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


def _search(group: _Group, progress: Progress) -> list[Task]:
    task = group.task
    with Pace(group.setting.deadline, group.setting.checkpoint_seconds) as pace:
        pace.stop()
        precision.prepare(group.setting.precision, group.setting.device)
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
            capture=group.setting.capture,
        ):
            group.note(point)
            group.check_spoiled(learner)
            healthy = learner.finite().tolist()
            if not all(healthy) and point.epoch < task.epochs:
                return group.without_diverged(learner, healthy)
            if point.epoch:
                group.save(learner)
            pace.keep()
            progress(task, point.epoch, [points[-1] for points in group.points])
            if point.epoch < task.epochs:
                pace.stop()
    group.finish(_landscape(learner, feed, group.protocol), learner.finite().tolist())
    return []


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
        at = (task.done, task.step)
        found = (checkpoint.load(setting.store.root, run, at) for run in self.runs if task.begun)
        self.resumed = [kept for kept in found if kept]
        if self.resumed:  # a group goes on as it began
            kept = self.resumed[0].meta
            setting = replace(setting, precision=kept.get("precision", setting.precision))
            self.setting = setting
            try:
                self.form = conv_table.from_document(kept.get("form"))
                for row in (row for c in self.resumed for row in c.points):
                    self.space.parse(row["arch"])
            except (KeyError, TypeError, ValueError):
                raise self._foreign() from None
        else:
            self.form: Forms = self._choose_form(setting)
        if setting.apart and mixes_seeds(self.form):
            self.form = "grouped"
        self.setting = setting
        self.points: list[list[Row]] = [list(c.points) for c in self.resumed] or [[] for _ in self.runs]
        self.meta = {
            "config_hash": self.hash,
            "group": list(task.seeds),
            "form": conv_table.as_document(self.form),
            "precision": setting.precision,
        }

    def _foreign(self) -> InputError:
        folder = checkpoint.folder(self.setting.store.root, self.runs[0])
        return InputError(f"the checkpoints of {self.task} are of another network; remove them from {folder}")

    def _choose_form(self, setting: Setting) -> Forms:
        """Return the setting's form, or the fastest for each shape."""
        if setting.form != "auto":
            return setting.form
        return conv_table.forms(
            self.space,
            self.protocol.supernet,
            self.images.train.shape[-1],
            self.images.train.shape[1],
            batch=self.protocol.training.batch,
            seeds=len(self.task.seeds),
            precision=setting.precision,
            device=setting.device,
        )

    def learner(self) -> Learner:
        """Return the supernet in its initial state, or in that of the checkpoint."""
        net = Supernet(
            self.space,
            self.protocol.supernet,
            image_channels=self.images.train.shape[1],
            classes=self.images.classes,
            form=self.form,
            maps=precision.maps_dtype(self.setting.precision),
        )
        state = initial_state(net, self.task.seeds, self.dtype, self.setting.device)
        if self.resumed:
            if not all(checkpoint.fits(c, state) for c in self.resumed):
                raise self._foreign()
            state = checkpoint.join([c.tensors for c in self.resumed], self.setting.device)
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
            dtype=self.dtype,
            device=self.setting.device,
        )

    @property
    def dtype(self) -> torch.dtype:
        """Of weights, alphas and images."""
        return precision.state_dtype(self.setting.precision)

    def note(self, point: Point) -> None:
        """Keep a point's rows."""
        for mine, row in zip(self.points, rows(self.space, point), strict=True):
            mine.append(row)

    def sums(self, learner: Learner) -> Sums | None:
        """Return the sums of the epoch in which the group was cut off; None where it was between two."""
        if not self.task.step:
            return None
        return checkpoint.join_sums([c.tensors for c in self.resumed], learner, self.task.step)

    def save(self, learner: Learner, sums: Sums | None = None, *, only: list[bool] | None = None) -> None:
        """Write the group's checkpoints, then remove those before; ``sums`` inside an epoch, ``only`` some seeds'."""
        root, epoch, step = self.setting.store.root, self.points[0][-1]["epoch"], sums.steps if sums else 0
        runs = [(index, run) for index, run in enumerate(self.runs) if only is None or only[index]]
        for index, run in runs:
            tensors = checkpoint.share(learner, index, sums)
            checkpoint.save(root, checkpoint.Checkpoint(run, epoch, self.meta, self.points[index], tensors, step))
        for _, run in runs:
            checkpoint.remove(root, run, keep=(epoch, step))

    def halves(self) -> list[Task]:
        """Make the group two, which go on from its newest checkpoint or afresh."""
        root, seeds, middle = self.setting.store.root, self.task.seeds, len(self.task.seeds) // 2
        position, group = checkpoint.latest(root, self.runs[0], self.hash) or ((0, 0), ())
        done, step = position if group == seeds else (0, 0)
        parts = [replace(self.task, seeds=half, done=done, step=step) for half in (seeds[:middle], seeds[middle:])]
        for part in parts:
            if part.begun:
                checkpoint.regroup(root, self.runs[0], (done, step), part.seeds)
        return parts

    def check_spoiled(self, learner: Learner) -> None:
        """Raise ``_Spoiled`` where a seed is lost in a form of the convolution that carries it over to others."""
        if mixes_seeds(self.form) and not learner.finite().all():
            raise _Spoiled

    def without_diverged(self, learner: Learner, healthy: list[bool]) -> list[Task]:
        """Record the diverged seeds, make the others a group of their own, and return the task that goes on."""
        lost = [index for index, ok in enumerate(healthy) if not ok]
        for index in lost:
            self._record(index, healthy=False)
        survivors = tuple(seed for seed, ok in zip(self.task.seeds, healthy, strict=True) if ok)
        self.meta = self.meta | {"group": list(survivors)}
        epoch = self.points[0][-1]["epoch"]
        if epoch:  # before the first step there is nothing to keep
            self.save(learner, only=healthy)
        for index in lost:
            checkpoint.remove(self.setting.store.root, self.runs[index])
        return [replace(self.task, seeds=survivors, done=epoch, step=0)] if survivors else []

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
                    "form": self.meta["form"],
                    "precision": self.meta["precision"],
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
