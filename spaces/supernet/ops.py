"""Pooling, and the memory order of feature maps, over S seeds at once.

Feature maps are ``(B, H, W, S, C)``: channels last, one group of channels a seed. Convolution, batch norm and
pooling see them as ``(B, S * C, H, W)`` in PyTorch's channels-last memory format, without a copy; a grouped
convolution and an ordinary batch norm then treat every seed on its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .constants import Constants

BN_EPS = 1e-5


def on_a_cpu(x: Tensor) -> bool:
    """Whether to compute as a CPU does it fastest: it is slow to repeat short rows, and multiplies without rounding."""
    return x.device.type == "cpu"


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


def neighbours(x: Tensor, reach: int, *, transposed: bool = False) -> Tensor:
    """Return for each pixel the mean of all pixels of a CPU's map at most ``reach`` rows and columns away.

    That is ``avg_pool`` by one product for the rows and one for the columns, in half the time on maps of 16 x 16;
    ``transposed``, its gradient.
    """
    batch, height, width = x.shape[:3]
    rows, columns = (_MEANS.of(side, reach, x.dtype) for side in (height, width))
    if transposed:
        rows, columns = rows.T, columns.T
    y = torch.bmm(rows.expand(batch, -1, -1), x.reshape(batch, height, -1))
    return torch.bmm(columns.expand(batch * height, -1, -1), y.view(batch * height, width, -1)).view(x.shape)


def _make_means(side: int, reach: int, dtype: torch.dtype) -> Tensor:
    """Return ``(side, side)``: by how much each place counts in the mean around each."""
    near = (torch.arange(side)[:, None] - torch.arange(side)).abs() <= reach
    return (near.double() / near.sum(1, keepdim=True)).to(dtype)


_MEANS = Constants(_make_means)
