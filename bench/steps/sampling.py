"""One choice per row, drawn in proportion to the mix: Gumbel noise, and the draws that use it.

The largest of alpha + Gumbel noise is a draw from softmax(alpha); the softmax of (alpha + noise) / tau is its smooth
stand-in (Jang et al. and Maddison et al., ICLR 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .simplex import softmax


def gumbel(generator: torch.Generator, *shape: int) -> Tensor:
    """Draw standard Gumbel noise, finite, in float64."""
    uniform = torch.rand(*shape, generator=generator, dtype=torch.float64)
    tiny = torch.finfo(torch.float64).eps
    return -torch.log(-torch.log(uniform.clamp(tiny, 1 - tiny)))


def relaxed(alpha: Tensor, mask: Tensor, noise: Tensor, tau: Tensor) -> Tensor:
    """Return softmax((alpha + noise) / tau) of each row, ``(S, R, M)``, 0 in the padding."""
    return softmax((alpha + noise) / tau, mask)


def largest(scores: Tensor, mask: Tensor) -> Tensor:
    """Return each row's one-hot at its largest entry that exists, ``(S, R, M)``."""
    place = scores.masked_fill(~mask, -torch.inf).argmax(-1, keepdim=True)
    return torch.zeros_like(scores).scatter_(-1, place, 1)
