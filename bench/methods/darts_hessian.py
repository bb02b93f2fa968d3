"""DARTS with an explicit penalty on the alpha Hessian: ours, after the comparison in the SDARTS paper.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020, compare
their perturbations with a regulariser of the Hessian itself, whose formula and code are not public. Here the weights
descend

    L_train(w, alpha) + eta / 2 * n * |(g(alpha + h v) - g(alpha)) / h| ** 2,   g = gradient of L_train in alpha,

with v a random direction of length one, new in every step, and n the number of alphas. The difference is the Hessian's
product with v, so that the mean of the penalty over v is eta / 2 times the squared Frobenius norm of the Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.methods.method import Draws, Method, Rule
from bench.protocol import NonNegative, Positive
from bench.steps import bilevel
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.simplex import softmax
from spaces.base import Space

from .sdarts_rs import CITE


@dataclass(frozen=True)
class Params:
    """``eta`` is the strength of the penalty, ``h`` the length of the finite difference's step."""

    eta: NonNegative = 0.1
    h: Positive = 0.01


def direction(generator: torch.Generator, steps: int, space: Space, params: Params) -> Draws:
    """Draw one seed's directions, uniform on the unit sphere of all alphas, ``(steps, R, M)``."""
    normal = torch.randn(steps, *space.mask.shape, generator=generator, dtype=torch.float64)
    normal = torch.where(torch.from_numpy(space.mask), normal, 0)
    return {"direction": normal / normal.norm(dim=(1, 2), keepdim=True)}


def penalty(learner: Learner, weights: Tensor, batch: Batch, params: Params) -> Tensor:
    """Return the penalty of some weights ``(S, P)``, ``(S,)``; running statistics are left alone."""

    def gradient_at(alpha: Tensor) -> Tensor:
        alpha = alpha.detach().requires_grad_()
        outcome = learner.loss(weights, softmax(alpha, learner.mask), batch.train, update=False)
        return torch.autograd.grad(outcome.loss.sum(), alpha, create_graph=True)[0]

    alpha = learner.state.alpha
    product = (gradient_at(alpha + params.h * batch.draws["direction"]) - gradient_at(alpha)) / params.h
    return params.eta / 2 * learner.net.space.alphas * product.square().sum((1, 2))


def penalty_gradient(learner: Learner, batch: Batch, params: Params) -> Tensor:
    """Return the gradient of the penalty with respect to the weights, by double backward, ``(S, P)``."""
    weights = learner.state.weights.detach().requires_grad_()
    return torch.autograd.grad(penalty(learner, weights, batch, params).sum(), weights)[0]


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step; the alphas descend the loss alone."""
    return bilevel.step(learner, batch, penalty=lambda l, b: penalty_gradient(l, b, params))


DEVIATIONS = (
    Rule(
        id="ours-after",
        what="The formula, its strength and its estimate by one random direction a step are this suite's.",
        why="The paper shows curves of an explicit regulariser and gives neither formula nor code that could be read.",
        effect="Unknown: its curves cannot be compared with those of the paper.",
        switch="methods.darts-hessian.eta=0",
        source="xiangning-chen/SmoothDARTS optimizers/analyze.py holds the measurement alone",
        holds=lambda arm: arm.protocol.params.eta > 0,
    ),
)


METHOD = Method(
    id="darts-hessian",
    label="DARTS, Hessian penalty (ours)",
    colour="#661100",
    order=13,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 5},
    params=Params,
    draws=direction,
    still=frozenset({"loss"}),  # the penalty is descended too
    deviations=DEVIATIONS,
)
