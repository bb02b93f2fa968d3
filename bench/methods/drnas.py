"""DrNAS: every row of the mix is a Dirichlet sample, through which the alphas get a pathwise gradient.

Not measured yet: no record of it on NAS-Bench-201 is committed.

Chen, Wang, Cheng, Tang & Hsieh, DrNAS: Dirichlet Neural Architecture Search, ICLR 2021; xiangning-chen/DrNAS at
f2caa4d, 201-space/search_model.py:121-135. The concentration of a row is elu(alpha) + 1. Both halves of a step draw
anew.

A sample is a row of gamma variables divided by their sum. Each is the first accepted of ``PROPOSALS`` proposals
(Marsaglia & Tsang, A Simple Method for Generating Gamma Variables, ACM TOMS 2000), so that a step consumes draws that
were made before it. Its gradient is the implicit one, as in ``torch.distributions.Dirichlet``: it does not depend on
how the sample was made.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.methods.method import Draws, Method, Rule
from bench.steps import bilevel
from bench.steps.learner import Batch, Learner, Outcome
from spaces.base import Space

from .gdas import MEASURED

CITE = """@inproceedings{chen2021drnas,
  title     = {{DrNAS}: Dirichlet Neural Architecture Search},
  author    = {Chen, Xiangning and Wang, Ruochen and Cheng, Minhao and Tang, Xiaocheng and Hsieh, Cho-Jui},
  booktitle = {International Conference on Learning Representations},
  year      = {2021}
}"""

#: Each proposal is accepted with a probability above 0.95: all of them are refused once in 10 ** 20 draws.
PROPOSALS = 16


def noise(generator: torch.Generator, steps: int, space: Space, params: object) -> Draws:
    """Draw what one seed's samples are made of; axis 1 is the half of the step, the alphas' first.

    Returns
    -------
    "normal" ``(steps, 2, PROPOSALS, R, M)``, and "uniform" ``(steps, 2, PROPOSALS + 1, R, M)`` in (0, 1).
    """
    shape = space.mask.shape
    uniform = torch.rand(steps, 2, PROPOSALS + 1, *shape, generator=generator, dtype=torch.float64)
    normal = torch.randn(steps, 2, PROPOSALS, *shape, generator=generator, dtype=torch.float64)
    return {"normal": normal, "uniform": uniform.clamp(min=torch.finfo(torch.float64).eps)}


def concentration(alpha: Tensor) -> Tensor:
    """Return elu(alpha) + 1, which is positive."""
    return F.elu(alpha) + 1


def gamma(shape: Tensor, normal: Tensor, uniform: Tensor) -> Tensor:
    """Return gamma variables of some shapes, ``(S, R, M)``, positive.

    Parameters
    ----------
    shape : ``(S, R, M)``. Below 1 the variable of shape + 1 is drawn and multiplied by u ** (1 / shape).
    normal : ``(S, K, R, M)``.
    uniform : ``(S, K + 1, R, M)``; the last is for shapes below 1.
    """
    tiny = torch.finfo(shape.dtype).tiny
    below = shape < 1
    d = torch.where(below, shape + 1, shape) - 1 / 3
    x, u = normal, uniform[:, :-1]
    root = 1 + x / (9 * d).sqrt().unsqueeze(1)
    v = root**3
    bound = 0.5 * x**2 + d.unsqueeze(1) * (1 - v + v.clamp(min=tiny).log())
    accepted = (root > 0) & (u.log() < bound)
    first = accepted & (accepted.cumsum(1) == 1)
    drawn = torch.where(accepted.any(1), (first * v).sum(1), v[:, -1]) * d
    boost = torch.where(below, uniform[:, -1] ** (1 / shape.clamp(min=tiny)), 1)
    return (drawn * boost).clamp(min=tiny)


def sample(alpha: Tensor, mask: Tensor, normal: Tensor, uniform: Tensor) -> Tensor:
    """Return a Dirichlet sample of each row, ``(S, R, M)``, 0 in the padding; the draws are those of ``gamma``."""
    drawn = torch.where(mask, gamma(concentration(alpha), normal, uniform), 0)
    return drawn / drawn.sum(-1, keepdim=True)


def pathwise(gradient: Tensor, drawn: Tensor, alpha: Tensor, mask: Tensor) -> Tensor:
    """Return the gradient with respect to alpha of what has ``gradient`` with respect to the sample ``drawn``.

    With c the concentration and D_j = -(dF / dc_j) / p(x_j), where F is the distribution function of the beta variable
    x_j, it is D_j (gradient_j - sum over k of x_k gradient_k) dc_j / dalpha_j.
    """
    c = torch.where(mask, concentration(alpha), 0)
    total = c.sum(-1, keepdim=True).expand_as(c)
    inside = torch.where(mask, drawn, 0.5).clamp(min=torch.finfo(drawn.dtype).tiny)
    slope = torch.ops.aten._dirichlet_grad(inside, torch.where(mask, c, 1), total)  # as torch.distributions does
    centred = gradient - (drawn * gradient).sum(-1, keepdim=True)
    chain = torch.where(alpha < 0, alpha.clamp(max=0).exp(), 1)
    return torch.where(mask, slope * centred * chain, 0)


def alpha_gradient(learner: Learner, batch: Batch) -> Tensor:
    """Return the pathwise gradient at a sample of the alpha step's own."""
    alpha, mask = learner.state.alpha, learner.mask
    drawn = sample(alpha, mask, batch.draws["normal"][:, 0], batch.draws["uniform"][:, 0])
    return pathwise(bilevel.mix_gradient(learner, batch, drawn), drawn, alpha, mask)


def sampled(learner: Learner, batch: Batch, mix: Tensor) -> Tensor:
    """Return the sample that the weights see."""
    return sample(learner.state.alpha, learner.mask, batch.draws["normal"][:, 1], batch.draws["uniform"][:, 1])


def step(learner: Learner, batch: Batch, params: object) -> Outcome:
    """Take one step at two samples of the mix."""
    return bilevel.step(learner, batch, alpha_gradient=alpha_gradient, perturb=sampled)


DEVIATIONS = (
    Rule(
        id="proposals-finite",
        what=f"A gamma variable is the first accepted of {PROPOSALS} proposals, and the last where none is.",
        why="All random numbers of a step are drawn before it; the authors' sampler tries until one is accepted.",
        effect="None: it happens once in 10 ** 20 draws.",
        source="Marsaglia & Tsang, A Simple Method for Generating Gamma Variables, 2000",
    ),
    Rule(
        id="unshifted-rate",
        what="The learning rate is one epoch ahead, as for all methods of the experiment.",
        why="The authors' code of this method steps the scheduler at the end of an epoch.",
        effect="Expected small.",
        switch="training.lr_shifted=false",
        source="xiangning-chen/DrNAS 201-space/train_search.py",
        holds=lambda arm: arm.protocol.training.lr_shifted,
    ),
    Rule(
        id="l2-alone",
        what="The regulariser is the weight decay of Adam, which pulls every concentration to one.",
        why="It is the authors' default on this benchmark; their other one is the distance to the flat Dirichlet.",
        effect="None against their default.",
        source="xiangning-chen/DrNAS 201-space/search_model.py:50-72",
        holds=lambda arm: arm.space.family == "nasbench201",
    ),
    MEASURED,
)


METHOD = Method(
    id="drnas",
    label="DrNAS",
    colour="#117733",
    order=11,
    levels=2,
    cite=CITE,
    step=step,
    passes={"alpha": 1, "weights": 1},
    draws=noise,
    still=frozenset({"loss"}),  # one random mix per step: a few images are fitted slowly
    deviations=DEVIATIONS,
)
