"""SETN: the weights train at one random operation an edge, and the best of the most probable cells is the result.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Dong & Yang, One-Shot Neural Architecture Search via Self-Evaluated Template Network, ICCV 2019; D-X-Y/AutoDL-Projects
at f46486e, exps/NAS-Bench-201-algos/SETN.py:53-140. The alphas descend the loss at softmax(alpha), as in DARTS. After
the last epoch the cells of the highest probability, the product of their softmax(alpha), are each validated on one
batch with the weights of the supernet.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from bench.methods.method import Draws, Method, Rule
from bench.steps import bilevel
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.selection import Round, Selection
from spaces.base import Space

from .gdas import MEASURED, UNCHOSEN

CITE = """@inproceedings{dong2019setn,
  title     = {One-Shot Neural Architecture Search via Self-Evaluated Template Network},
  author    = {Dong, Xuanyi and Yang, Yi},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year      = {2019}
}"""

_SOURCE = "D-X-Y/AutoDL-Projects at f46486e, exps/NAS-Bench-201-algos/SETN.py"


@dataclass(frozen=True)
class Params:
    """How many cells are validated, and on how many images each; fewer where there are no more."""

    candidates: Annotated[int, Ge(1), Le(10_000)] = 100
    batch: Annotated[int, Ge(1), Le(10_000)] = 512


def choices(generator: torch.Generator, steps: int, space: Space, params: object) -> Draws:
    """Draw one seed's operation of each row and step, uniformly: ``(steps, R)``."""
    drawn = [torch.randint(len(row.choices), (steps,), generator=generator) for row in space.rows]
    return {"choice": torch.stack(drawn, dim=1)}


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step: the alphas at their own mix, the weights at one operation a row."""
    return bilevel.step(
        learner,
        batch,
        perturb=lambda l, b, mix: torch.zeros_like(mix).scatter_(-1, b.draws["choice"].unsqueeze(-1), 1),
    )


def most_probable(mix: Tensor, space: Space, count: int) -> Tensor:
    """Return the choices of the most probable cells, ``(cells, R)``; of equals those whose choices come first.

    Parameters
    ----------
    mix : of one seed, ``(R, M)``.

    The most probable cells begin with most probable choices of the first rows, so that row after row no more than
    ``count`` have to be kept.
    """
    logs = mix.double().log().cpu()
    total, found = torch.zeros(1, dtype=torch.float64), torch.zeros(1, 0, dtype=torch.long)
    for row, own in zip(space.rows, logs, strict=True):
        width = len(row.choices)
        total = (total.unsqueeze(1) + own[:width]).flatten()
        found = torch.cat([found.repeat_interleave(width, 0), torch.arange(width).repeat(len(found)).unsqueeze(1)], 1)
        kept = total.argsort(descending=True, stable=True)[:count].sort().values  # stays in the order of choices
        total, found = total[kept], found[kept]
    return found[total.argsort(descending=True, stable=True)]


def tries(learner: Learner, now: Round) -> Tensor:
    """Return the candidates as one-hot mixes, ``(S, K, R, M)``, the most probable first."""
    mix = learner.mix()
    cells = torch.stack([most_probable(own, learner.net.space, now.params.candidates) for own in mix])
    shape = (*cells.shape, mix.shape[-1])
    return torch.zeros(shape, dtype=mix.dtype, device=mix.device).scatter_(-1, cells.unsqueeze(-1).to(mix.device), 1)


def decide(learner: Learner, now: Round, mixes: Tensor, accuracy: Tensor) -> Tensor:
    """Fix all rows as in each seed's best candidate; of equals the more probable one."""
    return mixes[torch.arange(len(mixes)), accuracy.cpu().argmax(1)]


def fault(space: Space) -> str:
    """Return why one operation a row does not make a cell; empty where it does."""
    one = all(row.operations and row.keep == 1 for row in space.rows) and not any(s.contests for s in space.sites)
    return "" if one else "it draws one operation for each edge, and here a cell also chooses among parents or edges"


def _tried(params: Params, space: Space) -> int:
    return min(params.candidates, prod(len(row.choices) for row in space.rows))


DEVIATIONS = (
    Rule(
        id="setn-selects-once",
        what="The candidates are validated after the last epoch alone; before, a point decodes the largest alphas.",
        why="The authors choose after every epoch, too, with a use for their curves alone.",
        effect="None on the result. The course over the epochs is that of the alphas.",
        source=f"{_SOURCE}:329,389",
    ),
    Rule(
        id="setn-settings",
        what="Epochs, optimisers and clipping are the experiment's, and the learning rate changes once an epoch.",
        why="Here all methods on a space share one protocol. The authors take 250 epochs with Nesterov momentum, weight"
        " decay 5e-4 and no clipping, and change the rate in every step.",
        effect="Unknown.",
        source="D-X-Y/AutoDL-Projects at f46486e, configs/nas-benchmark/algos/SETN.config",
    ),
    Rule(
        id="setn-order",
        what="The alphas step before the weights.",
        why="The experiment says so for all methods; the authors' code steps the weights first.",
        effect="Unknown, expected small.",
        switch="methods.setn.training.order=weights-first",
        source=f"{_SOURCE}:53-76",
        holds=lambda arm: arm.protocol.training.order == "alpha-first",
    ),
    UNCHOSEN,
    MEASURED,
)

METHOD = Method(
    id="setn",
    label="SETN",
    colour="#997700",
    order=23,
    levels=2,
    cite=CITE,
    step=step,
    select=Selection(
        rounds=lambda params, space: 1,
        tries=tries,
        decide=decide,
        trial="batch",
        tried=_tried,
        batch=lambda params, training: params.batch,
    ),
    passes={"alpha": 1, "weights": 1},
    params=Params,
    draws=choices,
    spaces=fault,
    still=frozenset({"loss"}),  # one path per step: a few images are fitted slowly
    deviations=DEVIATIONS,
)
