"""PC-DARTS with the adversarial perturbation of SDARTS: the weights descend the loss at the mix that an attack found.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020, which
reports it as well; no code of it was released. Supernet and warm-up are those of PC-DARTS (``pc_darts.py``), the step
is that of SDARTS-ADV (``sdarts_adv.py``): the attack moves the mix, never what passes the operations by.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.methods.method import Method
from bench.steps import perturb

from . import pc_darts, pc_sdarts_rs, sdarts_adv


@dataclass(frozen=True)
class Params(pc_darts.Params, sdarts_adv.Params):
    """The parameters of PC-DARTS, and the radius and steps of the attack."""


METHOD = Method(
    id="pc-sdarts-adv",
    label="PC-SDARTS-ADV",
    colour="#AA3377",
    order=19,
    levels=2,
    cite=sdarts_adv.METHOD.cite,
    step=sdarts_adv.step,
    passes={"alpha": 1, "weights": 1, "attack": 1},
    params=Params,
    draws=perturb.noise,
    scalars=perturb.radius,
    supernet=pc_darts.partial,
    warm_up=pc_darts.warm_up,
    deviations=(*pc_darts.deviations("pc-sdarts-adv"), *sdarts_adv.DEVIATIONS, pc_sdarts_rs.UNRELEASED),
)
