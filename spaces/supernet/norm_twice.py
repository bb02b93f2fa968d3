"""A batch norm whose second derivative takes a dozen kernels.

PyTorch composes its own of about eighty. This one is written out. With ``n`` numbers a channel, ``r`` one by the
standard deviation, ``z`` the normalised map and ``P(v) = v - mean(v) - z mean(z v)``, the first derivatives for an
upstream gradient ``v`` are ``scale r P(v)``, ``<v, z>`` and ``sum(v)``: PyTorch's kernel gives ``r P(v)`` and both
sums at once, and ``r P`` of the gradient of the first of them as well.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def batch_norm_twice(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> Tensor:
    """Normalise ``(B, C, H, W)`` by the batch's statistics as ``F.batch_norm`` does; differentiable twice."""
    scale = x.new_ones(x.shape[1]) if scale is None else scale
    return _BatchNorm.apply(x, scale, torch.zeros_like(scale) if shift is None else shift, eps)


class _BatchNorm(torch.autograd.Function):
    """``(B, C, H, W), (C,), (C,) -> (B, C, H, W)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        """Return the normalised map, scaled and shifted."""
        y, mean, inverse = torch.native_batch_norm(x, scale, shift, None, None, True, 0.0, eps)
        ctx.save_for_backward(x, scale, mean, inverse)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the map, the scale and the shift."""
        if not torch.is_grad_enabled():  # nobody differentiates these
            return (*_projected(gradients[0], *ctx.saved_tensors), None)
        return (*_BatchNormBackward.apply(gradients[0], *ctx.saved_tensors), None)


class _BatchNormBackward(torch.autograd.Function):
    """``(B, C, H, W), ... -> (B, C, H, W), (C,), (C,)``: the gradients of map, scale and shift."""

    @staticmethod
    def forward(
        ctx: Any, upstream: Tensor, x: Tensor, scale: Tensor, mean: Tensor, inverse: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three gradients; what every row of a Hessian needs is computed once."""
        one = torch.ones_like(scale)
        projected, along, total = _projected(upstream, x, one, mean, inverse)
        steep = -scale * inverse / (x.numel() // len(scale))
        ctx.save_for_backward(projected, x, scale, mean, inverse, steep, steep * along, one)
        return projected * _wide(scale), along, total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradients of the upstream gradient, of the map, and of the scale."""
        of_map, of_scale, of_shift = gradients
        projected, x, scale, mean, inverse, steep, across, one = ctx.saved_tensors
        again, along, _ = _projected(of_map, x, one, mean, inverse)
        to_scale = (of_map * projected).sum((0, 2, 3))
        centred = x - _wide(mean)
        to_upstream = torch.addcmul(_wide(of_shift), centred, _wide(of_scale * inverse)).addcmul_(again, _wide(scale))
        to_x = centred.mul_(_wide(steep * to_scale * inverse)).addcmul_(again, _wide(across))
        to_x.addcmul_(projected, _wide(torch.addcmul(of_scale, steep, along)))
        return to_upstream, to_x, to_scale, None, None


def _projected(v: Tensor, x: Tensor, scale: Tensor, mean: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return ``scale r P(v)``, ``<v, z>`` and ``sum(v)``."""
    every = (True, True, True)
    return torch.ops.aten.native_batch_norm_backward(v, x, scale, None, None, mean, inverse, True, 0.0, every)


def _wide(channels: Tensor) -> Tensor:
    return channels.view(1, -1, 1, 1)
