"""The edges that leave a node at frozen weights, map by map: how a CPU adds up what they carry.

A pair of convolutions is one, with a kernel that the mix weighs. The gradient of a weight is the product of two maps:
of what the convolution reads, and of what its own kernel gives back. So the kernel's gradient, which takes as long as
the convolution, is never made.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .conv import seed_conv
from .edge_products import arrived
from .edge_rows import (
    Maps,
    by_edge,
    carry,
    carry_backward,
    convolved,
    dots,
    edge_kernels,
    gradient_of_map,
    product,
    rows,
    weighed,
)


class Pair(NamedTuple):
    """The kernels ``(S, E * C, C, k, k)`` and biases ``(S, E * C)`` of the 1x1 and the 3x3 convolution of E edges."""

    small: Tensor
    small_bias: Tensor
    large: Tensor
    large_bias: Tensor

    @classmethod
    def of_rows(cls, seeds: int, small: Tensor, small_bias: Tensor, large: Tensor, large_bias: Tensor) -> Pair:
        """View the rows of ``kernel_sums.KernelSums``, an output of a seed each, as a pair."""
        return cls(
            small.view(seeds, -1, small.shape[1], 1, 1),
            small_bias.view(seeds, -1),
            large.view(seeds, -1, 3, 3, small.shape[1]).permute(0, 1, 4, 2, 3),
            large_bias.view(seeds, -1),
        )


def frozen_edge_sums(
    before: Maps, node: Tensor, skip: Tensor, pool: Tensor, weights: tuple[Tensor, Tensor], pair: Pair
) -> tuple[Tensor, Maps]:
    """Add skip * node + pool * average(node) + weighted convolutions of relu(node) to what earlier nodes carry.

    Parameters
    ----------
    before : what earlier nodes carry to the same E targets; empty if there are none.
    node : ``(B, H, W, S, C)``.
    skip, pool : ``(S, E, C)``.
    weights : of the 1x1 and of the 3x3 convolution, ``(S, E)``.
    pair : constants.

    Returns
    -------
    The map of the next node, contiguous, and what is carried to the others; differentiable to any order.
    """
    return arrived(_FrozenEdgeSums.apply(node, skip, pool, *weights, *pair, *before))


def mixed_pair(a: Tensor, b: Tensor, pair: Pair) -> tuple[Tensor, Tensor]:
    """Return the kernel and bias of the weighted sum of two convolutions."""
    small, small_bias, large, large_bias = pair
    a, b = (one.repeat_interleave(small.shape[2], dim=1) for one in (a, b))
    kernel = large * b[..., None, None, None] + F.pad(small * a[..., None, None, None], (1, 1, 1, 1))
    return kernel, torch.addcmul(small_bias * a, large_bias, b)


def _plain(node: Tensor, skip: Tensor, pool: Tensor, a: Tensor, b: Tensor, *pair: Tensor) -> Maps:
    """Do it by operations that are differentiable to any order, without what was carried before."""
    return weighed(seed_conv(F.relu(node), *mixed_pair(a, b, Pair(*pair))), node, skip, pool)


class _FrozenEdgeSums(torch.autograd.Function):
    """See ``frozen_edge_sums``; returns all maps."""

    @staticmethod
    def forward(
        ctx: Any,
        node: Tensor,
        skip: Tensor,
        pool: Tensor,
        a: Tensor,
        b: Tensor,
        small: Tensor,
        small_bias: Tensor,
        large: Tensor,
        large_bias: Tensor,
        *before: Tensor,
    ) -> Maps:
        """Convolve edge by edge with one kernel for each pair."""
        pair, edges = Pair(small, small_bias, large, large_bias), skip.shape[1]
        ctx.save_for_backward(node, skip, pool, a, b, *pair)
        node = node.contiguous()
        x = torch.relu(node)
        kernel, bias = mixed_pair(a, b, pair)
        parts = zip(edge_kernels(kernel, edges), by_edge(bias, edges), strict=True)
        totals = [convolved(x, *part) for part in parts]
        for total, earlier in zip(totals, before, strict=False):
            total += earlier
        skips, pools = _rows(skip, pool, width=node.shape[2])
        return carry(totals, node, skips, pools, before)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all that is wanted, but for the constants."""
        inputs, wanted = ctx.saved_tensors, ctx.needs_input_grad
        node, skip, pool, a, b, small, small_bias, large, large_bias = inputs
        of_before = gradients[: len(wanted) - len(inputs)]
        if torch.is_grad_enabled():  # second derivatives are to come
            own = [one.view_as(one) for one in inputs]  # each on its own
            asked = [one for one, is_wanted in zip(own, wanted, strict=False) if is_wanted]
            left = iter(torch.autograd.grad(_plain(*own), asked, gradients, create_graph=True))
            return *(next(left) if is_wanted else None for is_wanted in wanted[: len(inputs)]), *of_before
        edges, channels = skip.shape[1], node.shape[-1]
        node, maps = node.contiguous(), tuple(one.contiguous() for one in gradients)
        x, of_x = torch.relu(node), torch.zeros_like(node)
        spread = [one.unsqueeze(2).expand(-1, -1, channels) for one in (a, b)]
        small_rows, large_rows, skips, pools = _rows(*spread, skip, pool, width=node.shape[2])
        matrices, found = small.flatten(2).unflatten(1, (edges, channels)).unbind(1), []
        parts = zip(maps, small_rows, large_rows, matrices, edge_kernels(large, edges), strict=False)
        for upstream, by_small, by_large, matrix, kernel in parts:
            of_small, of_large = product(upstream, matrix), gradient_of_map(upstream, x, kernel)
            rows(of_x).addcmul_(rows(of_small), by_small).addcmul_(rows(of_large), by_large)
            found.append((dots(x, of_small), dots(x, of_large), upstream.sum((0, 1, 2))))
        of_small, of_large, of_bias = (torch.stack(each, dim=1) for each in zip(*found, strict=True))  # (S, E, C)
        of_a, of_b = (
            one.sum(2) + (of_bias * bias.view_as(of_bias)).sum(2)
            for one, bias in ((of_small, small_bias), (of_large, large_bias))
        )
        of_x = torch.ops.aten.threshold_backward(of_x, x, 0)
        shares = carry_backward(of_x, node, skips, pools, maps, shares=wanted[1] or wanted[2])
        return of_x, *shares, of_a, of_b, None, None, None, None, *of_before


def _rows(*shares: Tensor, width: int) -> Tensor:
    """Return shares ``(S, E, C)`` as rows ``(E, W * S * C)`` each."""
    return torch.stack([share.transpose(0, 1).flatten(1) for share in shares]).repeat(1, 1, width)
