"""SDARTS-ADV: the weights descend the loss at an adversarially perturbed mix.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020,
equation 6; xiangning-chen/SmoothDARTS at d3dbfed, attacker/perturb.py: seven steps, random start.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.methods.method import Method, Rule
from bench.protocol import Count
from bench.steps import bilevel, perturb
from bench.steps.learner import Batch, Learner, Outcome

from . import sdarts_rs


@dataclass(frozen=True)
class Params(perturb.Radius):
    """``steps`` is the number of ascent steps of the attack; 0 leaves its random start."""

    steps: Count = 7


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


DEVIATIONS = (
    *sdarts_rs.DEVIATIONS,
    Rule(
        id="attack-fallback",
        what="A seed whose loss did not rise keeps its clean mix in that step.",
        why="So does the authors' code; the paper's algorithm has no such test.",
        effect="The weights never see an attack that helped them.",
        source="xiangning-chen/SmoothDARTS attacker/perturb.py:11-44",
    ),
    Rule(
        id="attack-statistics",
        what="The attack runs in evaluation mode, on running statistics.",
        why="So does the authors' code. With NAS-Bench-1Shot1's momentum of 0.997 those are the statistics of the"
        " alpha step's batch.",
        effect="Batch statistics or another momentum would make another method.",
        switch="supernet.bn_tracked=false",
        source="xiangning-chen/SmoothDARTS attacker/perturb.py:14-17",
        holds=lambda space, method, protocol: protocol.supernet.bn_tracked,
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
