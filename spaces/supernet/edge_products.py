"""The edges that leave a node, as products of matrices: how a CPU adds up what they carry.

A CPU is slow to scale the few channels of one edge, and fast to multiply. So skips, average pools and 1x1 convolutions
of all edges are one product: of the node's map, its pool and its rectified map, side by side, with one matrix per seed.

The 1x1 convolutions have a batch norm each. Mean and variance of what such a convolution returns follow from the mean
and the covariance of what it reads, a small matrix. So convolution and batch norm are one matrix, and the maps between
them, as wide as all edges together, are never made. Statistics are of centred maps: nothing cancels.

A GPU would round all of that to TF32, and the small steps take launches there: it does without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .conv import seed_conv
from .ops import BN_EPS, avg_pool, from_nchw, neighbours, to_nchw
from .weigh import weigh


class Convolved(NamedTuple):
    """A convolution on each edge, ``(S, E * C, C, 3, 3)``, of the rectified map; a bias is ``(S, E * C)``."""

    kernel: Tensor
    bias: Tensor | None


class Normalised(NamedTuple):
    """The batch norms of the two convolutions of each edge, those of 1x1 among them; affine ones have a shift.

    ``kernel`` is ``(S, E * C, C, 1, 1)``, scales and shifts are ``(S, E * C)``.
    """

    kernel: Tensor
    scale: Tensor
    shift: Tensor | None
    large_scale: Tensor
    large_shift: Tensor | None


Running = tuple[Tensor, Tensor]


def edge_sums(
    before: Tensor | None,
    node: Tensor,
    skip: Tensor,
    pool: Tensor,
    large: Convolved,
    norms: Normalised | None = None,
    running: Running | None = None,
    momentum: float = 0.0,
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    """Return before + skip * node + pool * average(node) + convolutions of relu(node), on E edges.

    Parameters
    ----------
    before : ``(B, H, W, S, E * C)``, or None.
    node : ``(B, H, W, S, C)``.
    skip, pool : ``(S, E, C)``.
    large : convolutions that are added as they are, or those of 3x3 that ``norms`` belong to.
    norms : batch norms that use the statistics of the batch, and the convolutions of 1x1; None where there are none.
    running, momentum : running statistics ``(S, E * C)`` of the large convolutions, moved in place if given.

    Returns
    -------
    The first edge's sum ``(B, H, W, S, C)``, contiguous, and those of the others, differentiable to any order. With
    ``norms``, mean and variance of the 1x1 convolutions, as running statistics have them, without a gradient.
    """
    parts = [None] * len(Normalised._fields) if norms is None else norms
    first, others, *moments = _EdgeSums.apply(before, node, skip, pool, *large, *parts, running, momentum)
    return first, others, (moments[0], moments[1]) if norms is not None else None


def _plain(
    before: Tensor | None,
    node: Tensor,
    skip: Tensor,
    pool: Tensor,
    large: Tensor,
    bias: Tensor | None,
    kernel: Tensor | None,
    *affine: Tensor | None,
) -> Tensor:
    """Do it by operations that are differentiable to any order."""
    x = F.relu(node)
    y = seed_conv(x, large, bias)
    if kernel is not None:
        scale, shift, large_scale, large_shift = affine
        y = _normalised(seed_conv(x, kernel), scale, shift) + _normalised(y, large_scale, large_shift)
    total = weigh(y, (node, skip), (avg_pool(node, kernel=3, stride=1, padding=1), pool))
    return total if before is None else total + before


def _normalised(x: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    weight, bias = (None if part is None else part.reshape(-1) for part in (scale, shift))
    return from_nchw(F.batch_norm(to_nchw(x), None, None, weight, bias, True, 0.0, BN_EPS), x.shape[3])


class _EdgeSums(torch.autograd.Function):
    """See ``edge_sums``."""

    @staticmethod
    def forward(
        ctx: Any,
        before: Tensor | None,
        node: Tensor,
        skip: Tensor,
        pool: Tensor,
        large: Tensor,
        bias: Tensor | None,
        kernel: Tensor | None,
        scale: Tensor | None,
        shift: Tensor | None,
        large_scale: Tensor | None,
        large_shift: Tensor | None,
        running: Running | None,
        momentum: float,
    ) -> tuple[Tensor, ...]:
        """Multiply what edges read, side by side, by one matrix per seed."""
        inputs = before, node, skip, pool, large, bias, kernel, scale, shift, large_scale, large_shift
        node = node.contiguous()  # maps of one channel may lie otherwise
        x = torch.relu(node)
        maps, matrices, found = [node, neighbours(node, 1)], [_diagonal(skip), _diagonal(pool)], ()
        total, kept = seed_conv(x, large, bias).contiguous(), ()
        if kernel is not None:
            assert scale is not None
            assert large_scale is not None
            mean = x.mean((0, 1, 2))
            maps.append(x - mean)
            folded, moments, found = _fold(maps[-1], mean, kernel, scale)
            matrices.append(folded)
            y = total
            total, of_y = _batch_norm(y, large_scale, _sum(shift, large_shift), running, momentum)
            kept = (y, *of_y, *moments)
            ctx.mark_non_differentiable(*found)
        if before is not None:
            total += before
        sources, matrix = torch.cat(maps, dim=-1), torch.cat(matrices, dim=1)
        _add_product(total, _by_seed(sources), matrix)
        ctx.save_for_backward(*inputs, x, sources, matrix, *kept)
        ctx.inputs = len(inputs)
        channels = node.shape[-1]
        return total[..., :channels].contiguous(), total[..., channels:], *found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all that is wanted."""
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[: ctx.inputs]
        inputs, (x, sources, matrix, *kept) = saved[: ctx.inputs], saved[ctx.inputs :]
        upstream = torch.cat(gradients[:2], dim=-1).contiguous()
        if torch.is_grad_enabled():  # second derivatives are to come
            own: list[Any] = [None if one is None else one.view_as(one) for one in inputs]  # each on its own
            asked = [one for one, is_wanted in zip(own, wanted, strict=True) if is_wanted]
            left = iter(torch.autograd.grad(_plain(*own), asked, upstream, create_graph=True))
            return *(next(left) if is_wanted else None for is_wanted in wanted), None, None
        found: list[Tensor | None] = [None] * len(wanted)
        _, node, skip, _, large, bias, kernel, scale, shift, large_scale, large_shift = inputs
        by_seed, channels = _by_seed(upstream), node.shape[-1]
        found[0] = upstream if wanted[0] else None
        of_y, shares = upstream, wanted[2] or wanted[3]
        read = sources if shares else sources[..., 2 * channels :]
        products = torch.bmm(_by_seed(read).transpose(1, 2), by_seed) if shares or kernel is not None else None
        if products is not None and shares:
            by_edge = products[:, : 2 * channels].unflatten(2, skip.shape[1:]).chunk(2, dim=1)
            found[2:4] = [one.diagonal(dim1=1, dim2=3) for one in by_edge]
        of_mean = symmetric = None
        if kernel is not None:
            assert products is not None
            assert scale is not None
            assert large_scale is not None
            y, mean, rstd, *moments = kept
            of_y, found[9], of_shift = _batch_norm_backward(upstream, y, large_scale, mean, rstd)
            found[6:8], symmetric, of_mean = _unfold(
                products[:, -channels:], of_shift, kernel, scale, *moments, count=by_seed.shape[1]
            )
            found[8] = None if shift is None else of_shift
            found[10] = None if large_shift is None else of_shift
        of_x, found[4], found[5] = _convolution_backward(of_y, x, large, bias, (wanted[1], wanted[4], wanted[5]))
        if of_x is not None:
            by_skip, by_pool, *folded = matrix.transpose(1, 2).split(channels, dim=2)
            if symmetric is not None and of_mean is not None:
                _add_product(of_x, by_seed, folded[0])
                _add_product(of_x, _by_seed(sources[..., 2 * channels :]), symmetric)
                of_x += of_mean
            of_x = torch.ops.aten.threshold_backward(of_x, x, 0)
            _add_product(of_x, by_seed, by_skip)
            pooled = torch.empty_like(of_x)
            torch.bmm(by_seed, by_pool, out=_by_seed(pooled))
            found[1] = of_x.add_(neighbours(pooled, 1, transposed=True))
        return *found, None, None


def _fold(
    centred: Tensor, mean: Tensor, kernel: Tensor, scale: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Fold the batch norm of a 1x1 convolution of centred maps, ``mean`` taken off, into its kernel.

    Returns
    -------
    The matrix ``(S, C, M)``; kernel times covariance ``(S, M, C)`` and the reciprocal deviation ``(S, M)``; mean and
    variance as running statistics have them.
    """
    pixels, weights = _by_seed(centred), kernel.flatten(2)
    count = pixels.shape[1]
    spread = torch.bmm(weights, torch.bmm(pixels.transpose(1, 2), pixels) / count)
    variance = (spread * weights).sum(2)
    rstd = torch.rsqrt(variance + BN_EPS)
    folded = (weights * (scale * rstd).unsqueeze(2)).transpose(1, 2)
    moved = (weights * mean.unsqueeze(1)).sum(2), variance * (count / (count - 1))
    return folded, (spread, rstd), moved


def _unfold(
    products: Tensor,
    of_shift: Tensor,
    kernel: Tensor,
    scale: Tensor,
    spread: Tensor,
    rstd: Tensor,
    *,
    count: int,
) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
    """Return the gradients of kernel and scale of ``_fold``, and what its statistics add to the gradient of the maps.

    ``products`` is the gradient of the folded matrix, ``of_shift`` the sum of the gradients over all ``count`` pixels.
    The latter is the product of the centred maps with a matrix ``(S, C, C)``, plus the same ``(S, C)`` for each pixel.
    """
    weights, of_folded, factor = kernel.flatten(2), products.transpose(1, 2), (scale * rstd).unsqueeze(2)
    of_factor = (of_folded * weights).sum(2)
    of_variance = (-0.5 * of_factor * scale * rstd**3).unsqueeze(2)
    of_kernel = (factor * of_folded + 2 * of_variance * spread).view_as(kernel)
    symmetric = torch.bmm(weights.transpose(1, 2), of_variance * weights) * (2 / count)
    of_mean = (of_shift.unsqueeze(2) * factor * weights).sum(1) / -count
    return (of_kernel, of_factor * rstd), symmetric, of_mean


def _batch_norm(
    y: Tensor, scale: Tensor, shift: Tensor | None, running: Sequence[Tensor] | None, momentum: float
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return the batch norm of y, and its mean and reciprocal deviation."""
    means, variances = (None, None) if running is None else (one.view(-1) for one in running)
    flat = scale.reshape(-1), None if shift is None else shift.reshape(-1)
    total, *moments = torch.native_batch_norm(to_nchw(y), *flat, means, variances, True, momentum, BN_EPS)
    return from_nchw(total, y.shape[3]).contiguous(), (moments[0], moments[1])


def _batch_norm_backward(
    upstream: Tensor, y: Tensor, scale: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of y, scale and shift."""
    of_y, of_scale, of_shift = torch.ops.aten.native_batch_norm_backward(
        to_nchw(upstream), to_nchw(y), scale.reshape(-1), None, None, mean, rstd, True, BN_EPS, [True, True, True]
    )
    return from_nchw(of_y, y.shape[3]), of_scale.view_as(scale), of_shift.view_as(scale)


def _convolution_backward(
    upstream: Tensor, x: Tensor, kernel: Tensor, bias: Tensor | None, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of x, kernel and bias of ``seed_conv``, those that are wanted."""
    side, seeds = kernel.shape[-1] // 2, len(kernel)
    flat = kernel.flatten(0, 1)
    of_x, of_kernel, of_bias = torch.ops.aten.convolution_backward(
        to_nchw(upstream), to_nchw(x), flat, [len(flat)], (1, 1), (side,) * 2, (1, 1), False, (0, 0), seeds, wanted
    )
    return (
        from_nchw(of_x, seeds).contiguous() if wanted[0] else None,
        of_kernel.view(kernel.shape) if wanted[1] else None,
        of_bias.view(kernel.shape[:2]) if wanted[2] else None,
    )


def _add_product(total: Tensor, pixels: Tensor, matrices: Tensor) -> None:
    """Add ``(S, N, K) @ (S, K, C)`` to maps ``(B, H, W, S, C)``."""
    torch.baddbmm(_by_seed(total), pixels, matrices, out=_by_seed(total))


def _by_seed(x: Tensor) -> Tensor:
    """View maps ``(B, H, W, S, C)`` as ``(S, N, C)``; never a copy, since products are written there."""
    return x.view(-1, *x.shape[3:]).transpose(0, 1)


def _diagonal(shares: Tensor) -> Tensor:
    """Return ``(S, E, C)`` as matrices ``(S, C, E * C)``."""
    return shares.diag_embed().transpose(1, 2).flatten(2)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b
