"""Mixes: points of a product of simplices, one per row of the padded table ``(S, R, M)``."""

from __future__ import annotations

import torch
from torch import Tensor


def softmax(alpha: Tensor, allowed: Tensor) -> Tensor:
    """Return the softmax of each row over its allowed entries, 0 elsewhere.

    Parameters
    ----------
    alpha : ``(S, R, M)``.
    allowed : bool, broadcastable to it, with at least one True per row: which entries exist, or are kept.
    """
    return torch.softmax(alpha.masked_fill(~allowed, -torch.inf), dim=-1)


def project(mix: Tensor, mask: Tensor) -> Tensor:
    """Bring each row back to the simplex as the SmoothDARTS code does (attacker/perturb.py, ``clip``).

    Entries are clamped to [0, 1] and divided by their sum. A row that is then zero becomes one-hot at the entry
    that was largest before. This is not a Euclidean projection, and may leave a box around the clean mix.
    """
    clamped = torch.where(mask, mix.clamp(0, 1), 0)
    total = clamped.sum(-1, keepdim=True)
    largest = mix.masked_fill(~mask, -torch.inf).argmax(-1, keepdim=True)
    one_hot = torch.zeros_like(mix).scatter_(-1, largest, 1)
    return torch.where(total > 0, clamped / torch.where(total > 0, total, 1), one_hot)


def entropy(mix: Tensor) -> Tensor:
    """Return the entropy of each row in nats: ``(S, R)``."""
    return torch.special.entr(mix).sum(-1)
