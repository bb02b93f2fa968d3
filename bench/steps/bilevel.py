"""The bilevel step that DARTS and SDARTS share.

Alphas descend the loss of a batch of the second half of the images, weights that of a batch of the first half. The
variants differ in the alpha gradient and in the mix that the weight step sees; both are arguments.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .learner import Batch, Learner, Outcome

AlphaGradient = Callable[[Learner, Batch], Tensor]
Perturbation = Callable[[Learner, Batch, Tensor], Tensor]
Penalty = Callable[[Learner, Batch], Tensor | None]
AlphaStep = Callable[[Learner, Tensor], None]


def first_order(learner: Learner, batch: Batch) -> Tensor:
    """Return the alpha gradient at the present weights (Liu et al., DARTS, ICLR 2019, equation 7 with xi = 0)."""
    assert batch.valid is not None, "a bilevel method needs a batch for the alphas"
    return learner.alpha_gradient(learner.state.weights, batch.valid)


def gradient_through(learner: Learner, batch: Batch, mix_of: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the alpha gradient of the loss at the mix ``mix_of(alpha)``, at the present weights; a training pass."""
    assert batch.valid is not None, "a bilevel method needs a batch for the alphas"
    alpha = learner.state.alpha.detach().requires_grad_()
    outcome = learner.loss(learner.state.weights, mix_of(alpha), batch.valid)
    return torch.autograd.grad(outcome.loss.sum(), alpha)[0]


def mix_gradient(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
    """Return the gradient of the alphas' loss with respect to a mix, ``(S, R, M)``; a training pass."""
    assert batch.valid is not None, "a bilevel method needs a batch for the alphas"
    mix = mix.detach().requires_grad_()
    outcome = learner.loss(learner.state.weights, mix, batch.valid)
    return torch.autograd.grad(outcome.loss.sum(), mix)[0]


def unperturbed(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
    """Return the clean mix."""
    return mix


def unpenalised(learner: Learner, batch: Batch) -> None:
    """Return no penalty."""


def step(
    learner: Learner,
    batch: Batch,
    *,
    alpha_gradient: AlphaGradient = first_order,
    perturb: Perturbation = unperturbed,
    penalty: Penalty = unpenalised,
    alpha_step: AlphaStep = Learner.alpha_step,
) -> Outcome:
    """Take one alpha step and one weight step, in the experiment's order; without images for the alphas, the latter.

    Parameters
    ----------
    alpha_gradient : what the alphas descend.
    perturb : from the clean mix to the one that the weight step sees.
    penalty : a further gradient of the weights, ``(S, P)``, added before clipping.
    alpha_step : takes the learner and the alpha gradient; Adam by default.
    """
    moves_alphas = batch.valid is not None
    if moves_alphas and learner.training.order == "alpha-first":
        alpha_step(learner, alpha_gradient(learner, batch))
    mix = perturb(learner, batch, learner.mix())
    outcome = learner.weight_step(batch.train, mix, batch.lr, penalty(learner, batch))
    if moves_alphas and learner.training.order == "weights-first":
        alpha_step(learner, alpha_gradient(learner, batch))
    return outcome
