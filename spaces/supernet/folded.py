"""Rectified convolutions at frozen weights, with the mixing weight folded into the kernel: how a GPU computes them.

A weight w >= 0 goes through a ReLU: w * relu(y) = relu(w * y). So no map is multiplied for it. At a weight of exactly
zero, as the adversarial projection makes them, w * y would lose the weight's gradient, the sum of g * relu(y). There
the kernel is taken as it is, a ceiling of zero on the ReLU makes the map zero, and another kernel, of zeros, carries
the gradient back. So values and first derivatives are exact whatever the weight.

First derivatives only: those of the input and of the weights. Gradients of several maps are written side by side into
one, never copied together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .conv import Forms, seed_conv, seed_conv_gradient
from .ops import from_nchw, products, to_nchw, where_positive

_POOL = ([3, 3], [1, 1], [1, 1], [1, 1], False)  # of 3x3 pixels, stride 1


class Folded(NamedTuple):
    """Convolutions that read the same map, side by side, C outputs together.

    Attributes
    ----------
    factor : ``(S, C)``, the weight of each output; it alone has a gradient.
    kernel, bias : ``(S, C, Cin, k, k)`` and ``(S, C)``, times ``safe``; ``back`` is the kernel times ``factor``.
    safe : the weight, and one where that is zero.
    floor, ceiling : zero; infinity, and zero where the weight is zero.
    """

    factor: Tensor
    kernel: Tensor
    bias: Tensor
    back: Tensor
    safe: Tensor
    floor: Tensor
    ceiling: Tensor

    def gradient(self, of_rectified: Tensor, y: Tensor) -> Tensor:
        """Return the gradient of ``factor``; what was convolved, and the gradient where it is above zero, is given."""
        return products(of_rectified.flatten(0, 2), y.flatten(0, 2), self.safe.dtype) / self.safe


@dataclass(frozen=True)
class Folds:
    """The kernels of all rectified convolutions of one shape, before any mix.

    A row is an output of a seed: group after group, seed after seed, convolution after convolution; kernels are
    ``(rows, k * k * Cin)``, biases ``(rows, 1)``. ``maps`` is the precision of what ``at`` returns.
    """

    groups: tuple[tuple[str, ...], ...]
    seeds: int
    side: int
    kernels: Tensor
    biases: Tensor
    maps: torch.dtype

    @classmethod
    def of(
        cls, kernels: Mapping[str, tuple[Tensor, Tensor]], groups: Sequence[tuple[str, ...]], maps: torch.dtype
    ) -> list[Folds]:
        """Gather the folded kernels of groups of convolutions, those of one shape together; small ones are widened."""
        alike: dict[tuple[torch.Size, ...], list[tuple[str, ...]]] = {}
        for group in groups:
            alike.setdefault(tuple(kernels[name][0].shape for name in group), []).append(group)
        found = []
        for shapes, members in alike.items():
            side = max(shape[-1] for shape in shapes)
            rows = [_rows([kernels[name][0] for name in group], side) for group in members]
            biases = [torch.cat([kernels[name][1] for name in group], dim=1).flatten() for group in members]
            seeds = shapes[0][0]
            found.append(cls(tuple(members), seeds, side, torch.cat(rows), torch.cat(biases).unsqueeze(1), maps))
        return found

    def at(self, factors: Mapping[str, Tensor]) -> dict[str, Folded]:
        """Return the convolutions of each group under the name of its first, at weights ``(S, C)``.

        A few operations make the kernels of all groups.
        """
        terms = len(self.groups[0])
        each = torch.stack([factors[f"{name}.bn"] for group in self.groups for name in group])
        factor = each.unflatten(0, (-1, terms)).transpose(1, 2).flatten(2)  # (groups, S, C)
        with torch.no_grad():
            column = factor.reshape(-1, 1)
            none = column == 0
            safe, ceiling = torch.where(none, 1.0, column), torch.where(none, 0.0, math.inf).to(self.maps)
            kernel, back = ((self.kernels * by).to(self.maps) for by in (safe, column))
            bias, floor = (self.biases * safe).to(self.maps), ceiling.new_zeros(())
            by_group = [self._kernels(one) for one in (kernel, back)]
            flat = [one.view_as(factor).unbind(0) for one in (bias, safe, ceiling)]
        parts = zip(self.groups, factor.unbind(0), *by_group, *flat, strict=True)
        return {
            group[0]: Folded(own, kernel, bias, back, safe, floor, ceiling)
            for group, own, kernel, back, bias, safe, ceiling in parts
        }

    def _kernels(self, rows: Tensor) -> tuple[Tensor, ...]:
        """View rows as the kernels ``(S, C, Cin, k, k)`` of each group."""
        shape = (len(self.groups), self.seeds, -1, self.side, self.side, rows.shape[1] // self.side**2)
        return rows.view(shape).permute(0, 1, 2, 5, 3, 4).unbind(0)


def _rows(kernels: list[Tensor], side: int) -> Tensor:
    """Return kernels ``(S, C, Cin, k, k)``, widened to ``side`` and side by side, as ``(S * C, side * side * Cin)``."""
    widened = [F.pad(kernel, ((side - kernel.shape[-1]) // 2,) * 4) for kernel in kernels]
    return torch.cat(widened, dim=1).permute(0, 1, 3, 4, 2).flatten(2).flatten(0, 1)


def rectified(x: Tensor, folded: Folded, sizes: Sequence[int], form: Forms) -> tuple[Tensor, ...]:
    """Return the weighted, rectified convolutions of a map in parts ``(B, H, W, S, size)``, the first contiguous."""
    return _Rectified.apply(x, folded.factor, folded, tuple(sizes), form)


class _Rectified(torch.autograd.Function):
    """See ``rectified``."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, factor: Tensor, folded: Folded, sizes: tuple[int, ...], form: Forms
    ) -> tuple[Tensor, ...]:
        """Return the parts."""
        y = seed_conv(x, folded.kernel, folded.bias, form=form)
        ctx.save_for_backward(x, y)
        ctx.how = folded, sizes, form
        halves = [sizes[0], sum(sizes[1:])]
        pieces = zip(y.split(halves, dim=-1), folded.ceiling.split(halves, dim=-1), strict=True)
        first, others = (torch.clamp(one, folded.floor, ceiling) for one, ceiling in pieces)
        return first.contiguous(), *others.contiguous().split(sizes[1:], dim=-1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradients of the map and of the weights."""
        (x, y), (folded, sizes, form) = ctx.saved_tensors, ctx.how
        of_y = where_positive(gradients, y.split(sizes, dim=-1))
        of_x = seed_conv_gradient(of_y, x, folded.back, form=form) if ctx.needs_input_grad[0] else None
        return of_x, folded.gradient(of_y, y), None, None, None


def mixed(x: Tensor, folded: Folded, pool: Tensor, form: Forms) -> Tensor:
    """Return the sum of two weighted, rectified convolutions of a map and its max pool, weighted by ``pool``.

    ``(B, H, W, S, C)``, weights ``(S, 1, C)`` -> ``(B, H, W, S, C)``.
    """
    return _Mixed.apply(x, folded.factor, pool.squeeze(1), folded, form)


class _Mixed(torch.autograd.Function):
    """See ``mixed``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Tensor, pool: Tensor, folded: Folded, form: Forms) -> Tensor:
        """Return the sum."""
        y = seed_conv(x, folded.kernel, folded.bias, form=form)
        large, small = torch.clamp(y, folded.floor, folded.ceiling).chunk(2, dim=-1)
        total = torch.add(large, small, out=torch.empty_like(x))
        greatest, places = torch.ops.aten.max_pool2d_with_indices(to_nchw(x), *_POOL)
        greatest = from_nchw(greatest, x.shape[3])
        torch.addcmul(total, greatest, pool, out=total)
        ctx.save_for_backward(x, y, pool, greatest, places)
        ctx.how = folded, form
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradients of the map and of the weights."""
        (x, y, pool, greatest, places), (folded, form) = ctx.saved_tensors, ctx.how
        upstream = gradients[0].contiguous()
        of_y, halves = torch.empty_like(y), (2, x.shape[-1])
        torch.ops.aten.threshold_backward.grad_input(
            upstream.unsqueeze(-2), y.unflatten(-1, halves), 0, grad_input=of_y.unflatten(-1, halves)
        )
        of_x = seed_conv_gradient(of_y, x, folded.back, form=form)
        spread = torch.ops.aten.max_pool2d_with_indices_backward(to_nchw(upstream), to_nchw(x), *_POOL, places)
        torch.addcmul(of_x, from_nchw(spread, x.shape[3]), pool, out=of_x)
        of_pool = products(upstream.flatten(0, 2), greatest.flatten(0, 2), pool.dtype)
        return of_x, folded.gradient(of_y, y), of_pool, None, None
