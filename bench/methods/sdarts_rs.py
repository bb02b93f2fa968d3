"""SDARTS-RS: the weights descend the loss at a randomly perturbed mix.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020,
equation 5; xiangning-chen/SmoothDARTS at d3dbfed, attacker/perturb.py.
"""

from __future__ import annotations

from torch import Tensor

from bench import bilevel, perturb
from bench.learner import Batch, Learner, Outcome
from bench.method import Method

CITE = """@inproceedings{chen2020stabilizing,
  title     = {Stabilizing Differentiable Architecture Search via Perturbation-based Regularization},
  author    = {Chen, Xiangning and Hsieh, Cho-Jui},
  booktitle = {International Conference on Machine Learning},
  year      = {2020}
}"""


def perturbed(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
    """Return the mix after a fresh random perturbation."""
    return perturb.random(mix, batch.draws["noise"], batch.scalars["epsilon"], learner.mask)


def step(learner: Learner, batch: Batch, params: perturb.Radius) -> Outcome:
    """Take one step."""
    return bilevel.step(learner, batch, perturb=perturbed)


METHOD = Method(
    id="sdarts-rs",
    label="SDARTS-RS",
    colour="#E69F00",
    order=3,
    levels=2,
    cite=CITE,
    step=step,
    params=perturb.Radius,
    draws=perturb.noise,
    scalars=perturb.radius,
)
