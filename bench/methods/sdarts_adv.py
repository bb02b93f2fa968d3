"""SDARTS-ADV: the weights descend the loss at an adversarially perturbed mix.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020,
equation 6; xiangning-chen/SmoothDARTS at d3dbfed, attacker/perturb.py: seven steps, random start.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench import bilevel, perturb
from bench.learner import Batch, Learner, Outcome
from bench.method import Method
from results.errors import InputError

from .sdarts_rs import CITE


@dataclass(frozen=True)
class Params(perturb.Radius):
    """``steps`` is the number of ascent steps of the attack."""

    steps: int = 7

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"methods.sdarts-adv.steps = {self.steps} is out of range; it must be at least 1")


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step; the attack sees the batch that the weights descend on."""

    def attacked(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
        return perturb.adversarial(
            learner,
            batch.train,
            mix,
            batch.draws["noise"],
            batch.scalars["epsilon"],
            steps=params.steps,
        )

    return bilevel.step(learner, batch, perturb=attacked)


METHOD = Method(
    id="sdarts-adv",
    label="SDARTS-ADV",
    colour="#D55E00",
    order=4,
    levels=2,
    cite=CITE,
    step=step,
    params=Params,
    draws=perturb.noise,
    scalars=perturb.radius,
)
