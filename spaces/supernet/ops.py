"""Pooling, and the memory order of feature maps, over S seeds at once.

Feature maps are ``(B, H, W, S, C)``: channels last, one group of channels a seed. Convolution, batch norm and
pooling see them as ``(B, S * C, H, W)`` in PyTorch's channels-last memory format, without a copy; a grouped
convolution and an ordinary batch norm then treat every seed on its own.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

BN_EPS = 1e-5


def to_nchw(x: Tensor) -> Tensor:
    """View ``(B, H, W, S, C)`` as ``(B, S * C, H, W)``."""
    return x.flatten(3).permute(0, 3, 1, 2)


def from_nchw(x: Tensor, seeds: int) -> Tensor:
    """View ``(B, S * C, H, W)`` as ``(B, H, W, S, C)``."""
    return x.permute(0, 2, 3, 1).unflatten(3, (seeds, -1))


def max_pool(x: Tensor, *, kernel: int, stride: int, padding: int) -> Tensor:
    """Pool ``(B, H, W, S, C)`` by maxima."""
    return from_nchw(F.max_pool2d(to_nchw(x), kernel, stride, padding), x.shape[3])


def avg_pool(x: Tensor, *, kernel: int, stride: int, padding: int) -> Tensor:
    """Pool ``(B, H, W, S, C)`` by means; padding does not count."""
    y = F.avg_pool2d(to_nchw(x), kernel, stride, padding, count_include_pad=False)
    return from_nchw(y, x.shape[3])
