"""Convolutions whose kernels are constants: the gradients of their input, to any order."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def input_gradient(upstream: Tensor, x: Tensor, kernel: Tensor, stride: int, groups: int, dilation: int) -> Tensor:
    """Return the gradient of ``x``, of which only size and memory order count, where odd kernels keep the size."""
    padding = dilation * (kernel.shape[-1] // 2)
    twice = [(each, each) for each in (stride, padding, dilation)]
    return torch.ops.aten.convolution_backward(
        upstream, x, kernel, None, *twice, False, (0, 0), groups, (True, False, False)
    )[0]


class ConstantConv(torch.autograd.Function):
    """A convolution whose kernel and bias are constants, differentiable to any order.

    PyTorch's own second derivative also computes the gradient of the kernel, as convolutions with kernels as large as
    the maps, whether anybody wants it or not. This one's first derivative is ``_ConstantConvBackward``, whose
    derivative is this one again.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int, groups: int, dilation: int
    ) -> Tensor:
        """Return ``F.conv2d`` of these, padded by half the kernel."""
        ctx.save_for_backward(x, kernel)
        ctx.how = stride, groups, dilation
        return F.conv2d(x, kernel, bias, stride, dilation * (kernel.shape[-1] // 2), dilation, groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the input."""
        x, kernel = ctx.saved_tensors
        found = _ConstantConvBackward.apply(gradients[0], x.detach(), kernel, *ctx.how)
        return found, None, None, None, None, None


class _ConstantConvBackward(torch.autograd.Function):
    """The gradient of the input of a ``ConstantConv``, linear in the gradient of its output."""

    @staticmethod
    def forward(
        ctx: Any, upstream: Tensor, x: Tensor, kernel: Tensor, stride: int, groups: int, dilation: int
    ) -> Tensor:
        """Return the gradient of ``x``."""
        ctx.save_for_backward(kernel)
        ctx.how = stride, groups, dilation
        return input_gradient(upstream, x, kernel, stride, groups, dilation)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the upstream gradient: the convolution itself."""
        found = ConstantConv.apply(gradients[0], *ctx.saved_tensors, None, *ctx.how)
        return found, None, None, None, None, None
