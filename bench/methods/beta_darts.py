"""β-DARTS: DARTS whose alpha loss adds a growing log-sum-exp of the alphas.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Ye et al., β-DARTS: Beta-Decay Regularization for Differentiable Architecture Search, CVPR 2022;
Sunshine-Ye/Beta-DARTS at f307704, nasbench201/optimizers/darts/architect.py: the loss of the alphas is

    L_valid(w, softmax(alpha)) + lambda * mean over rows of log sum exp(alpha),  lambda = weight * epoch / epochs.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.methods.method import Method, Rule, Scalars
from bench.protocol import NonNegative
from bench.steps import bilevel
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.schedule import ramp
from bench.steps.simplex import softmax

CITE = """@inproceedings{ye2022beta,
  title     = {{$\\beta$-DARTS}: Beta-Decay Regularization for Differentiable Architecture Search},
  author    = {Ye, Peng and Li, Baopu and Li, Yikang and Chen, Tao and Fan, Jiayuan and Ouyang, Wanli},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2022}
}"""


@dataclass(frozen=True)
class Params:
    """``weight`` is what lambda grows to over the search; its last value falls one epoch short of it."""

    weight: NonNegative = 50.0


def decay(params: Params, epoch: int, epochs: int) -> Scalars:
    """Return lambda of an epoch."""
    return {"lambda": ramp(epoch, epochs, 0.0, params.weight)}


def regulariser_gradient(alpha: Tensor, mask: Tensor) -> Tensor:
    """Return the gradient of the mean over rows of log sum exp(alpha), ``(S, R, M)``: the mix, divided by the rows."""
    return softmax(alpha, mask) / len(mask)


def alpha_gradient(learner: Learner, batch: Batch) -> Tensor:
    """Return the gradient of the alphas' loss."""
    pull = regulariser_gradient(learner.state.alpha, learner.mask)
    return bilevel.first_order(learner, batch) + batch.scalars["lambda"] * pull


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step; the weights descend the loss at the clean mix."""
    return bilevel.step(learner, batch, alpha_gradient=alpha_gradient)


DEVIATIONS = (
    Rule(
        id="slope-of-epochs",
        what="Lambda grows by weight / epochs in each epoch.",
        why="The authors' code divides by a fixed 100, and runs 100 epochs.",
        effect="None in 100 epochs. A shorter search ends at the same strength and grows faster.",
        source="Sunshine-Ye/Beta-DARTS nasbench201/optimizers/darts/architect.py:81",
        holds=lambda arm: arm.protocol.params.weight > 0 and arm.protocol.training.epochs != 100,
    ),
    Rule(
        id="rows-of-1shot1",
        what="The regulariser is the mean over all rows, those that choose parents too.",
        why="The authors' code for NAS-Bench-1Shot1 cannot run: its alphas are a list, which the regulariser does not"
        " accept.",
        effect="Unknown; no published result of this method on this space was found.",
        source="Sunshine-Ye/Beta-DARTS optimizers/darts/architect.py:55-59",
        holds=lambda arm: arm.protocol.params.weight > 0 and not arm.space.operation_rows.all(),
    ),
)


METHOD = Method(
    id="beta-darts",
    label="β-DARTS",
    colour="#332288",
    order=8,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    scalars=decay,
    deviations=DEVIATIONS,
)
