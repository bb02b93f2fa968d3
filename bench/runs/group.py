"""A group of seeds on its way: its supernet, its points so far, its checkpoints and its records."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pandas as pd
import torch

import spaces
from bench.experiments.reading import Experiment
from bench.experiments.typed import build
from bench.feed import Feed, split
from bench.images.datasets import Images
from bench.machine import conv_table, environment, precision
from bench.machine.setting import Setting
from bench.protocol import Measure
from bench.search import Point, Sums
from bench.steps.learner import Learner, initial_state, supernet
from results.errors import InputError
from results.records.run import Run
from spaces.supernet.conv import Forms, mixes_seeds

from . import checkpoint
from .plan import Task, is_done
from .recording import Row, record, rows


class Spoiled(Exception):
    """A seed diverged, and others with it: the group goes on from its newest checkpoint, seeds apart."""


class Group:
    """A group of seeds on its way: its points so far and where they are kept."""

    def __init__(self, experiment: Experiment, task: Task, images: Images, setting: Setting) -> None:
        self.experiment, self.task, self.images = experiment, task, images
        self.space, self.method = spaces.find(task.space), experiment.searcher(task.method)
        self.protocol = experiment.protocol(task.space, task.method)
        self.hash = experiment.hash(task.space, task.method)
        self.runs = [Run(experiment.name, task.space, task.method, seed) for seed in task.seeds]
        at = (task.done, task.step)
        found = (checkpoint.load(setting.store.root, run, at) for run in self.runs if task.begun)
        self.resumed, self.setting = [kept for kept in found if kept], setting
        if self.resumed:  # a group goes on as it began
            kept = self.resumed[0].meta
            self.setting = replace(
                setting,
                precision=kept.get("precision", setting.precision),
                compiled=bool(kept.get("compiled", False)),
            )
            try:
                self.form = conv_table.from_document(kept.get("form"))
                self.protocol = replace(self.protocol, measure=self._measured_so_far(kept))
                for row in (row for c in self.resumed for row in c.points):
                    self.space.parse(row["arch"])
            except (KeyError, TypeError, ValueError, InputError):
                raise self._foreign() from None
        else:
            self.form: Forms = self._choose_form(setting)
        if setting.apart and mixes_seeds(self.form):
            self.form = "grouped"
        self.points: list[list[Row]] = [list(c.points) for c in self.resumed] or [[] for _ in self.runs]
        self.epoch = task.done  # of the newest point
        self.at: checkpoint.Position = at
        self.meta = {
            "config_hash": self.hash,
            "group": list(task.seeds),
            "form": conv_table.as_document(self.form),
            "precision": self.setting.precision,
            "compiled": self.setting.compiled,
            "measure": asdict(self.protocol.measure),
            "before": self._before(),
        }

    def _measured_so_far(self, kept: dict[str, Any]) -> Measure:
        """Return what the group measured before it was cut off: a record never holds rows measured in two ways."""
        return build(Measure, kept["measure"], "measure") if "measure" in kept else self.protocol.measure

    def _before(self) -> list[Any]:
        """Return the groups in which these seeds were searched until they came into this one, first to last."""
        if not self.resumed:
            return []
        kept, now = self.resumed[0].meta, (list(self.task.seeds), conv_table.as_document(self.form))
        last = {"seeds": kept["group"], "form": kept.get("form"), "until": list(self.at)}
        return [*kept.get("before", []), *([last] if (last["seeds"], last["form"]) != now else [])]

    def _foreign(self) -> InputError:
        folder = checkpoint.folder(self.setting.store.root, self.runs[0])
        return InputError(f"the checkpoints of {self.task} are of another network; move them away from {folder}")

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
        net = supernet(self.space, self.protocol, self.images, form=self.form, precision=self.setting.precision)
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
        """Keep a point's rows; a seed whose alphas are not finite has none."""
        self.epoch = point.epoch
        for mine, row in zip(self.points, rows(self.space, point), strict=True):
            if row is not None:
                mine.append(row)

    def sums(self, learner: Learner) -> Sums | None:
        """Return the sums of the epoch in which the group was cut off; None where it was between two."""
        if not self.task.step:
            return None
        return checkpoint.join_sums([c.tensors for c in self.resumed], learner, self.task.step)

    def save(self, learner: Learner, sums: Sums | None = None, *, only: list[bool] | None = None) -> None:
        """Write the group's checkpoints, then remove those before; ``sums`` inside an epoch, ``only`` some seeds'."""
        root, epoch, step = self.setting.store.root, self.epoch, sums.steps if sums else 0
        runs = [(index, run) for index, run in enumerate(self.runs) if only is None or only[index]]
        for index, run in runs:
            tensors = checkpoint.share(learner, index, sums)
            made = checkpoint.Checkpoint(run, epoch, self.meta, self.points[index], tensors, step)
            checkpoint.save(root, made, replace=self.setting.replace)
        self.at = (epoch, step)
        for _, run in runs:
            self._remove_checkpoints(run, keep=self.at)

    def halves(self) -> list[Task]:
        """Make the group two, which go on from its newest checkpoint or afresh."""
        seeds, middle, (done, step) = self.task.seeds, len(self.task.seeds) // 2, self.at
        return [replace(self.task, seeds=half, done=done, step=step) for half in (seeds[:middle], seeds[middle:])]

    def check_spoiled(self, learner: Learner) -> None:
        """Raise ``Spoiled`` where a seed is lost in a form of the convolution that carries it over to others."""
        if mixes_seeds(self.form) and not learner.finite().all():
            raise Spoiled

    def without_diverged(self, learner: Learner, healthy: list[bool]) -> list[Task]:
        """Record the diverged seeds, make the others a group of their own, and return the task that goes on."""
        lost = [index for index, ok in enumerate(healthy) if not ok]
        for index in lost:
            self._record(index, healthy=False)
        survivors = tuple(seed for seed, ok in zip(self.task.seeds, healthy, strict=True) if ok)
        epoch = self.epoch
        if epoch:  # before the first step there is nothing to keep
            self.save(learner, only=healthy)
        for index in lost:
            self._remove_checkpoints(self.runs[index])
        return [replace(self.task, seeds=survivors, done=epoch, step=0)] if survivors else []

    def finish(self, landscapes: list[pd.DataFrame] | None, healthy: list[bool]) -> None:
        """Write the records, then remove the checkpoints; ``healthy`` says whether each seed's numbers are finite."""
        for index in range(len(self.runs)):
            around = landscapes[index] if landscapes is not None and healthy[index] else None
            self._record(index, around, healthy=healthy[index])
        for run in self.runs:
            self._remove_checkpoints(run)

    def _remove_checkpoints(self, run: Run, keep: checkpoint.Position | None = None) -> None:
        checkpoint.remove(self.setting.store.root, run, self.hash, keep=keep, replace=self.setting.replace)

    def _record(self, index: int, landscape: pd.DataFrame | None = None, *, healthy: bool) -> None:
        """Write the record of one seed as it stands; one that was there before the group went on stays."""
        points, run, store = self.points[index], self.runs[index], self.setting.store
        if is_done(store, run, self.hash):
            return
        if landscape is not None:
            store.write_side(run, "landscape", landscape, self.hash, replace=self.setting.replace)
        store.write(
            record(
                run,
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
                    "compiled": self.meta["compiled"],
                    "before": self.meta["before"],
                },
                device=environment.device_info(self.setting.device),
            ),
            replace=self.setting.replace,
        )
