"""SDARTS-ADV: the weights descend the loss at an adversarially perturbed mix.

Measured: test accuracy on CIFAR-10 of the final cells of NAS-Bench-201, mean and standard deviation over n seeds: 92.53
± 3.02 %, n = 4 in 'reduced' (Intel(R) Xeon(R) Processor). Provisional: this is not the protocol of the papers.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020,
equation 6; xiangning-chen/SmoothDARTS at d3dbfed, attacker/perturb.py. A step is:

1. alpha descends the validation loss at its own mix, m = softmax(alpha);
2. the attack climbs the training loss from a random start within the box of radius epsilon around m;
3. the weights descend the training loss at the mix that the attack found. Alpha sees nothing of it.

Epsilon grows from epoch to epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.methods.method import Method, Rule
from bench.protocol import Count
from bench.steps import bilevel, perturb
from bench.steps.learner import Batch, Learner, Outcome, Samples
from bench.steps.simplex import project

from . import sdarts_rs


@dataclass(frozen=True)
class Params(perturb.Radius):
    """``steps`` is the number of ascent steps of the attack; 0 leaves its random start."""

    steps: Count = 7


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step; the attack sees the batch that the weights descend on."""

    def attacked(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
        return attack(learner, batch.train, mix, batch.draws["noise"], batch.scalars["epsilon"], steps=params.steps)

    return bilevel.step(learner, batch, perturb=attacked)


def attack(learner: Learner, samples: Samples, mix: Tensor, noise: Tensor, epsilon: Tensor, *, steps: int) -> Tensor:
    """Climb the loss within the box by projected sign-gradient steps of 2 epsilon / steps from a random start.

    The network is in evaluation mode: its batch norms use running statistics. A seed whose loss did not rise keeps
    its clean mix. The attack costs ``steps + 2`` forward and ``steps`` backward passes, none of which reaches the
    weights.

    Parameters
    ----------
    mix, noise : ``(S, R, M)``; the noise is in [-1, 1].
    """
    frozen = learner.freeze()

    def loss_at(where: Tensor) -> Tensor:
        return learner.frozen_loss(frozen, where, samples).loss

    with torch.no_grad():
        before = loss_at(mix)
    moved = sdarts_rs.smooth(mix, noise, epsilon, learner.mask)
    for _ in range(steps):
        moved = moved.detach().requires_grad_()
        gradient = torch.autograd.grad(loss_at(moved).sum(), moved)[0]
        with torch.no_grad():
            climbed = moved + 2 * epsilon / steps * gradient.sign()
            moved = project(mix + (climbed - mix).clamp(-epsilon, epsilon), learner.mask)
    with torch.no_grad():
        rose = loss_at(moved) >= before
    return torch.where(rose[:, None, None], moved, mix)


DEVIATIONS = (
    *sdarts_rs.DEVIATIONS,
    Rule(
        id="attack-fallback",
        what="A seed whose loss did not rise keeps its clean mix in that step.",
        why="The authors' code does the same; the paper's algorithm has no such test.",
        effect="The weights never see an attack that helped them.",
        source="xiangning-chen/SmoothDARTS attacker/perturb.py:11-44",
    ),
    Rule(
        id="attack-statistics",
        what="The attack runs in evaluation mode, on running statistics.",
        why="The authors' code does the same. With NAS-Bench-1Shot1's momentum of 0.997 those are the statistics of the"
        " alpha step's batch.",
        effect="Batch statistics or another momentum would make another method.",
        switch="supernet.bn_tracked=false",
        source="xiangning-chen/SmoothDARTS attacker/perturb.py:14-17",
        holds=lambda arm: arm.protocol.supernet.bn_tracked,
    ),
)


METHOD = Method(
    id="sdarts-adv",
    label="SDARTS-ADV",
    colour="#D55E00",
    order=4,
    levels=2,
    cite=sdarts_rs.CITE,
    step=step,
    passes={"alpha": 1, "weights": 1, "attack": 1},
    params=Params,
    draws=perturb.noise,
    scalars=perturb.radius,
    deviations=DEVIATIONS,
)
