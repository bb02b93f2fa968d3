"""SDARTS's two perturbations of the mix, and their growing radius.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020,
equations 5 and 6 and algorithm 1. As in the authors' code (attacker/perturb.py) it is the mix, softmax(alpha), that
is perturbed, in every row, and brought back to the simplex.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.protocol import NonNegative
from bench.steps.learner import Draws
from bench.steps.schedule import Scalars
from spaces.base import Space

from .learner import Learner, Samples
from .schedule import ramp
from .simplex import project


@dataclass(frozen=True)
class Radius:
    """The l-infinity radius epsilon, growing from epoch to epoch; its last value falls short of ``epsilon``."""

    epsilon_start: NonNegative = 0.03
    epsilon: NonNegative = 0.3


def radius(params: Radius, epoch: int, epochs: int) -> Scalars:
    """Return epsilon of an epoch."""
    return {"epsilon": ramp(epoch, epochs, params.epsilon_start, params.epsilon)}


def noise(generator: torch.Generator, steps: int, space: Space, params: Radius) -> Draws:
    """Draw one seed's noise, uniform in [-1, 1], for each step of an epoch: ``(steps, R, M)``."""
    uniform = torch.rand(steps, *space.mask.shape, generator=generator, dtype=torch.float64)
    return {"noise": 2 * uniform - 1}


def random(mix: Tensor, noise: Tensor, epsilon: Tensor, mask: Tensor) -> Tensor:
    """Move every entry by epsilon times its noise and project."""
    return project(mix + epsilon * noise, mask)


def adversarial(
    learner: Learner, samples: Samples, mix: Tensor, noise: Tensor, epsilon: Tensor, *, steps: int
) -> Tensor:
    """Climb the loss within the box by projected sign-gradient steps of 2 epsilon / steps from a random start.

    The network is in evaluation mode, its batch norms use running statistics. A seed whose loss did not rise keeps
    its clean mix. Costs ``steps + 2`` forward and ``steps`` backward passes, none of which reaches the weights.
    """
    frozen = learner.freeze()

    def loss_at(where: Tensor) -> Tensor:
        return learner.frozen_loss(frozen, where, samples).loss

    with torch.no_grad():
        before = loss_at(mix)
    moved = random(mix, noise, epsilon, learner.mask)
    for _ in range(steps):
        moved = moved.detach().requires_grad_()
        gradient = torch.autograd.grad(loss_at(moved).sum(), moved)[0]
        with torch.no_grad():
            climbed = moved + 2 * epsilon / steps * gradient.sign()
            moved = project(mix + (climbed - mix).clamp(-epsilon, epsilon), learner.mask)
    with torch.no_grad():
        rose = loss_at(moved) >= before
    return torch.where(rose[:, None, None], moved, mix)
