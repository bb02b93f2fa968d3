"""SNAS: the network sees a smooth random mix, softmax((alpha + Gumbel noise) / tau), and tau falls.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Xie, Zheng, Liu & Lin, SNAS: Stochastic Neural Architecture Search, ICLR 2019. Run with the two-level step and the
temperatures of the copy in xiangning-chen/DrNAS at f2caa4d, 201-space/train_search.py. It is GDAS without the one-hot:
both halves of a step draw anew, and the whole gradient reaches the alphas.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.methods.method import Method, Rule, Scalars
from bench.protocol import Positive
from bench.steps import bilevel, sampling
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.schedule import ramp

from . import gdas

CITE = """@inproceedings{xie2019snas,
  title     = {{SNAS}: Stochastic Neural Architecture Search},
  author    = {Xie, Sirui and Zheng, Hehui and Liu, Chunxiao and Lin, Liang},
  booktitle = {International Conference on Learning Representations},
  year      = {2019}
}"""


@dataclass(frozen=True)
class Params:
    """The temperature falls from ``tau_start`` towards ``tau``; the last epoch falls one short of it."""

    tau_start: Positive = 10.0
    tau: Positive = 1.0


def temperature(params: Params, epoch: int, epochs: int) -> Scalars:
    """Return tau of an epoch."""
    return {"tau": ramp(epoch, epochs, params.tau_start, params.tau)}


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step at two draws of the mix."""
    for_alpha, for_weights = batch.draws["gumbel"].unbind(1)

    def drawn(alpha: Tensor, gumbel: Tensor) -> Tensor:
        return sampling.relaxed(alpha, learner.mask, gumbel, batch.scalars["tau"])

    return bilevel.step(
        learner,
        batch,
        alpha_gradient=lambda l, b: bilevel.gradient_through(l, b, lambda alpha: drawn(alpha, for_alpha)),
        perturb=lambda l, b, mix: drawn(l.state.alpha, for_weights),
    )


DEVIATIONS = (
    Rule(
        id="two-levels",
        what="Alphas and weights descend the losses of different images, in turns.",
        why="The copy for NAS-Bench-201 does the same; the paper's search trains both on one loss.",
        effect="Unknown. No protocol of the published NAS-Bench-201 numbers was found.",
        source="xiangning-chen/DrNAS 201-space/train_search.py; Xie et al., SNAS, section 2",
    ),
    gdas.MEASURED,
)


METHOD = Method(
    id="snas",
    label="SNAS",
    colour="#DDAA33",
    order=15,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    draws=gdas.noise,
    scalars=temperature,
    deviations=DEVIATIONS,
)
