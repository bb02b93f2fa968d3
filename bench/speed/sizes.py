"""At what sizes is measured, and the made-up images of these sizes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from bench.experiments.reading import Experiment, load
from bench.feed import Drawn, Feed
from bench.images.datasets import Images

from . import clock

#: What makes the experiment one for a dry run.
QUICK = ("training.batch=4", "supernet.channels=2", "supernet.cells=1")


@dataclass(frozen=True)
class Sizes:
    """How large everything is, and how long a round takes."""

    experiment: Experiment
    side: int
    images: int
    rounds: int
    round_seconds: float  # of each; a round has at least one step


def sizes(*, quick: bool) -> Sizes:
    """Return the sizes of the experiment ``paper``, or tiny ones."""
    if quick:
        return Sizes(load("paper", QUICK), side=8, images=64, rounds=3, round_seconds=0.0)
    return Sizes(load("paper"), side=32, images=50_000, rounds=9, round_seconds=0.2)


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
    clock.wait(device)
    spent = time.perf_counter() - began
    full = epoch[0]["train/index"].shape
    return [drawn for drawn in epoch if drawn["train/index"].shape == full][:count], spent
