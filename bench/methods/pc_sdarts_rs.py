"""PC-DARTS with the random perturbation of SDARTS: the weights descend the loss at a randomly moved mix.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020, which
reports it as well; no code of it was released. Supernet and warm-up are those of PC-DARTS (``pc_darts.py``), the step
is that of SDARTS-RS (``sdarts_rs.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.methods.method import Method, Rule
from bench.steps import perturb

from . import pc_darts, sdarts_rs


@dataclass(frozen=True)
class Params(pc_darts.Params, perturb.Radius):
    """The parameters of PC-DARTS, and the radius of SDARTS."""


UNRELEASED = Rule(
    id="unreleased",
    what="The perturbation is that of SDARTS on the supernet of PC-DARTS, from the first epoch on; where edges have"
    " weights, their rows of the mix are perturbed like all others.",
    why="No code of it was released: the PC-DARTS script of the SmoothDARTS code perturbs nothing.",
    effect="Unknown.",
    source="xiangning-chen/SmoothDARTS sota/cnn/train_search_pcdarts.py",
)


METHOD = Method(
    id="pc-sdarts-rs",
    label="PC-SDARTS-RS",
    colour="#EE8866",
    order=18,
    levels=2,
    cite=sdarts_rs.CITE,
    step=sdarts_rs.step,
    passes={"alpha": 1, "weights": 1},
    params=Params,
    draws=perturb.noise,
    scalars=perturb.radius,
    supernet=pc_darts.partial,
    warm_up=pc_darts.warm_up,
    deviations=(*pc_darts.deviations("pc-sdarts-rs"), *sdarts_rs.DEVIATIONS, UNRELEASED),
)
