"""The one-level step that DropNAS and its baseline share: weights and alphas descend the same loss.

wiljohnhong/DropNAS at 90582ee, search.py lines 97-123.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from bench.protocol import NonNegative, Training
from bench.steps.schedule import Rate

from . import optim
from .learner import Batch, Learner, Outcome
from .simplex import softmax

REFERENCE_BATCH = 64


@dataclass(frozen=True)
class Params:
    """The optimiser settings of the DropNAS code.

    Attributes
    ----------
    lr, lr_min : of a batch of 64, scaled with the experiment's (0.0375 and 0.0015 at the authors' 96).
    clip : of each seed's weight gradient, in either sub-step; 0 clips nothing.
    weight_decay, alpha_decay : factors of the squared norms in the decay loss, so that ``torch.optim`` would call
        each twice as large.
    sub_steps : 2 takes an optimiser step on the loss and another on the decay loss, as the code does; 1 takes a
        single one on their sum.
    """

    lr: NonNegative = 0.025
    lr_min: NonNegative = 0.001
    lr_shifted: bool = False
    clip: NonNegative = 3.0
    weight_decay: NonNegative = 3e-4
    alpha_decay: NonNegative = 1e-3
    sub_steps: Annotated[int, Ge(1), Le(2)] = 2


def rate(params: Params, training: Training) -> Rate:
    """Return the learning rate scaled to the experiment's batch."""
    scale = training.batch / REFERENCE_BATCH
    return Rate(params.lr * scale, params.lr_min * scale, params.lr_shifted)


def step(learner: Learner, batch: Batch, params: Params, kept: Tensor | None = None) -> Outcome:
    """Descend the loss, then the partial decay loss.

    Parameters
    ----------
    kept : bool ``(S, R, M)``, the choices that take part; all by default. A choice left out has weight zero. Its
        weights get a zero gradient, so that momentum still moves them, as it did in the PyTorch 1.0 of the authors.
    """
    kept = learner.mask.expand_as(learner.state.alpha) if kept is None else kept
    state = learner.state
    weights = state.weights.detach().requires_grad_()
    alpha = state.alpha.detach().requires_grad_()
    outcome = learner.loss(weights, softmax(alpha, kept), batch.train)
    weight_gradient, alpha_gradient = torch.autograd.grad(outcome.loss.sum(), (weights, alpha))
    learner.note_weight_gradient(weight_gradient)
    learner.alpha_squares += alpha_gradient.square()

    active_weights = _active(learner, kept)
    active_alphas = alpha_gradient.abs() > 1e-7  # the code's own test
    if params.sub_steps == 1:
        _descend(
            learner,
            batch,
            params,
            weight_gradient + _weight_decay(learner, params, active_weights),
            alpha_gradient + _alpha_decay(learner, params, active_alphas),
        )
    else:
        _descend(learner, batch, params, weight_gradient, alpha_gradient)
        _descend(
            learner,
            batch,
            params,
            _weight_decay(learner, params, active_weights),
            _alpha_decay(learner, params, active_alphas),
        )
    return Outcome(outcome.loss.detach(), outcome.correct)


def _descend(learner: Learner, batch: Batch, params: Params, weight_gradient: Tensor, alpha_gradient: Tensor) -> None:
    state, training = learner.state, learner.training
    gradient = optim.clip_norm(weight_gradient, params.clip) if params.clip > 0 else weight_gradient
    optim.sgd(state.weights, state.momentum, gradient, lr=batch.lr, mu=training.momentum)
    optim.adam(
        state.alpha,
        state.first,
        state.second,
        state.steps,
        alpha_gradient,
        lr=training.alpha_lr,
        betas=training.alpha_betas,
    )


def _weight_decay(learner: Learner, params: Params, active: Tensor) -> Tensor:
    return 2 * params.weight_decay * learner.state.weights * active


def _alpha_decay(learner: Learner, params: Params, active: Tensor) -> Tensor:
    return 2 * params.alpha_decay * learner.state.alpha * active


def _active(learner: Learner, kept: Tensor) -> Tensor:
    """Return which weights took part in the step, bool ``(S, P)``: all but those of choices left out."""
    always = kept.new_ones(learner.seeds, 1)
    return torch.cat([kept.flatten(1), always], dim=1)[:, learner.owners]
