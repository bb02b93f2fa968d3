"""A group of seeds on its way: its supernet, its points so far, its checkpoints and its records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

import pandas as pd
import torch
from torch import nn

from bench.feed import Feed
from bench.images.datasets import Images
from bench.machine import conv_table, environment, precision
from bench.machine.setting import Setting
from bench.protocol import Measure, Protocol
from bench.retraining import networks
from bench.search import Point, Position, Sums
from bench.steps.learner import Learner, Samples, initial_state, supernet
from bench.steps.untrained import Untrained
from results.errors import InputError
from results.files.schema import build
from results.records.run import Run
from spaces.base import Arch
from spaces.supernet.conv import Forms, mixes_seeds

from . import checkpoint, shares
from .plan import Group, is_done
from .recording import Row, record, rows


class Spoiled(Exception):
    """A seed diverged, and others with it: the group continues from its newest checkpoint, seeds apart."""


class GroupState:
    """A group of seeds on its way: its points so far and where they are kept."""

    def __init__(self, group: Group, images: Images, setting: Setting) -> None:
        self.group, self.arm, self.images = group, group.arm, images
        self.space, self.method = group.arm.space, group.arm.method
        found = (checkpoint.load(setting.store.root, run, group.at) for run in group.runs if group.begun)
        self.resumed, self.setting = [kept for kept in found if kept], setting
        if self.resumed:  # a group continues as it began
            kept = self.resumed[0].meta
            self.setting = replace(
                setting,
                precision=kept.get("precision", setting.precision),
                compiled=bool(kept.get("compiled", False)),
            )
            try:
                self.form = conv_table.from_document(kept.get("form"))
                self.arm = replace(group.arm, protocol=self._protocol_so_far(kept))
                for row in (row for c in self.resumed for row in c.points):
                    self.space.parse(row["arch"])
            except (KeyError, TypeError, ValueError, InputError):
                raise self._foreign() from None
        else:
            self.form: Forms = self._choose_form(setting)
        if setting.apart and mixes_seeds(self.form):
            self.form = "grouped"
        self.points: list[list[Row]] = [list(c.points) for c in self.resumed] or [[] for _ in group.seeds]
        self.epoch = group.at.epoch  # of the newest point
        self.at = group.at  # of the newest checkpoint
        self.meta = {
            "config_hash": self.arm.hash,
            "group": list(group.seeds),
            "form": conv_table.as_document(self.form),
            "precision": self.setting.precision,
            "compiled": self.setting.compiled,
            "measure": asdict(self.protocol.measure),
            "epochs": self.protocol.training.epochs,
            "rounds": self.arm.rounds,
            "before": self._before(),
        }

    @property
    def protocol(self) -> Protocol:
        """The arm's, with what the group measured before it was cut off."""
        return self.arm.protocol

    def _protocol_so_far(self, kept: dict[str, Any]) -> Protocol:
        """Return the protocol as the group began: a record never holds rows measured in two ways."""
        if "measure" not in kept:
            return self.protocol
        return replace(self.protocol, measure=build(Measure, kept["measure"], "measure."))

    def _before(self) -> list[Any]:
        """Return the groups in which these seeds were searched until they came into this one, first to last."""
        if not self.resumed:
            return []
        kept, now = self.resumed[0].meta, (list(self.group.seeds), conv_table.as_document(self.form))
        last = {"seeds": kept["group"], "form": kept.get("form"), "until": list(self.at)}
        return [*kept.get("before", []), *([last] if (last["seeds"], last["form"]) != now else [])]

    def _foreign(self) -> InputError:
        folder = checkpoint.folder(self.setting.store.root, self.arm)
        return InputError(f"the checkpoints of {self.group} belong to another network; move them out of {folder}")

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
            seeds=len(self.group.seeds),
            precision=setting.precision,
            device=setting.device,
        )

    def learner(self) -> Learner:
        """Return the supernet in its initial state, or in that of the checkpoint."""
        net = supernet(self.space, self.protocol, self.images, form=self.form, precision=self.setting.precision)
        state = initial_state(net, self.group.seeds, self.dtype, self.setting.device)
        if self.resumed and self.method.step:
            if not all(shares.fits(c, state, selecting=self.group.selecting) for c in self.resumed):
                raise self._foreign()
            state = shares.join([c.tensors for c in self.resumed], self.setting.device)
        return Learner(net, state, self.protocol.training)

    def untrained(self) -> Untrained:
        """Return what a method that trains nothing proposes from; nothing is made before it is asked for."""
        config, shape, device = self.protocol.supernet, self.images.train.shape, self.setting.device

        def network(arch: Arch, seed: int) -> nn.Module:
            made = networks.build(
                self.space,
                arch.key,
                seed=seed,
                channels=config.channels,
                cells=config.cells,
                image_channels=shape[1],
                classes=self.images.classes,
            )
            return made.to(device, self.dtype)

        learner, feed = lru_cache(maxsize=1)(self.learner), lru_cache(maxsize=1)(self.feed)

        def samples(purpose: str, number: int, batch: int, count: int) -> Iterator[Samples]:
            return feed().augmented(purpose, number, batch, count)

        return Untrained(self.space, self.group.seeds, self.protocol.params, learner, samples, network)

    @property
    def archs(self) -> list[list[Arch]]:
        """The architectures of each point so far, one of each seed."""
        return [[self.space.parse(row["arch"]) for row in rows] for rows in zip(*self.points, strict=True)]

    def feed(self) -> Feed:
        """Return the group's batches."""
        return Feed(self.images, self.arm, self.group.seeds, dtype=self.dtype, device=self.setting.device)

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

    @property
    def latest(self) -> dict[Run, Row]:
        """The rows of the newest point, of each run that has one: a seed whose alphas are not finite has none."""
        newest = zip(self.group.runs, self.points, strict=True)
        return {run: points[-1] for run, points in newest if points and points[-1]["epoch"] == self.epoch}

    def sums(self, learner: Learner) -> Sums | None:
        """Return the sums of the epoch in which the group was cut off; None where it was between two."""
        if not self.group.at.step:
            return None
        return shares.join_sums([c.tensors for c in self.resumed], learner, self.group.at.step)

    def save(self, learner: Learner | None, sums: Sums | None = None, *, only: list[bool] | None = None) -> None:
        """Write the group's checkpoints, then remove those before.

        Parameters
        ----------
        learner : None where nothing is trained: the points are the state.
        sums : inside an epoch.
        only : some seeds' alone.
        """
        root, at = self.setting.store.root, Position(self.epoch, sums.steps if sums else 0)
        runs = [(index, run) for index, run in enumerate(self.group.runs) if only is None or only[index]]
        for index, run in runs:
            tensors = shares.share(learner, index, sums) if learner else {}
            made = checkpoint.Checkpoint(run, at, self.meta, self.points[index], tensors)
            checkpoint.save(root, made, replace=self.setting.replace)
        self.at = at
        for _, run in runs:
            self._remove_checkpoints(run, keep=at)

    def halves(self) -> list[Group]:
        """Make the group two, which continue from its newest checkpoint or afresh."""
        seeds, middle = self.group.seeds, len(self.group.seeds) // 2
        return [replace(self.group, seeds=half, at=self.at) for half in (seeds[:middle], seeds[middle:])]

    def check_spoiled(self, learner: Learner) -> None:
        """Raise ``Spoiled`` where a seed is lost in a form of the convolution that carries it over to others."""
        if mixes_seeds(self.form) and not learner.finite().all():
            raise Spoiled

    def without_diverged(self, learner: Learner, healthy: list[bool]) -> list[Group]:
        """Record the diverged seeds, and return the others as a group of their own, which continues."""
        lost = [index for index, ok in enumerate(healthy) if not ok]
        for index in lost:
            self._record(index, healthy=False)
        survivors = tuple(seed for seed, ok in zip(self.group.seeds, healthy, strict=True) if ok)
        if self.epoch:  # before the first step there is nothing to keep
            self.save(learner, only=healthy)
        for index in lost:
            self._remove_checkpoints(self.group.runs[index])
        return [replace(self.group, seeds=survivors, at=Position(self.epoch))] if survivors else []

    def finish(self, landscapes: list[pd.DataFrame] | None, healthy: list[bool]) -> None:
        """Write the records, then remove the checkpoints; ``healthy`` says whether each seed's numbers are finite."""
        for index in range(len(self.group.seeds)):
            around = landscapes[index] if landscapes is not None and healthy[index] else None
            self._record(index, around, healthy=healthy[index])
        for run in self.group.runs:
            self._remove_checkpoints(run)

    def _remove_checkpoints(self, run: Run, keep: Position | None = None) -> None:
        checkpoint.remove(self.setting.store.root, run, self.arm.hash, keep=keep, replace=self.setting.replace)

    def _record(self, index: int, landscape: pd.DataFrame | None = None, *, healthy: bool) -> None:
        """Write the record of one seed as it stands; one that was there before the group continued stays."""
        run, store = self.group.runs[index], self.setting.store
        if is_done(store, run, self.arm.hash):
            return
        if landscape is not None:
            store.write_side(run, "landscape", landscape, self.arm.hash, replace=self.setting.replace)
        store.write(
            record(
                self.arm,
                run.seed,
                self.points[index],
                images_checksum=self.images.checksum,
                status="complete" if healthy else "diverged",
                error="" if healthy else "weights or alphas are no longer finite",
                group={
                    "seeds": list(self.group.seeds),
                    "form": self.meta["form"],
                    "precision": self.meta["precision"],
                    "compiled": self.meta["compiled"],
                    "before": self.meta["before"],
                },
                device=environment.device_info(self.setting.device),
            ),
            replace=self.setting.replace,
        )
