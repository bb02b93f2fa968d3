"""DARTS-: every edge has an auxiliary skip connection whose weight decays to zero.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Chu et al., DARTS-: Robustly Stepping out of Performance Collapse Without Indicators, ICLR 2021;
Meituan-AutoML/DARTS- at adb81a8, src/search/model_search.py:40-45. An edge computes

    sum over operations of softmax(alpha)_o * o(x) + beta * x,  beta = beta_0 * (epochs - epoch) / epochs.

On NAS-Bench-201 the skip connection is the identity, so that beta is added to its entry of the mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.methods.method import Method, Rule, Scalars
from bench.protocol import NonNegative
from bench.steps import bilevel
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.schedule import ramp
from bench.steps.simplex import softmax
from spaces.base import Space

CITE = """@inproceedings{chu2021darts,
  title     = {{DARTS-}: Robustly Stepping out of Performance Collapse Without Indicators},
  author    = {Chu, Xiangxiang and Wang, Xiaoxing and Zhang, Bo and Lu, Shun and Wei, Xiaolin and Yan, Junchi},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

SKIP = "skip_connect"


@dataclass(frozen=True)
class Params:
    """``beta`` is the weight of the auxiliary skip connection in the first epoch."""

    beta: NonNegative = 1.0


def decay(params: Params, epoch: int, epochs: int) -> Scalars:
    """Return beta of an epoch; the last epoch has beta_0 / epochs."""
    return {"beta": ramp(epoch, epochs, params.beta, 0.0)}


def fault(space: Space) -> str:
    """Return why a space cannot have an auxiliary skip connection; empty where it can."""
    if SKIP not in space.operations:
        return "it adds a skip connection to every edge, and this space has none"
    if (_columns(space) != _columns(space)[0]).any():
        return "it adds a skip connection to every edge, and this space has edges without one"
    return ""


def _columns(space: Space) -> np.ndarray:
    """Return the column of the skip connection in each row of operations."""
    return space.operation_columns[:, space.operations.index(SKIP)]


def with_skip(mix: Tensor, beta: Tensor, column: int, rows: Tensor) -> Tensor:
    """Return a mix ``(S, R, M)`` with ``beta`` added to the entries of one column, in ``rows``, bool ``(R,)``.

    The rows are those of operations: the weights of edges have no skip connection among them.
    """
    there = rows[:, None] & (torch.arange(mix.shape[-1], device=mix.device) == column)
    return torch.where(there, mix + beta, mix)


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step; both halves of it have the auxiliary skip connection."""
    column = int(_columns(learner.net.space)[0])

    def helped(mix: Tensor) -> Tensor:
        return with_skip(mix, batch.scalars["beta"], column, learner.operation_rows)

    return bilevel.step(
        learner,
        batch,
        alpha_gradient=lambda l, b: bilevel.gradient_through(l, b, lambda alpha: helped(softmax(alpha, l.mask))),
        perturb=lambda l, b, mix: helped(mix),
    )


DEVIATIONS = (
    Rule(
        id="measured-without-skip",
        what="Validation accuracy, eigenvalue and landscape are those without the auxiliary skip connection.",
        why="The suite measures all methods at softmax(alpha); the authors' code evaluates with the skip connection.",
        effect="None on the search. Early in it, the supernet is measured at a mix that it was not trained at.",
        source="Meituan-AutoML/DARTS- src/search/model_search.py:40-45",
        holds=lambda arm: arm.protocol.params.beta > 0,
    ),
    Rule(
        id="own-nasbench201",
        what="The mapping to NAS-Bench-201 is this suite's, with the settings of the experiment.",
        why="The authors published code for the DARTS space only, of 50 epochs.",
        effect="Unknown; another code adds the cell's input instead of the edge's, which is another method.",
        source="Meituan-AutoML/DARTS- issue 3; AI-Tech-Research-Lab/AsquaredM nasbench201/model.py:13-42",
        holds=lambda arm: arm.space.family == "nasbench201",
    ),
    Rule(
        id="shared-reduction",
        what="On an edge of stride 2 the auxiliary skip connection is the candidate's own factorized reduce.",
        why="The suite adds beta to the mix; the authors' edge has a second factorized reduce, with its own weights.",
        effect="Unknown; the reduction cells have fewer weights.",
        source="Meituan-AutoML/DARTS- src/search/model_search.py:25-45",
        holds=lambda arm: arm.space.family == "darts",
    ),
)


METHOD = Method(
    id="darts-minus",
    label="DARTS-",
    colour="#882255",
    order=9,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    scalars=decay,
    spaces=fault,
    deviations=DEVIATIONS,
)
