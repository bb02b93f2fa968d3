"""The bilevel step that DARTS and SDARTS share.

Alphas descend the loss of a batch of the second half of the images, weights that of a batch of the first half. The
variants differ in the alpha gradient and in the mix that the weight step sees; both are arguments.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .learner import Batch, Learner, Outcome

AlphaGradient = Callable[[Learner, Batch], Tensor]
Perturbation = Callable[[Learner, Batch, Tensor], Tensor]


def first_order(learner: Learner, batch: Batch) -> Tensor:
    """Return the alpha gradient at the present weights (Liu et al., DARTS, ICLR 2019, equation 7 with xi = 0)."""
    assert batch.valid is not None, "a bilevel method needs a batch for the alphas"
    return learner.alpha_gradient(learner.state.weights, batch.valid)


def unperturbed(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
    """Return the clean mix."""
    return mix


def step(
    learner: Learner,
    batch: Batch,
    *,
    alpha_gradient: AlphaGradient = first_order,
    perturb: Perturbation = unperturbed,
) -> Outcome:
    """Take one alpha step and one weight step, in the experiment's order."""
    if learner.training.order == "alpha-first":
        learner.alpha_step(alpha_gradient(learner, batch))
    mix = perturb(learner, batch, learner.mix())
    outcome = learner.weight_step(batch.train, mix, batch.lr)
    if learner.training.order == "weights-first":
        learner.alpha_step(alpha_gradient(learner, batch))
    return outcome
