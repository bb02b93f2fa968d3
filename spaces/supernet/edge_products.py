"""The edges that leave a node, map by map: how a CPU adds up what they carry.

The 1x1 convolutions have a batch norm each. Mean and variance of what such a convolution returns follow from the mean
and the covariance of what it reads, a small matrix. So convolution and batch norm are one matrix, and the maps between
them are never made. Statistics are of centred maps: nothing cancels.

Pools are linear: what enters a node by average pools is added up, and pooled once.

A GPU would round the products to TF32, and the small steps take launches there: it does without.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .conv import seed_conv
from .edge_rows import (
    Maps,
    add_product,
    by_edge,
    by_seed,
    carry,
    carry_backward,
    contracted,
    convolved,
    edge_kernels,
    gradient_of_kernel,
    gradient_of_map,
    joined_kernels,
    rows,
    weighed,
)
from .ops import BN_EPS, avg_pool, from_nchw, to_nchw

#: Mean and variance of a batch, as running statistics have them.
Moments = tuple[Tensor, Tensor]


class Normalised(NamedTuple):
    """A 1x1 and a 3x3 convolution on each edge, of the rectified map, and their batch norms; affine ones have a shift.

    Kernels are ``(S, E * C, C, k, k)``, scales and shifts ``(S, E * C)``.
    """

    small: Tensor
    large: Tensor
    small_scale: Tensor
    large_scale: Tensor
    small_shift: Tensor | None
    large_shift: Tensor | None


def edge_sums(
    before: Maps, node: Tensor, skip: Tensor, pool: Tensor, convs: Normalised
) -> tuple[Tensor, Maps, tuple[Moments, Moments]]:
    """Add skip * node + pool * average(node) + convolutions of relu(node) to what earlier nodes carry, on E edges.

    Batch norms use the statistics of the batch.

    Parameters
    ----------
    before : what earlier nodes carry to the same targets; empty if there are none.
    node : ``(B, H, W, S, C)``.
    skip, pool : ``(S, E, C)``.

    Returns
    -------
    The map of the next node, contiguous; what is carried to the others; and the moments of the 1x1 and of the 3x3
    convolutions, ``(S, E * C)``, without a gradient. Maps are differentiable to any order.
    """
    *maps, small_mean, small_variance, mean, variance = _EdgeSums.apply(node, skip, pool, *convs, *before)
    return *arrived(tuple(maps)), ((small_mean, small_variance), (mean, variance))


def arrived(maps: Maps) -> tuple[Tensor, Maps]:
    """Return the map of the next node, and what is carried to the others."""
    edges = len(maps) // 2
    (first, *totals), (pooled, *others) = maps[:edges], maps[edges:]
    return first + avg_pool(pooled, kernel=3, stride=1, padding=1), (*totals, *others)


def _plain(node: Tensor, skip: Tensor, pool: Tensor, *convs: Tensor | None) -> Maps:
    """Do it by operations that are differentiable to any order, without what was carried before."""
    parts, x = Normalised(*convs), F.relu(node)  # type: ignore[arg-type]
    y = _normalised(seed_conv(x, parts.small), parts.small_scale, parts.small_shift)
    y = y + _normalised(seed_conv(x, parts.large), parts.large_scale, parts.large_shift)
    return weighed(y, node, skip, pool)


def _normalised(x: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    weight, bias = (None if part is None else part.reshape(-1) for part in (scale, shift))
    return from_nchw(F.batch_norm(to_nchw(x), None, None, weight, bias, True, 0.0, BN_EPS), x.shape[3])


class _EdgeSums(torch.autograd.Function):
    """See ``edge_sums``; returns the maps and the moments."""

    @staticmethod
    def forward(
        ctx: Any,
        node: Tensor,
        skip: Tensor,
        pool: Tensor,
        small: Tensor,
        large: Tensor,
        small_scale: Tensor,
        large_scale: Tensor,
        small_shift: Tensor | None,
        large_shift: Tensor | None,
        *before: Tensor,
    ) -> Maps:
        """Convolve edge by edge, and multiply by one matrix per seed."""
        inputs = node, skip, pool, small, large, small_scale, large_scale, small_shift, large_shift
        node, edges, seeds = node.contiguous(), skip.shape[1], len(skip)
        x = torch.relu(node)
        centre = x.mean((0, 1, 2))
        centred = x - centre
        folded, kept, moved = _fold(centred, centre, small, small_scale)
        kernels = edge_kernels(large, edges)
        maps = [convolved(x, kernel) for kernel in kernels]
        statistics = [torch.batch_norm_update_stats(to_nchw(y), None, None, 0.0) for y in maps]
        mean, variance = (torch.stack(each) for each in zip(*statistics, strict=True))
        rstd, count = torch.rsqrt(variance + BN_EPS), x[..., 0, 0].numel()
        scale = by_edge(large_scale, edges) * rstd
        shift = sum(by_edge(one, edges) for one in (small_shift, large_shift) if one is not None) - mean * scale
        shares = [share.transpose(0, 1).flatten(1) for share in (skip, pool)]
        repeated = torch.stack([scale, shift, *shares]).repeat(1, 1, node.shape[2])
        scales, shifts, skips, pools = repeated.unbind(0)
        totals = []
        for edge, y in enumerate(maps):
            if before:
                total = torch.addcmul(rows(before[edge]), rows(y), scales[edge]).add_(shifts[edge])
            else:
                total = torch.addcmul(shifts[edge], rows(y), scales[edge])
            totals.append(total.view_as(node))
            add_product(totals[-1], centred, folded[edge])
        large_moved = by_seed(mean, seeds), by_seed(variance, seeds) * (count / (count - 1))
        ctx.save_for_backward(*inputs, x, centred, *maps, mean, rstd, skips, pools, folded, *kept)
        ctx.inputs, ctx.edges = len(inputs), edges
        ctx.mark_non_differentiable(*moved, *large_moved)
        return *carry(totals, node, skips, pools, before), *moved, *large_moved

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all that is wanted."""
        inputs, wanted, edges = ctx.saved_tensors[: ctx.inputs], ctx.needs_input_grad, ctx.edges
        maps = gradients[: 2 * edges]
        of_before = maps[: len(wanted) - ctx.inputs]
        if torch.is_grad_enabled():  # second derivatives are to come
            own: list[Any] = [None if one is None else one.view_as(one) for one in inputs]  # each on its own
            asked = [one for one, is_wanted in zip(own, wanted, strict=False) if is_wanted]
            left = iter(torch.autograd.grad(_plain(*own), asked, maps, create_graph=True))
            return *(next(left) if is_wanted else None for is_wanted in wanted[: ctx.inputs]), *of_before
        node, skip, _, small, large, small_scale, large_scale, small_shift, large_shift = inputs
        x, centred, *kept = ctx.saved_tensors[ctx.inputs :]
        outputs, (mean, rstd, skips, pools, folded, *moments) = kept[:edges], kept[edges:]
        node, maps = node.contiguous(), tuple(one.contiguous() for one in maps)
        seeds, count, totals = len(skip), x[..., 0, 0].numel(), maps[:edges]
        of_shift, of_scale, rows_of_y = _statistics_backward(totals, outputs, by_edge(large_scale, edges), mean, rstd)
        of_x: Tensor | None = None
        of_kernels: list[Tensor] = []
        parts = zip(totals, outputs, zip(*rows_of_y, strict=True), edge_kernels(large, edges), folded, strict=True)
        for upstream, y, (constant, by_upstream, by_y), kernel, matrix in parts:
            of_y = torch.addcmul(constant, rows(upstream), by_upstream).addcmul_(rows(y), by_y).view_as(y)
            if wanted[4]:
                of_kernels.append(gradient_of_kernel(of_y, x, kernel))
            if wanted[0]:
                of_edge = gradient_of_map(of_y, x, kernel)
                of_x = of_edge if of_x is None else of_x.add_(of_edge)
                add_product(of_x, upstream, matrix.transpose(1, 2))
        products = torch.cat([contracted(centred, upstream) for upstream in totals], dim=2)
        of_shift, of_scale = by_seed(of_shift, seeds), by_seed(of_scale, seeds)
        of_small, of_small_scale, symmetric, of_mean = _unfold(
            products, of_shift, small, small_scale, *moments, count=count
        )
        if of_x is not None:
            add_product(of_x, centred, symmetric)
            of_x += of_mean
            of_x = torch.ops.aten.threshold_backward(of_x, x, 0)
        shares = carry_backward(of_x, node, skips, pools, maps, shares=wanted[1] or wanted[2])
        of_large = joined_kernels(of_kernels, seeds) if wanted[4] else None
        of_shifts = (None if one is None else of_shift for one in (small_shift, large_shift))
        return of_x, *shares, of_small, of_large, of_small_scale, of_scale, *of_shifts, *of_before


def _statistics_backward(
    upstream: Maps, maps: list[Tensor], scale: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of shifts and scales of batch norms, and how that of the maps follows.

    ``(E, S * C)`` each. The gradient of a map is a constant, plus a multiple of the upstream gradient, plus one of the
    map: three rows for each edge, ``(3, E, W * S * C)``.
    """
    found = [
        torch.ops.aten.native_batch_norm_backward(
            to_nchw(one), to_nchw(y), own_scale, None, None, own_mean, own_rstd, True, BN_EPS, [False, True, True]
        )[1:]
        for one, y, own_scale, own_mean, own_rstd in zip(upstream, maps, scale, mean, rstd, strict=True)
    ]
    of_scale, of_shift = (torch.stack(each) for each in zip(*found, strict=True))
    count, by_upstream = maps[0][..., 0, 0].numel(), scale * rstd
    by_map = by_upstream * rstd * of_scale / -count
    constant = by_upstream * of_shift / -count - by_map * mean
    rows_of = torch.stack([constant, by_upstream, by_map]).repeat(1, 1, maps[0].shape[2])
    return of_shift, of_scale, rows_of


def _fold(
    centred: Tensor, mean: Tensor, kernel: Tensor, scale: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor], Moments]:
    """Fold the batch norm of a 1x1 convolution of centred maps, ``mean`` taken off, into its kernel.

    Returns
    -------
    The matrices ``(E, S, C, C)``; kernel times covariance ``(S, M, C)`` and the reciprocal deviation ``(S, M)``; mean
    and variance as running statistics have them.
    """
    weights, count = kernel.flatten(2), centred[..., 0, 0].numel()
    spread = torch.bmm(weights, contracted(centred, centred) / count)
    variance = (spread * weights).sum(2)
    rstd = torch.rsqrt(variance + BN_EPS)
    folded = (weights * (scale * rstd).unsqueeze(2)).unflatten(1, (-1, weights.shape[2])).transpose(0, 1)
    moved = (weights * mean.unsqueeze(1)).sum(2), variance * (count / (count - 1))
    return folded.transpose(2, 3).contiguous(), (spread, rstd), moved


def _unfold(
    products: Tensor,
    of_shift: Tensor,
    kernel: Tensor,
    scale: Tensor,
    spread: Tensor,
    rstd: Tensor,
    *,
    count: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of kernel and scale of ``_fold``, and what its statistics add to the gradient of the maps.

    ``products`` ``(S, C, M)`` is the gradient of the folded matrix, ``of_shift`` the sum of the gradients over all
    ``count`` pixels. The latter is the product of the centred maps with a matrix ``(S, C, C)``, plus the same
    ``(S, C)`` for each pixel.
    """
    weights, of_folded, factor = kernel.flatten(2), products.transpose(1, 2), (scale * rstd).unsqueeze(2)
    of_factor = (of_folded * weights).sum(2)
    of_variance = (-0.5 * of_factor * scale * rstd**3).unsqueeze(2)
    of_kernel = (factor * of_folded + 2 * of_variance * spread).view_as(kernel)
    symmetric = torch.bmm(weights.transpose(1, 2), of_variance * weights) * (2 / count)
    of_mean = (of_shift.unsqueeze(2) * factor * weights).sum(1) / -count
    return of_kernel, of_factor * rstd, symmetric, of_mean
