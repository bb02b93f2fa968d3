"""The loop.

A search is a generator of points, one after each epoch, for all seeds of a group at once. It prints nothing and
touches no file; who runs it (``bench.engine``) does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from spaces.base import Arch, Space

from . import measure
from .config import Protocol
from .feed import Feed
from .learner import Learner
from .method import Method
from .seeding import numpy_stream


@dataclass(frozen=True)
class Point:
    """Where a group of seeds stands after ``epoch`` completed epochs.

    ``values`` holds the record's columns, ``(S,)`` each; what an epoch measures is absent from point 0.
    """

    epoch: int
    archs: list[Arch]
    alpha: np.ndarray  # (S, alphas), raw, without padding
    values: dict[str, np.ndarray]


def search(learner: Learner, feed: Feed, method: Method, protocol: Protocol, *, done: int = 0) -> Iterator[Point]:
    """Search from the epoch after ``done`` to the last.

    Parameters
    ----------
    learner : its state is that after ``done`` epochs and is changed in place.
    done : completed epochs; 0 also yields the initialisation.
    """
    assert method.step is not None, "a method without a step is run by random_search"
    if done == 0:
        yield _point(learner, feed, protocol, 0, {})
    for epoch in range(done, protocol.training.epochs):
        began = time.perf_counter()
        loss = torch.zeros_like(learner.state.alpha[:, 0, 0])
        correct, seen = torch.zeros_like(loss), 0
        for batch in feed.epoch(epoch):
            outcome = method.step(learner, batch, protocol.params)
            images = batch.train.labels.shape[1]
            loss += outcome.loss * images
            correct += outcome.correct
            seen += images
        values = {
            "train_loss": (loss / seen).double().cpu().numpy(),
            "train_accuracy": (100 * correct / seen).double().cpu().numpy(),
        }
        values |= measure.gradients(learner, feed.steps)
        values["seconds"] = np.full(learner.seeds, time.perf_counter() - began)
        yield _point(learner, feed, protocol, epoch + 1, values)


def random_search(space: Space, seeds: tuple[int, ...], epochs: int) -> Iterator[Point]:
    """Draw an architecture a point, uniformly over the raw choices."""
    for epoch in range(epochs + 1):
        archs = [space.random(numpy_stream(seed, "random", epoch)) for seed in seeds]
        yield Point(epoch, archs, np.full((len(seeds), space.alphas), np.nan), {})


def _point(learner: Learner, feed: Feed, protocol: Protocol, epoch: int, values: dict[str, np.ndarray]) -> Point:
    space, mask = learner.net.space, learner.mask
    values = values | measure.describe(learner)
    every = protocol.measure.eigenvalue_every
    if every and epoch % every == 0:
        values["eigenvalue"] = measure.eigenvalue(learner, feed, epoch)
    if epoch and len(feed.split.alphas):  # one-level methods train on every image: none is left to validate on
        images = feed.split.alphas[: protocol.measure.valid_images or None]
        loss, accuracy = measure.evaluate(learner, feed, images)
        values["valid_loss"] = loss.double().cpu().numpy()
        values["valid_accuracy"] = accuracy.double().cpu().numpy()
    alpha = learner.state.alpha
    return Point(
        epoch=epoch,
        archs=space.decode(torch.where(mask, alpha, -torch.inf).double().cpu().numpy()),
        alpha=alpha[:, mask].double().cpu().numpy(),
        values=values,
    )
