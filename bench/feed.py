"""The batches that the steps of an epoch get: drawn for each seed, and augmented on the device.

Orders, crops, flips and the method's own draws come from each seed's named CPU streams, one set per epoch, and are
uploaded once an epoch; images stay on the device as uint8. A batch is a pure function of what was drawn for its step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.images.augment import augment, draw_augmentation
from bench.images.datasets import Images
from bench.images.passes import DrawBatches, full_batches, passes
from bench.images.split import split, weight_batches
from bench.methods.method import Conditions
from bench.steps.learner import Batch, Samples
from bench.steps.schedule import cosine
from spaces.supernet.ops import from_nchw

from .seeding import stream

#: What was drawn for one step, by name, and the values of its epoch: all that differs between one step and another.
Drawn = dict[str, Tensor]


@dataclass(frozen=True)
class Epoch:
    """What the steps of an epoch draw, on the CPU.

    Attributes
    ----------
    images : which images, and how they are augmented, ``(S, images of all steps, ...)``.
    lengths : images of each step, for each entry of ``images``.
    draws : the method's own, ``(steps, S, ...)``.
    """

    images: Drawn
    lengths: dict[str, list[int]]
    draws: Drawn

    def with_images(self, other: Epoch) -> Epoch:
        """Return this and the images of another."""
        return replace(self, images=self.images | other.images, lengths=self.lengths | other.lengths)


class Feed:
    """Batches for a group of seeds.

    Parameters
    ----------
    images : the data; they lie on ``device``.
    arm : whose protocol and method say what is drawn, and which images train the weights.
    seeds : of the group; a seed's batches do not depend on the others.
    dtype : of the normalised images.
    """

    def __init__(
        self,
        images: Images,
        arm: Conditions,
        seeds: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.space, self.method, self.protocol = arm.space, arm.method, arm.protocol
        self.seeds, self.dtype, self.device = tuple(seeds), dtype, device
        self.images, self.labels = images.train.to(device), images.train_labels.to(device)
        self.mean, self.std = images.mean, images.std
        self.split = split(len(images.train), self.method.levels, self.protocol.images.split)
        self.steps = weight_batches(self.split, self.protocol.training.batch)
        select = self.method.select
        self.rounds = select.rounds(self.protocol.params, self.space) if select else 0
        self.ahead = device.type == "cuda"  # on a CPU nothing would run meanwhile
        self._next: Future[Epoch] | None = None
        self._next_epoch = 0

    def drawn(self, epoch: int) -> Iterator[Drawn]:
        """Return what is drawn for each step of an epoch, counted from 0, or of a round of a selection after them.

        The scalars of a round are those of the last epoch.
        """
        training, params = self.protocol.training, self.protocol.params
        last = min(epoch, training.epochs - 1)
        values = {f"scalars/{name}": v for name, v in self.method.scalars(params, last, training.epochs).items()}
        values["lr"] = self._rate(epoch)
        same = {name: torch.tensor(v, dtype=self.dtype, device=self.device) for name, v in values.items()}
        return self._steps(self._take(epoch), same)

    def trial(self, number: int, mixes: int) -> Iterator[Drawn]:
        """Return what is drawn for each step in which a round of a selection tries some mixes; see ``Selection``."""
        assert self.method.select is not None
        pool, whole = self.split.alphas, self.method.select.trial == "half"
        batch = min(self.method.select.batch(self.protocol.params, self.protocol.training), len(pool))
        draw = passes(pool, batch) if whole else full_batches(pool, batch, mixes)
        found = self._images(number, "tried", "select", draw, augmented=whole)
        steps = len(found.lengths["tried/index"])
        return self._steps(replace(found, draws=self._noises("noise/select", number, steps)))

    def tried(self, drawn: Drawn) -> Samples:
        """Return the batch of a step of a trial, by operations on the device alone."""
        return self._samples(_under(drawn, "tried/"))

    def batch(self, drawn: Drawn) -> Batch:
        """Return the batch of what was drawn for its step, by operations on the device alone."""
        return Batch(
            train=self._samples(_under(drawn, "train/")),
            valid=self._samples(_under(drawn, "valid/")) if "valid/index" in drawn else None,
            lr=drawn["lr"],
            draws=_under(drawn, "draws/"),
            scalars=_under(drawn, "scalars/"),
        )

    def augmented(self, purpose: str, number: int, batch: int, count: int) -> Iterator[Samples]:
        """Yield ``count`` augmented batches of the weights' images for every seed, beside any epoch.

        The streams are those of ``purpose`` and ``number``. No batch is larger than the images; those of one pass
        over them have none in common, and what is left of a pass is not a batch.
        """
        pool, config = self.split.weights, self.protocol.images
        size, seeds = min(batch, len(pool)), self.seeds
        orders = [stream(seed, f"{purpose}/order", number) for seed in seeds]
        chances = [stream(seed, f"{purpose}/augmentation", number) for seed in seeds]
        left = [pool[:0]] * len(seeds)
        for _ in range(count):
            if len(left[0]) < size:
                left = [pool[torch.randperm(len(pool), generator=generator)] for generator in orders]
            drawn = {"index": torch.stack([each[:size] for each in left])}
            left = [each[size:] for each in left]
            side, pad, flip, cutout = self.images.shape[-1], config.crop_padding, config.flip, config.cutout
            random = [draw_augmentation(g, size, size=side, pad=pad, flip=flip, cutout=cutout) for g in chances]
            for column in random[0]._fields:
                values = [getattr(each, column) for each in random]
                if values[0] is not None:
                    drawn[column] = torch.stack(values)
            yield self._samples({name: values.to(self.device) for name, values in drawn.items()})

    def clean(self, index: Tensor) -> Samples:
        """Return images without augmentation, the same ones for every seed."""
        index = index.to(self.device).expand(len(self.seeds), -1)
        return self._samples({"index": index})

    def noise(self, purpose: str, epoch: int) -> Tensor | None:
        """Return the key of the noise of each seed for something beside the steps; None in a space without noise."""
        drawn = self._noises(f"noise/{purpose}", epoch, 1)
        return drawn["noise"][0].to(self.device) if drawn else None

    def _rate(self, epoch: int) -> float:
        """Return the weights' learning rate of an epoch, or of a round after the last one."""
        training, params, select = self.protocol.training, self.protocol.params, self.method.select
        if select and select.rate and epoch >= training.epochs:
            return select.rate(params, training)
        rate = self.method.rate(params, training)
        return cosine(epoch, training.epochs, rate.start, rate.end, shifted=rate.shifted)

    def _take(self, epoch: int) -> Epoch:
        """Return what an epoch draws, and let a thread draw the next one while a GPU works.

        The thread stays on the CPU: one that calls CUDA would break a capture.
        """
        drawn = self._next.result() if self._next is not None and self._next_epoch == epoch else self._draw(epoch)
        self._next = None
        trained = bool(self.method.select and self.method.select.rate)
        if self.ahead and epoch + 1 < self.protocol.training.epochs + trained * self.rounds:
            drawing = ThreadPoolExecutor(1)
            self._next, self._next_epoch = drawing.submit(self._draw, epoch + 1), epoch + 1
            drawing.shutdown(wait=False)
        return drawn

    def _draw(self, epoch: int) -> Epoch:
        """Draw an epoch, on the CPU."""
        training = self.protocol.training
        found = self._images(epoch, "train", "weights", passes(self.split.weights, training.batch))
        warm_up = self.method.warm_up(self.protocol.params, training.epochs)
        if self.method.levels == 2 and epoch >= warm_up:
            found = found.with_images(self._images(epoch, "valid", "alphas", self._alpha_batches()))
        each = [
            self.method.draws(stream(seed, self.method.id, epoch), self.steps, self.space, self.protocol.params)
            for seed in self.seeds
        ]
        draws = {f"draws/{name}": torch.stack([draws[name] for draws in each], dim=1) for name in each[0]}
        return replace(found, draws=draws | self._noises("noise", epoch, self.steps))

    def _noises(self, purpose: str, number: int, steps: int) -> Drawn:
        """Draw the keys of the noise of each step, ``(steps, S)``; nothing in a space without noise."""
        if not self.space.noisy:
            return {}
        streams = [stream(seed, purpose, number) for seed in self.seeds]
        return {"noise": torch.stack([torch.randint(2**62, (steps,), generator=each) for each in streams], dim=1)}

    def _steps(self, drawn: Epoch, same: Drawn | None = None) -> Iterator[Drawn]:
        """Yield what was drawn for each step, on the device, and what is the same for all."""
        parts = {
            name: self._uploaded(values).split(drawn.lengths[name], dim=1) for name, values in drawn.images.items()
        }
        parts |= {name: self._uploaded(values).unbind(0) for name, values in drawn.draws.items()}
        for step in zip(*parts.values(), strict=True):
            yield {**(same or {}), **dict(zip(parts, step, strict=True))}

    def _uploaded(self, values: Tensor) -> Tensor:
        return values.to(self.device, self.dtype if values.is_floating_point() else None)

    def _alpha_batches(self) -> DrawBatches:
        """Return the function that draws one seed's batches of the alpha half; see ``Training.alpha_batches``."""
        training, pool = self.protocol.training, self.split.alphas
        if training.alpha_batches == "cycle":
            return passes(pool, training.batch, steps=self.steps)
        size = min(training.batch, len(pool))
        if training.alpha_batches == "fresh":
            return lambda g: [pool[torch.randperm(len(pool), generator=g)[:size]] for _ in range(self.steps)]
        drawn = len(self.split.weights)  # one for each image of the weights: a short batch is short here too
        return lambda g: list(pool[torch.randint(len(pool), (drawn,), generator=g)].split(training.batch))

    def _images(self, epoch: int, name: str, purpose: str, draw: DrawBatches, *, augmented: bool = True) -> Epoch:
        """Draw which images the steps of an epoch take, and how they are augmented, for all seeds."""
        config = self.protocol.images
        columns: dict[str, list[Tensor]] = {}
        lengths: list[int] = []
        for seed in self.seeds:
            batches = draw(stream(seed, f"{purpose}/order", epoch))
            lengths = [len(batch) for batch in batches]
            columns.setdefault(f"{name}/index", []).append(torch.cat(batches))
            if not augmented:
                continue
            random = draw_augmentation(
                stream(seed, f"{purpose}/augmentation", epoch),
                sum(lengths),
                size=self.images.shape[-1],
                pad=config.crop_padding,
                flip=config.flip,
                cutout=config.cutout,
            )
            for column, values in random._asdict().items():
                if values is not None:
                    columns.setdefault(f"{name}/{column}", []).append(values)
        images = {column: torch.stack(each) for column, each in columns.items()}
        return Epoch(images, dict.fromkeys(images, lengths), {})

    def _samples(self, drawn: Drawn) -> Samples:
        config, index = self.protocol.images, drawn["index"]
        batch = augment(
            self.images,
            **drawn,
            pad=config.crop_padding,
            cutout=config.cutout,
            mean=self.mean,
            std=self.std,
            dtype=self.dtype,
        )
        return Samples(from_nchw(batch, len(self.seeds)), self.labels[index])


def _under(drawn: Drawn, prefix: str) -> Drawn:
    return {name.removeprefix(prefix): values for name, values in drawn.items() if name.startswith(prefix)}
