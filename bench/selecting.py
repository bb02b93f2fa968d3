"""The rounds after the last epoch, in which a method chooses its architecture.

As ``bench.search`` does, this yields a point after each round, for all seeds of a group at once, prints nothing and
touches no file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from bench.machine.capture import Ahead, Captured
from bench.steps.learner import Learner
from bench.steps.selection import Round, Selection

from .feed import Drawn, Feed
from .search import START, Point, Position, Sums, point, step_of, train


@dataclass(frozen=True)
class Tried:
    """Correct answers of each seed at the mixes of a step, ``(S, K)``."""

    correct: Tensor


def select(
    learner: Learner,
    feed: Feed,
    *,
    at: Position = START,
    sums: Sums | None = None,
    between: Callable[[Sums], None] = lambda _: None,
    capture: bool = True,
    compiled: bool = False,
) -> Iterator[Point]:
    """Go on from the end of the last epoch, or from a position after it, to the end of the last round.

    The parameters are those of ``bench.search.search``. A method without a selection has no round.
    """
    if feed.method.select is None:
        return
    first, stage, state = feed.protocol.training.epochs, feed.method.select, learner.state
    stepping, learner = learner.compiled() if compiled else learner, learner.unrounded()
    step = Captured(partial(step_of, stepping, feed), feed.device, enabled=capture)
    trial = Captured(partial(tried_at, stepping, learner, feed, stage), feed.device, enabled=capture)
    ahead = Ahead(feed.device)
    if at <= (first, 0):
        state.momentum.zero_()
        state.fixed = torch.zeros_like(state.alpha)
    assert state.fixed is not None, "a checkpoint of a selection has fixed rows"
    for epoch in range(max(at.epoch, first), first + feed.rounds):
        now = Round(epoch - first, feed.seeds, feed.protocol.params)
        mixes = stage.tries(learner, now) if sums is None or sums.steps < _steps(feed, stage, sums) else None
        sums = sums or _before(learner, mixes)
        began = time.perf_counter() - sums.seconds
        steps = _steps(feed, stage, sums)
        if mixes is not None and sums.tried is not None:
            for drawn in islice(feed.trial(now.number, mixes.shape[1]), sums.steps, None):
                which = slice(None) if stage.trial == "half" else slice(sums.steps, sums.steps + 1)
                sums.tried[:, which] += trial({**drawn, "mixes": mixes[:, which]}).correct
                ahead.step()
                sums.steps += 1
                if sums.steps == steps:
                    state.fixed.copy_(stage.decide(learner, now, mixes, _percent(feed, stage, sums.tried)))
                sums.seconds = time.perf_counter() - began
                if sums.steps < steps or stage.rate:
                    between(sums)
        if stage.rate:
            values = train(learner, feed, step, ahead, epoch, sums, between, before=steps)
        else:
            values = {"seconds": np.full(learner.seeds, time.perf_counter() - began)}
        seen = None if sums.tried is None else _percent(feed, stage, sums.tried).double().cpu().numpy()
        sums = None
        yield point(learner, feed, epoch + 1, values, seen)


@torch.no_grad()
def tried_at(stepping: Learner, learner: Learner, feed: Feed, stage: Selection, drawn: Drawn) -> Tried:
    """Take one step of a trial: run every mix, ``(S, K, R, M)``, on the step's batch.

    ``stepping`` is the learner of training steps, ``learner`` that of measurements. An answer of a network that
    computes no numbers is wrong.
    """
    samples, correct = feed.tried(drawn), []
    whole = stage.trial == "half"
    stepping.begin(drawn.get("noise"))
    learner.begin(drawn.get("noise"))
    frozen = None if whole else learner.freeze()
    for mix in drawn["mixes"].unbind(1):
        if frozen is None:
            outcome = stepping.loss(learner.state.weights, mix, samples)
        else:
            outcome = learner.frozen_loss(frozen, mix, samples)
        correct.append(torch.where(outcome.loss.isfinite(), outcome.correct, 0))
    return Tried(torch.stack(correct, dim=1))


def _before(learner: Learner, mixes: Tensor | None) -> Sums:
    """Return the sums before the first step of a round that tries mixes."""
    sums = Sums.at_zero(learner)
    if mixes is not None:
        sums.tried = torch.zeros_like(mixes[:, :, 0, 0])
    return sums


def _steps(feed: Feed, stage: Selection, sums: Sums) -> int:
    """Return how many steps of a round try mixes."""
    if sums.tried is None:
        return 0
    return -(-len(feed.split.alphas) // _images(feed, stage)) if stage.trial == "half" else sums.tried.shape[1]


def _images(feed: Feed, stage: Selection) -> int:
    """Return the images of a full batch of a trial."""
    return min(stage.batch(feed.protocol.params, feed.protocol.training), len(feed.split.alphas))


def _percent(feed: Feed, stage: Selection, tried: Tensor) -> Tensor:
    images = len(feed.split.alphas) if stage.trial == "half" else _images(feed, stage)
    return 100 * tried / images
