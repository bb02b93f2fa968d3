"""SGD, Adam and gradient clipping over flat state, per seed and in place.

They are ``torch.optim``'s formulas (tests hold them to it), written out so that every number that changes between
steps is a tensor on the device: a whole step can then be captured once and replayed.
"""

from __future__ import annotations

import torch
from torch import Tensor


def clip_norm(gradient: Tensor, limit: float, *others: Tensor) -> Tensor:
    """Scale each seed's gradient ``(S, P)`` so that its norm is at most ``limit``.

    ``others``, ``(S, ...)``, count in the norm and are left as they are.
    """
    square = gradient.square().sum(1)
    for other in others:
        square = square + other.flatten(1).square().sum(1)
    factor = (limit / (square.sqrt() + 1e-6)).clamp(max=1.0)
    return gradient * factor.unsqueeze(1)


def sgd(
    weights: Tensor,
    momentum: Tensor,
    gradient: Tensor,
    *,
    lr: Tensor,
    mu: float,
    decay: float = 0.0,
    nesterov: bool = False,
) -> None:
    """Take one SGD step on ``weights`` in place; ``momentum`` starts at zero."""
    gradient = gradient + decay * weights if decay else gradient
    momentum.mul_(mu).add_(gradient)
    weights.sub_(lr * (gradient + mu * momentum if nesterov else momentum))


def adam(
    alpha: Tensor,
    first: Tensor,
    second: Tensor,
    steps: Tensor,
    gradient: Tensor,
    *,
    lr: float,
    betas: tuple[float, float],
    decay: float = 0.0,
    eps: float = 1e-8,
) -> None:
    """Take one Adam step on ``alpha`` in place; ``steps`` counts the steps taken, a tensor of ``alpha``'s dtype."""
    gradient = gradient + decay * alpha if decay else gradient
    steps.add_(1)
    first.lerp_(gradient, 1 - betas[0])
    second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
    correction = torch.sqrt(1 - betas[1] ** steps)
    denominator = second.sqrt() / correction + eps
    alpha.sub_(lr / (1 - betas[0] ** steps) * first / denominator)
