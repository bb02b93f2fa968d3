"""DropNAS: one level, operations dropped at random within groups.

Measured: test accuracy on CIFAR-10 of the final cells of NAS-Bench-201, mean and standard deviation over n seeds: 93.76
± 0.63 %, n = 8 in 'scaled' (AMD EPYC); 93.72 ± 0.07 %, n = 4 in 'reduced' (Intel(R) Xeon(R) Processor). Provisional:
this is not the protocol of the papers.

Hong et al., DropNAS: Grouped Operation Dropout for Differentiable Architecture Search, IJCAI 2020;
wiljohnhong/DropNAS at 90582ee, search.py and models/search_cnn.py. The authors search the DARTS space; how its
groups map to other spaces is this suite's choice and a deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bench.methods.method import Conditions, Method, Rule
from bench.protocol import Share
from bench.steps import onelevel
from bench.steps.learner import Batch, Draws, Learner, Outcome
from spaces.base import Space

CITE = """@inproceedings{hong2020dropnas,
  title     = {{DropNAS}: Grouped Operation Dropout for Differentiable Architecture Search},
  author    = {Hong, Weijun and Li, Guilin and Zhang, Weinan and Tang, Ruiming and Wang, Yunhe
               and Li, Zhenguo and Yu, Yong},
  booktitle = {International Joint Conference on Artificial Intelligence},
  year      = {2020}
}"""


@dataclass(frozen=True)
class Params(onelevel.Params):
    """The drop rate r, and how it becomes the probability of dropping one operation.

    ``rate_rule`` "code" is r ** (1/4) whatever the group's size, as the authors' code does; "paper" is
    r ** (1/size), so that a whole group would be dropped with probability r.
    """

    drop_rate: Share = 3e-5  # at 1 nothing would ever be kept
    rate_rule: Literal["code", "paper"] = "code"


def drop_probability(params: Params, size: int) -> float:
    """Return the probability of dropping one operation of a group; the only one of its group is never dropped."""
    if size == 1:
        return 0.0
    return params.drop_rate ** (1 / 4 if params.rate_rule == "code" else 1 / size)


def fault(space: Space) -> str:
    """Return why nothing could be dropped on a space; empty where something can."""
    sizes = [
        (space.operation_columns[:, [space.operations.index(operation) for operation in group]] >= 0).sum(1)
        for group in space.groups
    ]
    if any(bool((size > 1).any()) for size in sizes):
        return ""
    return "each group has a single operation on every edge, so that none can be dropped"


def keep(generator: torch.Generator, steps: int, space: Space, params: Params) -> Draws:
    """Draw which operations are kept, bool ``(steps, R, M)``; rows that choose no operation keep everything.

    The groups of each row are drawn independently, and again if nothing of a group is left. Of a group, a row has the
    members that are among its choices.
    """
    kept = torch.from_numpy(space.mask).expand(steps, -1, -1).clone()
    at = np.flatnonzero(space.operation_rows)
    for group in space.groups:
        columns = space.operation_columns[:, [space.operations.index(operation) for operation in group]]
        for there in np.unique(columns >= 0, axis=0):
            if not there.any():
                continue
            rows = np.flatnonzero(((columns >= 0) == there).all(1))
            probability = drop_probability(params, int(there.sum()))
            draw = torch.zeros(steps, len(rows), int(there.sum()), dtype=torch.bool)
            while (empty := ~draw.any(-1)).any():
                fresh = torch.rand(int(empty.sum()), draw.shape[2], generator=generator, dtype=torch.float64)
                draw[empty] = fresh >= probability
            kept[:, torch.from_numpy(at[rows])[:, None], torch.from_numpy(columns[rows][:, there])] = draw
    return {"keep": kept}


def log_odds(alpha: Tensor, kept: Tensor, mask: Tensor) -> Tensor:
    """Return the logarithm of the kept operations' share of each row over that of the dropped ones, ``(S, R)``.

    It is computed from alphas: shares round to one where alphas lie far apart. It is infinite where none is dropped.

    Parameters
    ----------
    alpha : ``(S, R, M)``.
    kept, mask : which operations are kept and which exist.
    """
    log_kept, log_dropped = (alpha.masked_fill(~part, -torch.inf).logsumexp(-1) for part in (kept, mask & ~kept))
    return log_kept - log_dropped


def adjust(alpha: Tensor, before: Tensor, kept: Tensor, mask: Tensor) -> None:
    """Shift the kept alphas of each row, in place, so that their share of the mix is what it was.

    Parameters
    ----------
    alpha : ``(S, R, M)`` after the optimiser's steps.
    before : ``log_odds`` before them.
    kept, mask : as for ``log_odds``.
    """
    shift = torch.where((mask & ~kept).any(-1), before - log_odds(alpha, kept, mask), 0.0)
    alpha.add_(torch.where(kept, shift.unsqueeze(-1), 0.0))


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take the one-level step on the kept operations, then restore their share."""
    kept = batch.draws["keep"]
    before = log_odds(learner.state.alpha, kept, learner.mask)
    outcome = onelevel.step(learner, batch, params, kept)
    adjust(learner.state.alpha, before, kept, learner.mask)
    return outcome


def _authors_length(arm: Conditions) -> bool:
    training = arm.protocol.training
    return arm.space.family == "darts" and (training.epochs, training.batch) == (76, 96)


DEVIATIONS = (
    Rule(
        id="groups",
        what="Operations with weights form one group of each row, the others another; the 1Shot1 max-pool is alone in"
        " its group and is never dropped. Rows that choose parents have neither dropout nor adjustment.",
        why="The authors search the DARTS space only; no mapping to these benchmarks has been published.",
        effect="Unknown.",
        source="wiljohnhong/DropNAS genotypes.py:15-24",
        holds=lambda arm: arm.space.family != "darts",
    ),
    Rule(
        id="training-length",
        what="Epochs and batch are the experiment's, and the learning rate is scaled with the batch.",
        why="The authors take 76 epochs of 96 images on the DARTS space; here all methods on a space share one length.",
        effect="Unknown.",
        source="wiljohnhong/DropNAS config.py",
        holds=lambda arm: not _authors_length(arm),
    ),
    Rule(
        id="drop-probability",
        what="An operation is dropped with probability r ** (1/4) whatever the size of its group: 0.074 at r = 3e-5.",
        why="The authors' code does the same, in their two-operation group too; the paper's rule is r ** (1/size).",
        effect="Keeps the authors' strength of dropout; the paper's rule would drop 0.5 % in a group of two.",
        switch="methods.dropnas.rate_rule=paper",
        source="wiljohnhong/DropNAS models/search_cnn.py:198-202",
        holds=lambda arm: arm.protocol.params.rate_rule == "code" and arm.protocol.params.drop_rate > 0,
    ),
    Rule(
        id="sub-steps",
        what="Each batch takes two optimiser steps, on the loss and on the decay.",
        why="The authors' code does the same; the paper writes one update.",
        effect="Momentum decays twice a batch, and Adam moves alphas about 1.4 times as far.",
        switch="methods.dropnas.sub_steps=1",
        source="wiljohnhong/DropNAS search.py:102-125",
        holds=lambda arm: arm.protocol.params.sub_steps == 2,
    ),
    Rule(
        id="dropped-operations",
        what="A dropped operation has weight zero; it is computed, its gradients are zero, its momentum moves on.",
        why="The authors skip it under PyTorch 1.0, whose zeroed gradients let momentum move on as well.",
        effect="Running statistics of dropped operations move too; weights and alphas are those of the authors' form.",
        source="wiljohnhong/DropNAS models/ops.py:190-197",
        holds=lambda arm: arm.protocol.params.drop_rate > 0,
    ),
    Rule(
        id="adam-epsilon",
        what="Adam adds epsilon after the bias correction, as PyTorch does now.",
        why="The Adam of PyTorch 1.0, which the authors ran, adds it before.",
        effect="Their first movements of the alphas are shorter: by 0.2 % in the first step where a gradient is 1.5e-4,"
        " by less than 0.002 % after a thousand steps.",
        source="wiljohnhong/DropNAS search.py:49-63; pytorch/pytorch v1.0.0 torch/optim/adam.py",
    ),
    Rule(
        id="active-weights",
        what="Which weights decay is read off the mask.",
        why="The authors test whether the first entry of a tensor's gradient is zero, which can misfire.",
        effect="None but in such misfires.",
        source="wiljohnhong/DropNAS models/search_cnn.py:244-252",
    ),
)


METHOD = Method(
    id="dropnas",
    label="DropNAS",
    colour="#009E73",
    order=5,
    levels=1,
    cite=CITE,
    step=step,
    passes={"weights": 1},
    params=Params,
    draws=keep,
    rate=onelevel.rate,
    rank="alpha",
    spaces=fault,
    deviations=DEVIATIONS,
)
