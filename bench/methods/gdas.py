"""GDAS: one operation of each edge, drawn by the Gumbel-max trick with a straight-through gradient.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Dong & Yang, Searching for a Robust Neural Architecture in Four GPU Hours, CVPR 2019; D-X-Y/AutoDL-Projects at
f46486e, xautodl/models/cell_searchs/search_model_gdas.py:114-129. With Gumbel noise g and
p = softmax((alpha + g) / tau), the network sees the one-hot h of the largest p, and the gradient goes on to p. Both
halves of a step draw anew. Tau falls from epoch to epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.methods.method import Conditions, Draws, Method, Rule, Scalars
from bench.protocol import Positive
from bench.steps import bilevel, sampling
from bench.steps.learner import Batch, Learner, Outcome
from bench.steps.schedule import ramp
from spaces.base import Space

CITE = """@inproceedings{dong2019gdas,
  title     = {Searching for a Robust Neural Architecture in Four {GPU} Hours},
  author    = {Dong, Xuanyi and Yang, Yi},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2019}
}"""


@dataclass(frozen=True)
class Params:
    """The temperature, and which gradient reaches the alphas.

    Attributes
    ----------
    tau_start, tau : of the first and of the last epoch.
    gradient : "chosen" lets the chosen operation's gradient through alone, "straight-through" that of every operation.
    """

    tau_start: Positive = 10.0
    tau: Positive = 0.1
    gradient: Literal["chosen", "straight-through"] = "chosen"


def temperature(params: Params, epoch: int, epochs: int) -> Scalars:
    """Return tau of an epoch; the last one has ``tau`` itself."""
    return {"tau": ramp(epoch, max(epochs - 1, 1), params.tau_start, params.tau)}


def noise(generator: torch.Generator, steps: int, space: Space, params: object) -> Draws:
    """Draw one seed's Gumbel noise, ``(steps, 2, R, M)``: that of the alpha step, then that of the weight step."""
    return {"gumbel": sampling.gumbel(generator, steps, 2, *space.mask.shape)}


def hard(relaxed: Tensor, mask: Tensor, rows: Tensor, gradient: str) -> Tensor:
    """Return the one-hot of the largest entry in the given rows, as a function of ``relaxed`` elsewhere.

    Parameters
    ----------
    relaxed : ``(S, R, M)``; what is returned is differentiable with respect to it.
    rows : bool ``(R,)``, the rows of operations; the others are returned as they are.
    gradient : as in ``Params``.
    """
    one_hot = sampling.largest(relaxed.detach(), mask)
    through = relaxed - relaxed.detach()  # zero, with the gradient of ``relaxed``
    straight = one_hot + (one_hot * through if gradient == "chosen" else through)
    return torch.where(rows[:, None], straight, relaxed)


def step(learner: Learner, batch: Batch, params: Params) -> Outcome:
    """Take one step at two draws of the mix."""
    for_alpha, for_weights = batch.draws["gumbel"].unbind(1)

    def drawn(alpha: Tensor, gumbel: Tensor) -> Tensor:
        relaxed = sampling.relaxed(alpha, learner.mask, gumbel, batch.scalars["tau"])
        return hard(relaxed, learner.mask, learner.operation_rows, params.gradient)

    return bilevel.step(
        learner,
        batch,
        alpha_gradient=lambda l, b: bilevel.gradient_through(l, b, lambda alpha: drawn(alpha, for_alpha)),
        perturb=lambda l, b, mix: drawn(l.state.alpha, for_weights),
    )


UNCHOSEN = Rule(
    id="unchosen-statistics",
    what="An operation that is not drawn has weight zero; it is computed, and its batch norm's statistics move.",
    why="The authors run the drawn operation alone.",
    effect="None on the search. Validation normalises with statistics of more batches than the authors' would.",
    source="D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/search_cells.py:72-86",
)
MEASURED = Rule(
    id="measured-at-softmax",
    what="Validation accuracy, entropy, eigenvalue and landscape are those of softmax(alpha), not of a drawn mix.",
    why="The suite measures all methods at softmax(alpha), from which the cell is decoded.",
    effect="None on the search. The supernet is measured at a mix that it was not trained at.",
    source="results/records/record.py",
)


def _authors_settings(arm: Conditions) -> bool:
    training = arm.protocol.training
    return (training.epochs, training.nesterov, training.weight_decay) == (250, True, 5e-4)


DEVIATIONS = (
    Rule(
        id="gradient-of-chosen",
        what="The alphas get the gradient of the drawn operation's output alone.",
        why="The authors' code adds, for each operation that is not drawn, its entry as a number to the edge's output;"
        " that number's gradient is the same for all of them and does not depend on what they compute.",
        effect="Unknown. The NAS-Bench-1Shot1 code, which does not run the others, has the gradient of the drawn one.",
        switch="methods.gdas.gradient=straight-through",
        source="D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/search_cells.py:72-86; automl/nasbench-1shot1"
        " optimizers/gdas/model_search.py:16-27",
        holds=lambda arm: arm.protocol.params.gradient == "chosen",
    ),
    Rule(
        id="gradient-of-all",
        what="The alphas get each operation's own gradient, also of those that are not drawn.",
        why="This is the textbook's straight-through gradient; neither code has it.",
        effect="Unknown. On NAS-Bench-1Shot1 a convolution of weight zero has no gradient.",
        source="D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/search_cells.py:72-86",
        holds=lambda arm: arm.protocol.params.gradient == "straight-through",
    ),
    Rule(
        id="steps-order",
        what="The alphas step before the weights.",
        why="The experiment says so for all methods; the authors' code steps the weights first.",
        effect="Unknown, expected small: either half draws its own mix.",
        switch="methods.gdas.training.order=weights-first",
        source="D-X-Y/AutoDL-Projects exps/NAS-Bench-201-algos/GDAS.py:49-69",
        holds=lambda arm: arm.protocol.training.order == "alpha-first",
    ),
    Rule(
        id="length",
        what="Epochs and optimisers are the experiment's.",
        why="The authors take 250 epochs with Nesterov momentum and weight decay 5e-4; here all methods on a space"
        " share one protocol.",
        effect="Tau falls faster in a shorter search.",
        source="D-X-Y/AutoDL-Projects configs/nas-benchmark/algos/GDAS.config",
        holds=lambda arm: not _authors_settings(arm),
    ),
    Rule(
        id="soft-parents",
        what="Rows that choose parents see the relaxed mix; one draw serves all cells.",
        why="The NAS-Bench-1Shot1 code does the same for the parents. But it draws anew in each cell; here all cells"
        " share one mix.",
        effect="Unknown.",
        source="automl/nasbench-1shot1 optimizers/gdas/model_search.py:86-107",
        holds=lambda arm: not arm.space.operation_rows.all(),
    ),
    Rule(
        id="temperature",
        what="On NAS-Bench-1Shot1, tau falls from 10 to 0.1.",
        why="The code for NAS-Bench-201 does the same, and all spaces share the setting. The code for this benchmark"
        " ends at 1.",
        effect="Unknown; at the end of a search even the soft choice of parents is nearly one-hot.",
        switch="methods.gdas.tau=1.0",
        source="automl/nasbench-1shot1 optimizers/gdas/train_search.py",
        holds=lambda arm: arm.space.family == "nasbench1shot1" and arm.protocol.params.tau == 0.1,
    ),
    Rule(
        id="unclipped-alphas",
        what="On NAS-Bench-1Shot1, the gradient of the alphas is not clipped.",
        why="No other method on this benchmark clips it; the code of GDAS for this benchmark does, to a norm of 5.",
        effect="Unknown; the Gumbel softmax can make that gradient large.",
        source="automl/nasbench-1shot1 optimizers/gdas/architect.py:25-27",
        holds=lambda arm: arm.space.family == "nasbench1shot1",
    ),
    UNCHOSEN,
    MEASURED,
)


METHOD = Method(
    id="gdas",
    label="GDAS",
    colour="#AA4499",
    order=10,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    draws=noise,
    scalars=temperature,
    still=frozenset({"loss"}),  # one path per step: a few images are fitted slowly
    deviations=DEVIATIONS,
)
