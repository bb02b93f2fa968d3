"""SDARTS-RS: the weights descend the loss at a randomly perturbed mix.

Measured: test accuracy on CIFAR-10 of the final cells of NAS-Bench-201, mean and standard deviation over n seeds: 88.88
± 4.85 %, n = 8 in 'scaled' (AMD EPYC); 93.73 ± 0.27 %, n = 4 in 'reduced' (Intel(R) Xeon(R) Processor). Provisional:
this is not the protocol of the papers.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020,
equation 5; xiangning-chen/SmoothDARTS at d3dbfed, attacker/perturb.py. A step is:

1. alpha descends the validation loss at its own mix, m = softmax(alpha);
2. the weights descend the training loss at project(m + delta), where every entry of delta is drawn from
   U(-epsilon, epsilon) and the projection is onto the simplex of each row. Alpha sees nothing of delta.

Epsilon grows from epoch to epoch.
"""

from __future__ import annotations

from torch import Tensor

from bench.methods.method import Method, Rule
from bench.steps import bilevel, perturb
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.simplex import project

CITE = """@inproceedings{chen2020stabilizing,
  title     = {Stabilizing Differentiable Architecture Search via Perturbation-based Regularization},
  author    = {Chen, Xiangning and Hsieh, Cho-Jui},
  booktitle = {International Conference on Machine Learning},
  year      = {2020}
}"""


def step(learner: Learner, batch: Batch, params: perturb.Radius) -> Outcome:
    """Take one step."""
    return bilevel.step(learner, batch, perturb=smoothed)


def smoothed(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
    """Return the mix at which the weights descend: moved by this step's noise."""
    return smooth(mix, batch.draws["noise"], batch.scalars["epsilon"], learner.mask)


def smooth(mix: Tensor, noise: Tensor, epsilon: Tensor, mask: Tensor) -> Tensor:
    """Move every entry of a mix ``(S, R, M)`` by epsilon times its noise in [-1, 1], and project."""
    return project(mix + epsilon * noise, mask)


DEVIATIONS = (
    Rule(
        id="perturbed-quantity",
        what="The mix, softmax(alpha), is perturbed in every row, and brought back to the simplex.",
        why="The authors' code does the same; the paper writes the perturbation into the architecture weights.",
        effect="Entries can end outside the box of radius epsilon, since rows are divided by their sums.",
        source="xiangning-chen/SmoothDARTS attacker/perturb.py:11-50",
    ),
    Rule(
        id="epsilon-end",
        what="Epsilon grows once an epoch and ends one step short of its maximum, as at 0.2973 of 0.3 in 100 epochs.",
        why="The authors' code does the same.",
        effect="Negligible; a maximum of 0.3027 would end at 0.3 in 100 epochs.",
        source="xiangning-chen/SmoothDARTS optimizers/darts/train_search.py:193",
        holds=lambda arm: arm.protocol.params.epsilon > arm.protocol.params.epsilon_start,
    ),
)


METHOD = Method(
    id="sdarts-rs",
    label="SDARTS-RS",
    colour="#E69F00",
    order=3,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
    params=perturb.Radius,
    draws=perturb.noise,
    scalars=perturb.radius,
    deviations=DEVIATIONS,
)
