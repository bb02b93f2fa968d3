"""Pooling, sums and ReLUs, and the memory order of feature maps, over S seeds at once.

Feature maps are ``(B, H, W, S, C)``: channels last, one group of channels per seed. Convolution, batch norm and
pooling see them as ``(B, S * C, H, W)`` in PyTorch's channels-last memory format, without a copy; a grouped
convolution and an ordinary batch norm then treat every seed on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def relu_in_parts(y: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    """Return relu(y) in parts of so many channels, ``(B, H, W, S, size)``; the first is contiguous on a GPU.

    There the gradients of the parts are written side by side, not copied together.
    """
    if torch.compiler.is_compiling() or on_a_cpu(y):
        return F.relu(y).split(list(sizes), dim=-1)
    return _ReluInParts.apply(y, tuple(sizes))


class _ReluInParts(torch.autograd.Function):
    """See ``relu_in_parts``; differentiable to any order."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, sizes: tuple[int, ...]) -> tuple[Tensor, ...]:
        """Return the parts."""
        first, others = (torch.relu(one).contiguous() for one in y.split([sizes[0], sum(sizes[1:])], dim=-1))
        parts = (first, *others.split(sizes[1:], dim=-1))
        ctx.save_for_backward(*parts)
        return parts

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the map."""
        parts = ctx.saved_tensors
        if torch.is_grad_enabled():
            open_ = [torch.where(one > 0, g, 0) for g, one in zip(gradients, parts, strict=True)]
            return torch.cat(open_, dim=-1), None
        return where_positive(gradients, parts), None


def where_positive(gradients: Sequence[Tensor], parts: Sequence[Tensor]) -> Tensor:
    """Return the gradients where their part of a map is above zero, and zero elsewhere, side by side."""
    sizes = [one.shape[-1] for one in parts]
    found = gradients[0].new_empty(*parts[0].shape[:-1], sum(sizes))
    for gradient, one, out in zip(gradients, parts, found.split(sizes, dim=-1), strict=True):
        torch.ops.aten.threshold_backward.grad_input(gradient, one, 0, grad_input=out)
    return found


def max_pool(x: Tensor, *, kernel: int, stride: int, padding: int) -> Tensor:
    """Pool ``(B, H, W, S, C)`` by maxima."""
    return from_nchw(F.max_pool2d(to_nchw(x), kernel, stride, padding), x.shape[3])


def avg_pool(x: Tensor, *, kernel: int, stride: int, padding: int) -> Tensor:
    """Pool ``(B, H, W, S, C)`` by means; padding does not count."""
    return from_nchw(window_means(to_nchw(x), kernel, stride=stride, padding=padding), x.shape[3])


def window_means(maps: Tensor, kernel: int, *, stride: int, padding: int) -> Tensor:
    """Return the mean of each window of maps ``(B, C, H, W)``; padding does not count.

    A GPU gets the same numbers without PyTorch's own gradient of a padded average pool, which is silently wrong there
    for maps in channels-last order (https://github.com/pytorch/pytorch/issues/188344).
    """
    if not padding or (on_a_cpu(maps) and ((kernel, stride, padding) != (3, 1, 1) or torch.compiler.is_compiling())):
        return F.avg_pool2d(maps, kernel, stride, padding, count_include_pad=False)
    counts = window_counts(maps, kernel, stride=stride, padding=padding)
    if (stride, kernel) == (1, 2 * padding + 1):
        return _Means.apply(maps, counts, padding)
    return F.avg_pool2d(F.pad(maps, (padding,) * 4), kernel, stride, divisor_override=1) / counts


def window_counts(maps: Tensor, kernel: int, *, stride: int, padding: int) -> Tensor:
    """Return ``(1, 1, H', W')``: how many pixels of maps ``(B, C, H, W)`` each window holds."""
    return _COUNTS.of(*maps.shape[2:], kernel, stride, padding, maps.dtype, maps.device)


def _count(
    height: int, width: int, kernel: int, stride: int, padding: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return ``(1, 1, H', W')``: how many pixels of a map each window holds."""
    ones = torch.ones(1, 1, height, width)
    return F.avg_pool2d(ones, kernel, stride, padding, divisor_override=1).to(device, dtype)


_COUNTS = Constants(_count)


class _Means(torch.autograd.Function):
    """The means of windows of ``2 * padding + 1`` by as many pixels around each pixel, differentiable to any order.

    The windows that hold a pixel lie around it as its own window does. So the gradient is a sum over windows again:
    ``_Spread``, whose gradient is this one again. Neither needs PyTorch's gradient of a pool.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, counts: Tensor, padding: int) -> Tensor:
        """Return ``(B, C, H, W)``."""
        ctx.save_for_backward(counts)
        ctx.padding = padding
        if on_a_cpu(maps):
            return _around(_around(maps, 2), 3).div_(counts)
        return F.avg_pool2d(maps, 2 * padding + 1, 1, padding, count_include_pad=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the maps."""
        return _Spread.apply(gradients[0], *ctx.saved_tensors, ctx.padding), None, None


class _Spread(torch.autograd.Function):
    """The gradient of ``_Means``: each pixel's value, divided by its window's count, goes to every pixel around it."""

    @staticmethod
    def forward(ctx: Any, upstream: Tensor, counts: Tensor, padding: int) -> Tensor:
        """Return ``(B, C, H, W)``."""
        ctx.save_for_backward(counts)
        ctx.padding = padding
        if on_a_cpu(upstream):
            return _around(_around(upstream / counts, 2), 3)
        return F.avg_pool2d(upstream / counts, 2 * padding + 1, 1, padding, divisor_override=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the upstream gradient."""
        return _Means.apply(gradients[0], *ctx.saved_tensors, ctx.padding), None, None


def products(a: Tensor, b: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the sum over pixels of ``a * b`` for each channel: ``(N, S, C), (N, S, C) -> (S, C)``, in a precision.

    Contiguous maps are read once, and no map of products is written: it is what the backward pass of a batch norm sums
    up for the gradient of its scale, here of a mean of 0 and a deviation of 1.
    """
    if not (a.is_contiguous() and b.is_contiguous()):
        return (a * b).sum(0, dtype=dtype)
    zero, one = (_FILLED.of(value, a.shape[1] * a.shape[2], dtype, a.device) for value in (0.0, 1.0))
    found = torch.ops.aten.native_batch_norm_backward(
        a.flatten(1), b.flatten(1), one, None, None, zero, one, True, 0.0, (False, True, False)
    )[1]
    return found.view(a.shape[1:])


def _filled(value: float, length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.full((length,), value, dtype=dtype, device=device)


_FILLED = Constants(_filled)


def _around(x: Tensor, dim: int) -> Tensor:
    """Return for each place along a dimension the sum of what is there and beside it: in half the time of a pool."""
    last = x.shape[dim] - 1
    total = torch.empty_like(x)
    total.narrow(dim, 0, 1).copy_(x.narrow(dim, 0, 1))
    torch.add(x.narrow(dim, 1, last), x.narrow(dim, 0, last), out=total.narrow(dim, 1, last))
    total.narrow(dim, 0, last).add_(x.narrow(dim, 1, last))
    return total
