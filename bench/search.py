"""The search loop.

A search is a generator of points, one after each epoch, for all seeds of a group at once. It prints nothing and
touches no file: its caller does (``bench.runs.execution``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.machine.capture import Ahead, Captured
from bench.measure import measurements
from bench.methods.method import Method
from bench.steps.learner import Learner, Outcome
from bench.steps.untrained import Untrained
from spaces.base import Arch

from .feed import Drawn, Feed


class Position(NamedTuple):
    """The position of a search: completed epochs, and completed steps of the next one."""

    epoch: int = 0
    step: int = 0


START = Position()


@dataclass(frozen=True)
class Point:
    """Where a group of seeds stands after ``epoch`` completed epochs; the rounds of a selection count on from them.

    ``values`` holds the record's columns, ``(S,)`` each; what an epoch measures is absent from point 0. In ``archs``, a
    seed whose alphas are not finite has None.
    """

    epoch: int
    archs: list[Arch | None]
    alpha: np.ndarray  # (S, alphas), raw, without padding
    values: dict[str, np.ndarray]
    stage: Literal["", "search", "select"] = ""  # empty where the method has no selection
    tried: np.ndarray | None = None  # (S, K), percent correct of the mixes that a round of a selection tried


@dataclass
class Sums:
    """The sums over the steps of an epoch so far; ``loss`` and ``correct`` are ``(S,)``."""

    loss: Tensor  # of each batch, times its images
    correct: Tensor
    images: int = 0
    steps: int = 0
    seconds: float = 0.0
    tried: Tensor | None = None  # (S, K), correct answers at the mixes that a round of a selection tries

    @classmethod
    def at_zero(cls, learner: Learner) -> Sums:
        """Return the sums before the first step."""
        zero = torch.zeros_like(learner.state.alpha[:, 0, 0])
        return cls(zero, zero.clone())


def search(
    learner: Learner,
    feed: Feed,
    *,
    at: Position = START,
    sums: Sums | None = None,
    between: Callable[[Sums], None] = lambda _: None,
    capture: bool = True,
    compiled: bool = False,
) -> Iterator[Point]:
    """Search from a position to the end of the last epoch.

    Parameters
    ----------
    learner : its state is that of the position and is changed in place.
    feed : of the arm that is searched, whose method takes the steps.
    at : where to begin. A search from the start also yields the initialisation.
    sums : those of the epoch that the position is inside; its completed steps are not repeated.
    between : called after each step except the last of an epoch; it may save learner and sums, or raise to stop.
    capture : whether a GPU replays a step that it has captured.
    compiled : whether steps, not what is measured between them, run compiled cells; see
        ``bench.machine.compiling``. Maps are rounded in steps alone, too.
    """
    stepping, learner = learner.compiled() if compiled else learner, learner.unrounded()
    step = Captured(partial(step_of, stepping, feed), feed.device, enabled=capture)
    ahead = Ahead(feed.device)
    if at == START:
        yield point(learner, feed, 0, {})
    for epoch in range(at.epoch, feed.protocol.training.epochs):
        sums = sums or Sums.at_zero(learner)
        values = train(learner, feed, step, ahead, epoch, sums, between)
        sums = None
        yield point(learner, feed, epoch + 1, values)


def train(
    learner: Learner,
    feed: Feed,
    step: Callable[[Drawn], Outcome],
    ahead: Ahead,
    epoch: int,
    sums: Sums,
    between: Callable[[Sums], None],
    *,
    before: int = 0,
) -> dict[str, np.ndarray]:
    """Take the steps of an epoch that are left, and return what the epoch measured.

    Parameters
    ----------
    sums : of what the epoch has done so far.
    before : steps of another kind that come first; ``sums`` counts them, too.
    """
    began = time.perf_counter() - sums.seconds
    for drawn in islice(feed.drawn(epoch), sums.steps - before, None):
        outcome = step(drawn)
        ahead.step()
        images = drawn["train/index"].shape[1]
        sums.loss += outcome.loss * images
        sums.correct += outcome.correct
        sums.images, sums.steps = sums.images + images, sums.steps + 1
        sums.seconds = time.perf_counter() - began
        if sums.steps < before + feed.steps:
            between(sums)
    sound = sums.loss.isfinite()
    values = {
        "train_loss": (sums.loss / sums.images).double().cpu().numpy(),
        "train_accuracy": torch.where(sound, 100 * sums.correct / sums.images, torch.nan).double().cpu().numpy(),
    }
    values |= measurements.gradients(learner, feed.steps)
    return values | {"seconds": np.full(learner.seeds, time.perf_counter() - began)}


def proposals(method: Method, untrained: Untrained, last: int, earlier: Sequence[Sequence[Arch]]) -> Iterator[Point]:
    """Propose architectures, point after point, to the point ``last``; ``earlier`` holds those of the points so far."""
    assert method.propose is not None, "a method with a step is run by search"
    found = [list(archs) for archs in earlier]
    nothing = np.full((len(untrained.seeds), untrained.space.alphas), np.nan)
    for number in range(len(found), last + 1):
        began = time.perf_counter()
        found.append(method.propose(untrained, number, found))
        took = {} if method.independent else {"seconds": np.full(len(untrained.seeds), time.perf_counter() - began)}
        yield Point(number, list(found[-1]), nothing, took)


def step_of(learner: Learner, feed: Feed, drawn: Drawn) -> Outcome:
    """Take one step of the feed's method."""
    assert feed.method.step is not None, "a method without a step is run by proposals"
    learner.begin(drawn.get("noise"))
    return feed.method.step(learner, feed.batch(drawn), feed.protocol.params)


def point(
    learner: Learner,
    feed: Feed,
    epoch: int,
    values: dict[str, np.ndarray],
    tried: np.ndarray | None = None,
) -> Point:
    """Measure where the seeds stand after an epoch, or after a round of a selection."""
    space, measure, last = learner.net.space, feed.protocol.measure, feed.protocol.training.epochs
    learner.begin(feed.noise("measured", epoch))
    values = values | measurements.describe(learner)
    every = measure.eigenvalue_every
    if every and epoch % every == 0 and epoch <= last:
        values["eigenvalue"] = measurements.eigenvalue(learner, feed, epoch)
    often, ends = measure.evaluate_every, (last, last + feed.rounds)
    evaluated = epoch in ends or (epoch > 0 and often > 0 and epoch % often == 0)
    if evaluated and len(feed.split.alphas):  # one-level methods keep no image to validate on
        images = feed.split.alphas[: measure.valid_images or None]
        loss, accuracy = measurements.evaluate(learner, feed, images)
        values["valid_loss"] = loss.double().cpu().numpy()
        values["valid_accuracy"] = accuracy.double().cpu().numpy()
    raw = learner.state.alpha.double().cpu().numpy()[:, learner.mask.cpu().numpy()]
    tables = learner.with_fixed(learner.state.alpha).double().cpu().numpy()
    archs = [
        space.arch(space.choose(table, feed.method.rank)) if np.isfinite(mine).all() else None
        for table, mine in zip(tables, raw, strict=True)
    ]
    stage = ("select" if epoch > last else "search") if feed.method.select else ""
    return Point(epoch, archs, raw, values, stage, tried)
