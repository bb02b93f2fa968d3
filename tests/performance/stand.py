"""The real step of a search at the sizes of an experiment, on made-up images."""

import time
from collections.abc import Sequence
from itertools import cycle, islice

import torch
from torch import Tensor

from bench.arms import Arm
from bench.feed import Drawn, Feed
from bench.images.datasets import Images
from bench.machine import compiling, conv_table, precision
from bench.machine.capture import WARM_UP, Captured
from bench.steps.learner import Learner, Outcome, initial_state, supernet
from spaces.supernet.conv import Forms

from .cases import Case, Sizes

CPU = torch.device("cpu")


class Stand:
    """A device, with images on it that its cases share."""

    def __init__(self, device: torch.device, sized: Sizes) -> None:
        self.device, self.sizes = device, sized
        self.images = images(sized.images, sized.side, device)

    def arm(self, case: Case) -> Arm:
        """Return the arm of a case."""
        return self.sizes.experiment.arm(case.space, case.method)

    def step(self, case: Case) -> tuple[Captured, Learner, Feed]:
        """Return the step of a search at its start, as ``bench.search`` takes it."""
        precision.prepare(case.precision, self.device)
        arm = self.arm(case)
        found, protocol = arm.method, arm.protocol
        dtype, seeds = precision.state_dtype(case.precision), tuple(range(case.seeds))
        net = supernet(arm.space, protocol, self.images, form=self.forms(case), precision=case.precision)
        learner = Learner(net, initial_state(net, seeds, dtype, self.device), protocol.training)
        feed = Feed(self.images, arm, seeds, dtype=dtype, device=self.device)
        one = found.step
        assert one is not None, "a method without a step has no speed"
        if case.compiled:
            compiling.prepare(self.device, fix="install what is missing")
            learner = learner.compiled()

        def take(drawn: Drawn) -> Outcome:
            return one(learner, feed.batch(drawn), protocol.params)

        return Captured(take, self.device, enabled=case.captured), learner, feed

    def forms(self, case: Case) -> Forms:
        """Return a case's forms; a GPU measures them, and remembers them for later searches."""
        if case.form != "auto":
            return case.form
        arm = self.arm(case)
        protocol = arm.protocol
        return conv_table.forms(
            arm.space,
            protocol.supernet,
            self.sizes.side,
            self.images.train.shape[1],
            batch=protocol.training.batch,
            seeds=case.seeds,
            precision=case.precision,
            device=self.device,
        )

    def moved(self, case: Case, steps: int = WARM_UP + 3) -> tuple[list[Tensor], int]:
        """Return how far weights, momentum and alphas move in some steps, and how many graphs are replayed."""
        step, learner, feed = self.step(case)
        moving = (learner.state.weights, learner.state.momentum, learner.state.alpha)
        start = [each.clone() for each in moving]
        for drawn in islice(cycle(inputs(feed, self.device)[0]), steps):
            step(drawn)
        return [now - then for now, then in zip(moving, start, strict=True)], step.replays


def furthest(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the largest difference of any tensor's entries, of the furthest that one of its entries has moved."""
    pairs = zip(ours, theirs, strict=True)
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1e-30)) for a, b in pairs)


def images(count: int, side: int, device: torch.device) -> Images:
    """Return coloured noise, search images on the device."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    labels = torch.arange(count) % 10
    return Images(
        name="made-up",
        train=pixels.to(device),
        train_labels=labels.to(device),
        test=pixels[:10],
        test_labels=labels[:10],
        classes=10,
        mean=(0.5, 0.5, 0.5),
        std=(0.29, 0.29, 0.29),
        checksum="",
    )


def inputs(feed: Feed, device: torch.device, count: int = 8) -> tuple[list[Drawn], float]:
    """Return what some full batches of an epoch are drawn from, and the seconds that drawing all of it took."""
    began = time.perf_counter()
    epoch = list(feed.drawn(0))
    wait(device)
    spent = time.perf_counter() - began
    full = epoch[0]["train/index"].shape
    return [drawn for drawn in epoch if drawn["train/index"].shape == full][:count], spent


def wait(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
