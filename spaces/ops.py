"""The tensor operations of the supernet, over S seeds at once.

Feature maps are ``(B, H, W, S, C)``: channels last, one group of channels a seed. Convolution, batch norm and
pooling see them as ``(B, S * C, H, W)`` in PyTorch's channels-last memory format, without a copy; a grouped
convolution and an ordinary batch norm then treat every seed on its own.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

ConvForm = Literal["grouped", "loop"]
CONV_FORMS: tuple[ConvForm, ...] = ("grouped", "loop")
BN_EPS = 1e-5


def to_nchw(x: Tensor) -> Tensor:
    """View ``(B, H, W, S, C)`` as ``(B, S * C, H, W)``."""
    return x.flatten(3).permute(0, 3, 1, 2)


def from_nchw(x: Tensor, seeds: int) -> Tensor:
    """View ``(B, S * C, H, W)`` as ``(B, H, W, S, C)``."""
    return x.permute(0, 2, 3, 1).unflatten(3, (seeds, -1))


def seed_conv(
    x: Tensor, kernel: Tensor, bias: Tensor | None = None, *, stride: int = 1, form: ConvForm = "grouped"
) -> Tensor:
    """Convolve each seed's map with its own kernel, padded so that odd kernels keep the size.

    Parameters
    ----------
    x : ``(B, H, W, S, Cin)``.
    kernel : ``(S, Cout, Cin, k, k)``.
    bias : ``(S, Cout)``.
    form : how the seeds are kept apart: one grouped convolution, or one convolution a seed. Results differ by
        rounding alone; which is faster depends on the device.

    Returns
    -------
    ``(B, H', W', S, Cout)``.
    """
    padding = kernel.shape[-1] // 2
    if form == "loop":
        biases = [None] * len(kernel) if bias is None else list(bias)
        maps = [
            F.conv2d(one.permute(0, 3, 1, 2), k, b, stride=stride, padding=padding).permute(0, 2, 3, 1)
            for one, k, b in zip(x.unbind(3), kernel.unbind(0), biases, strict=True)
        ]
        return torch.stack(maps, dim=3)
    y = F.conv2d(
        to_nchw(x),
        kernel.flatten(0, 1),
        None if bias is None else bias.flatten(),
        stride=stride,
        padding=padding,
        groups=len(kernel),
    )
    return from_nchw(y, len(kernel))


def max_pool(x: Tensor, *, kernel: int, stride: int, padding: int) -> Tensor:
    """Pool ``(B, H, W, S, C)`` by maxima."""
    return from_nchw(F.max_pool2d(to_nchw(x), kernel, stride, padding), x.shape[3])


def avg_pool(x: Tensor, *, kernel: int, stride: int, padding: int) -> Tensor:
    """Pool ``(B, H, W, S, C)`` by means; padding does not count."""
    y = F.avg_pool2d(to_nchw(x), kernel, stride, padding, count_include_pad=False)
    return from_nchw(y, x.shape[3])
