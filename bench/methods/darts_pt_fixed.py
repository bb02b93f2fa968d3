"""DARTS-PT with fixed alphas: only the weights are trained, and the architecture is chosen as in DARTS-PT.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Wang et al., Rethinking Architecture Selection in Differentiable NAS, ICLR 2021, section 4.3 and table 4; "blank" in
ruocwang/darts-pt at 4ec3149, nasbench201/architect_ig.py:97-112. The alphas stay at 1e-3 N(0, 1), so that the supernet
is trained at a mix that is nearly uniform.
"""

from __future__ import annotations

from typing import Any

from bench.methods import darts_pt
from bench.methods.method import Method, Rule
from bench.steps.learner import Batch, Learner, Outcome

CITE = darts_pt.CITE


def step(learner: Learner, batch: Batch, params: Any) -> Outcome:
    """Take a weight step alone."""
    return learner.weight_step(batch.train, learner.mix(), batch.lr)


DEVIATIONS = (
    Rule(
        id="darts-pt-fixed-start",
        what="The alphas are drawn from 1e-3 N(0, 1).",
        why="The code does the same. The paper says that they are zero.",
        effect="None is expected: no weight of a row is further than a hundredth from the others.",
        source="ruocwang/darts-pt at 4ec3149, nasbench201/search_model.py:49",
    ),
    *darts_pt.DEVIATIONS,
)

METHOD = Method(
    id="darts-pt-fixed",
    label="DARTS-PT (fixed alpha)",
    colour="#BB5566",
    order=22,
    levels=2,
    cite=CITE,
    step=step,
    select=darts_pt.SELECTION,
    passes={"weights": 1},
    params=darts_pt.Params,
    spaces=darts_pt.fault,
    still=frozenset({"alpha", "first", "second", "steps"}),  # no step is taken on the alphas
    deviations=DEVIATIONS,
)
