"""DARTS-PT: DARTS searches, then an operation is worth the accuracy that the supernet loses without it.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, algorithm 1; ruocwang/darts-pt at
4ec3149, nasbench201/projection.py. After the last epoch, the rows are fixed one after the other, in random order:

1. each choice of the row is taken away in turn, and the supernet is validated without it;
2. the choice without which the accuracy is lowest stays, alone and with weight one;
3. the supernet is tuned for some epochs by the steps of the search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from bench.methods import darts
from bench.methods.method import Method, Rule
from bench.protocol import Positive, Training
from bench.seeding import stream
from bench.steps.learner import Learner
from bench.steps.rows import Order, fault, order_of, settled, without
from bench.steps.selection import Round, Selection
from spaces.base import Space

CITE = """@inproceedings{wang2021rethinking,
  title     = {Rethinking Architecture Selection in Differentiable {NAS}},
  author    = {Wang, Ruochen and Cheng, Minhao and Chen, Xiangning and Tang, Xiaocheng and Hsieh, Cho-Jui},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

_SOURCE = "ruocwang/darts-pt at 4ec3149"


@dataclass(frozen=True)
class Params:
    """Epochs from one fixed row to the next, and the learning rate of these epochs.

    Attributes
    ----------
    interval : epochs; there is one less before the last row.
    rate : times the learning rate with which the search began.
    order : in which the rows are fixed.
    """

    interval: Annotated[int, Ge(1), Le(1000)] = 5
    rate: Positive = 0.1
    order: Order = "random"


def rounds(params: Params, space: Space) -> int:
    """Return the epochs of the selection, so that the last row is fixed before the last of them."""
    rows = len(space.rows)
    return max(params.interval * (rows - 1), rows)


def turn(params: Params, space: Space, number: int) -> int | None:
    """Return the place, in the order of rows, of the row that is fixed before an epoch; None where none is."""
    last = len(space.rows) - 1
    if number == rounds(params, space) - 1:
        return last
    place, rest = divmod(number, params.interval)
    return place if not rest and place < last else None


def chosen(space: Space, now: Round) -> list[int] | None:
    """Return the row of each seed that a round fixes; None where it fixes none."""
    place = turn(now.params, space, now.number)
    if place is None:
        return None
    return [order_of(space, now.params.order, stream(seed, "darts-pt/rows"))[place] for seed in now.seeds]


def tries(learner: Learner, now: Round) -> Tensor | None:
    """Return the mixes that lack one choice of each seed's row, ``(S, K, R, M)``, not normalised again."""
    space, mix = learner.net.space, learner.mix()
    rows = chosen(space, now)
    if rows is None:
        return None
    return torch.stack([without(mix, rows, choice) for choice in range(_choices(space, rows[0]))], dim=1)


def decide(learner: Learner, now: Round, mixes: Tensor, accuracy: Tensor) -> Tensor:
    """Fix each seed's row at the choice whose absence costs most; in a row that keeps several, at as many."""
    space, fixed, rows = learner.net.space, learner.state.fixed, chosen(learner.net.space, now)
    assert fixed is not None
    assert rows is not None
    return settled(fixed, space, rows, accuracy)


def _choices(space: Space, row: int) -> int:
    """Return the most choices that a row of the same kind has: seeds fix different rows, and try equally many mixes."""
    kind = space.rows[row].operations
    return max(len(each.choices) for each in space.rows if each.operations is kind)


def _rate(params: Params, training: Training) -> float:
    return params.rate * training.lr


SELECTION = Selection(
    rounds=rounds,
    tries=tries,
    decide=decide,
    trial="half",
    tried=lambda params, space: sum(_choices(space, row) for row in range(len(space.rows))),
    rate=_rate,
)
DEVIATIONS = (
    Rule(
        id="darts-pt-batches",
        what="All choices of a row are tried on the same augmented batches of the alphas' images.",
        why="Differences between choices are then not those between batches; the code draws batches for each choice.",
        effect="Less noise in the choice. Taking away 'none' changes nothing at all.",
        source=f"{_SOURCE}, nasbench201/projection.py:28-53",
    ),
    Rule(
        id="darts-pt-rate",
        what="The learning rate of the search is that of the SmoothDARTS code, one epoch ahead.",
        why="The experiment says so for all methods; the authors step the rate after the epoch.",
        effect="Expected small.",
        switch="training.lr_shifted=false",
        source=f"{_SOURCE}, nasbench201/train_search.py:230-314",
        holds=lambda arm: arm.protocol.training.lr_shifted,
    ),
    Rule(
        id="darts-pt-clip",
        what="The gradient of the mix counts in the clip norm of the weights.",
        why="The experiment says so for all methods; in the authors' code the weights count alone.",
        effect="Expected small.",
        switch="training.clip_mix=false",
        source=f"{_SOURCE}, nasbench201/search_model.py:165-169",
        holds=lambda arm: arm.protocol.training.clip > 0 and arm.protocol.training.clip_mix,
    ),
    Rule(
        id="darts-pt-1shot1",
        what="On NAS-Bench-1Shot1, operations are fixed first, then parents: as many as the block has, each with"
        " weight one.",
        why="The authors have no code for these spaces. Zero-Cost-PT, a later method, fixes rows in this order.",
        effect="There is nothing published to compare with.",
        source=f"{_SOURCE}, nasbench201/projection.py",
        holds=lambda arm: arm.space.family == "nasbench1shot1",
    ),
)

METHOD = Method(
    id="darts-pt",
    label="DARTS-PT",
    colour="#004488",
    order=21,
    levels=2,
    cite=CITE,
    step=darts.step,
    select=SELECTION,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    spaces=fault,
    deviations=DEVIATIONS,
)
