"""DSNAS: one path of the supernet per step; weights and alphas learn from the same backward pass.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Hu et al., DSNAS: Direct Neural Architecture Search without Parameter Retraining, CVPR 2020; SNAS-Series/SNAS-Series at
9a43adb, DSNAS/network.py:98-190. A row's one-hot z is drawn from p = softmax(alpha). With R the loss's gradient with
respect to the chosen entry, taken at one, the alphas descend R * log p(z), whose gradient is R * (z - p).
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.methods.method import Draws, Method, Rule
from bench.steps import sampling
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.simplex import softmax
from spaces.base import Space

from .gdas import MEASURED, UNCHOSEN

CITE = """@inproceedings{hu2020dsnas,
  title     = {{DSNAS}: Direct Neural Architecture Search without Parameter Retraining},
  author    = {Hu, Shoukang and Xie, Sirui and Zheng, Hehui and Liu, Chunxiao and Shi, Jianping
               and Liu, Xunying and Lin, Dahua},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2020}
}"""


def noise(generator: torch.Generator, steps: int, space: Space, params: object) -> Draws:
    """Draw one seed's Gumbel noise, ``(steps, R, M)``; the largest of alpha + noise is a draw from the softmax."""
    return {"gumbel": sampling.gumbel(generator, steps, *space.mask.shape)}


def credit(mix_gradient: Tensor, seen: Tensor, alpha: Tensor, mask: Tensor, rows: Tensor) -> Tensor:
    """Return the alpha gradient, ``(S, R, M)``.

    Parameters
    ----------
    mix_gradient : of the loss, at the mix ``seen``: one-hot in ``rows``, the softmax of alpha in the others.
    rows : bool ``(R,)``. In the other rows the gradient is the ordinary one, through the softmax.
    """
    reward = (mix_gradient * seen).sum(-1, keepdim=True)
    mix = softmax(alpha, mask)
    return torch.where(rows[:, None], reward * (seen - mix), mix * (mix_gradient - reward))


def step(learner: Learner, batch: Batch, params: object) -> Outcome:
    """Take one step of weights and alphas on the same batch."""
    state, training, rows = learner.state, learner.training, learner.operation_rows
    chosen = sampling.largest(state.alpha + batch.draws["gumbel"], learner.mask)
    seen = torch.where(rows[:, None], chosen, learner.mix()).requires_grad_()
    weights = state.weights.detach().requires_grad_()
    outcome = learner.loss(weights, seen, batch.train)
    weight_gradient, mix_gradient = torch.autograd.grad(outcome.loss.sum(), (weights, seen))
    learner.descend(weight_gradient, batch.lr, *([mix_gradient] if training.clip_mix else []))
    learner.alpha_step(credit(mix_gradient, seen.detach(), state.alpha, learner.mask, rows))
    return Outcome(outcome.loss.detach(), outcome.correct)


DEVIATIONS = (
    Rule(
        id="no-early-fix",
        what="No row is fixed before the end of the search.",
        why="The authors fix a row whose two largest probabilities are 0.3 apart, in a search that trains the result.",
        effect="Unknown.",
        source="SNAS-Series/SNAS-Series DSNAS/network.py:245-253",
    ),
    Rule(
        id="darts-settings",
        what="Epochs, batches and optimisers are the experiment's, those of DARTS; there is no label smoothing.",
        why="The authors search a space of their own on ImageNet. The NAS-Bench-201 numbers that later papers print"
        " have no published code.",
        effect="Unknown: measured numbers cannot be compared with published ones.",
        source="SNAS-Series/SNAS-Series train_imagenet.py:330-341",
    ),
    Rule(
        id="soft-parents",
        what="Rows that choose parents see the softmax of alpha, with its ordinary gradient.",
        why="Such a row keeps several choices, so that one drawn choice has no meaning; the authors have no such rows.",
        effect="Unknown.",
        source="SNAS-Series/SNAS-Series DSNAS/network.py:98-146",
        holds=lambda arm: not arm.space.operation_rows.all(),
    ),
    UNCHOSEN,
    MEASURED,
)


METHOD = Method(
    id="dsnas",
    label="DSNAS",
    colour="#999933",
    order=12,
    levels=1,
    cite=CITE,
    step=step,
    passes={"weights": 1},
    draws=noise,
    still=frozenset({"loss"}),  # one path per step: a few images are fitted slowly
    deviations=DEVIATIONS,
)
