"""GAEA DARTS: the mix itself is the parameter and takes exponentiated-gradient steps.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Li, Khodak, Balcan & Talwalkar, Geometry-Aware Gradient Algorithms for Neural Architecture Search, ICLR 2021;
liamcli/gaea_release at 1604615, cnn/architect/architect_edarts.py. Every row of the mix is multiplied by
exp(-lr * gradient), kept above ``FLOOR`` and divided by its sum. The alphas hold the logarithm of the mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.methods.method import Method, Rule
from bench.protocol import NonNegative
from bench.steps import bilevel
from bench.steps.learner import Batch, Learner, Outcome

CITE = """@inproceedings{li2021gaea,
  title     = {Geometry-Aware Gradient Algorithms for Neural Architecture Search},
  author    = {Li, Liam and Khodak, Mikhail and Balcan, Maria-Florina and Talwalkar, Ameet},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

FLOOR = 1e-5


@dataclass(frozen=True)
class Params:
    """``lr`` is the rate of the exponentiated gradient."""

    lr: NonNegative = 0.1


def moved(mix: Tensor, gradient: Tensor, mask: Tensor, lr: float) -> Tensor:
    """Return the mix after one exponentiated-gradient step, ``(S, R, M)``, 0 in the padding."""
    raw = torch.where(mask, (mix * (-lr * gradient).exp()).clamp(min=FLOOR), 0)
    return raw / raw.sum(-1, keepdim=True)


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step; Adam and its moments are not used."""

    def mix_step(learner: Learner, gradient: Tensor) -> None:
        learner.alpha_squares += gradient.square()
        mix = moved(learner.mix(), gradient, learner.mask, params.lr)
        learner.state.alpha.copy_(torch.where(learner.mask, mix, 1).log())

    return bilevel.step(
        learner, batch, alpha_gradient=lambda l, b: bilevel.mix_gradient(l, b, l.mix()), alpha_step=mix_step
    )


DEVIATIONS = (
    Rule(
        id="none-kept",
        what="The operation none takes part.",
        why="It belongs to the space here; the authors search NAS-Bench-201 without it.",
        effect="Their space has 4,096 cells of the 15,625.",
        source="liamcli/gaea_release cnn configs of NAS-Bench-201",
        holds=lambda arm: "none" in arm.space.operations,
    ),
    Rule(
        id="last-epoch",
        what="The cell is that of the last epoch, and epochs, width and optimisers are the experiment's.",
        why="The authors report the cell of the best validation epoch of 25, with 24 channels.",
        effect="Unknown.",
        source="liamcli/gaea_release cnn/train_search.py:160-195",
    ),
    Rule(
        id="start",
        what="The mix starts at softmax(1e-3 N(0, 1)).",
        why="All methods start there; the authors' mix starts even.",
        effect="Negligible.",
        source="liamcli/gaea_release cnn/architect/architect_edarts.py:39-45",
    ),
    Rule(
        id="gradient-columns",
        what="Gradient norms of the alphas are those of the mix.",
        why="The mix is this method's parameter.",
        effect="They cannot be compared with those of other methods.",
        source="results/records/record.py",
    ),
)


METHOD = Method(
    id="gaea",
    label="GAEA DARTS",
    colour="#44AA99",
    order=14,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    still=frozenset({"first", "second", "steps"}),
    deviations=DEVIATIONS,
)
