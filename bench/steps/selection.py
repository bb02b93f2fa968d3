"""What a method declares that goes on after its last epoch to choose the architecture.

A selection works in rounds, and each is a point of the record. A round may try some mixes on the images of the alphas
and fix rows by what it saw; then it may train for an epoch. A row that is fixed has its own weights, whatever its
alphas say (``Learner.mix``): steps, measurements and the decoded architecture see them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from bench.protocol import Training
from spaces.base import Space

from .learner import Learner


@dataclass(frozen=True)
class Round:
    """One round of a selection.

    Attributes
    ----------
    number : counted from 0.
    seeds : of the group.
    params : the method's.
    """

    number: int
    seeds: tuple[int, ...]
    params: Any


@dataclass(frozen=True)
class Selection:
    """The rounds that follow the last epoch.

    They keep no state but the learner's, so that a search goes on from any step of any round. Draws come from streams
    that seed and round name.

    Attributes
    ----------
    rounds : ``rounds(params, space)`` returns how many there are, at least one.
    tries : ``tries(learner, round)`` returns the mixes that a round tries, ``(S, K, R, M)``; None where it tries none.
        K depends on round, space and parameters alone.
    decide : ``decide(learner, round, mixes, accuracy)`` returns the table of fixed rows, ``(S, R, M)``; a row that
        stays open is zero. ``accuracy``, ``(S, K)``, is the percentage of each mix.
    trial : "half" tries every mix on the whole half of the images that train the alphas, augmented, all on the same
        batches, with batch norms in training mode. "batch" tries each on one batch of its own of that half, without
        augmentation, in evaluation mode.
    tried : ``tried(params, space)`` returns how many mixes all rounds try; ``bench.runs.price`` counts them.
    batch : ``batch(params, training)`` returns the images of a batch of a trial.
    rate : ``rate(params, training)`` returns the weights' learning rate in every round. Momentum starts anew with the
        first round. None: no round trains.
    """

    rounds: Callable[[Any, Space], int]
    tries: Callable[[Learner, Round], Tensor | None]
    decide: Callable[[Learner, Round, Tensor, Tensor], Tensor]
    trial: Literal["half", "batch"]
    tried: Callable[[Any, Space], int]
    batch: Callable[[Any, Training], int] = lambda _, training: training.batch
    rate: Callable[[Any, Training], float] | None = None
