"""The edges that leave a node, map by map: how a GPU adds up what they carry.

What reaches the next node is written apart from the rest, as its readers need it: no map is copied for them. All that
an edge adds to the gradient of a node is added where it is weighed. Shares stay in their precision, see ``weigh``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import ops
from .conv import TWICE
from .ops import avg_pool, from_nchw, to_nchw, window_counts
from .weigh import accumulate, summed, weigh


def weighed_edges(
    before: Tensor | tuple[Tensor, ...] | None, node: Tensor, edges: Tensor, skip: Tensor, pool: Tensor
) -> tuple[Tensor, Tensor]:
    """Return before + edges + skip * node + pool * average(node), element by element; see ``Pass.edge_sums``."""
    assert not isinstance(before, tuple), "the edges of a cell are all computed in one form"
    if torch.compiler.is_compiling() or TWICE.get() or ops.on_a_cpu(node):
        return _plain(before, node, edges, skip, pool)
    return _WeighedEdges.apply(before, node.contiguous(), edges, skip, pool)


def _plain(before: Tensor | None, node: Tensor, edges: Tensor, skip: Tensor, pool: Tensor) -> tuple[Tensor, Tensor]:
    """Do it by operations that are differentiable to any order."""
    total = weigh(edges, (node, skip), (avg_pool(node, kernel=3, stride=1, padding=1), pool))
    total = total if before is None else before + total
    channels = node.shape[-1]
    first, others = total.split([channels, total.shape[-1] - channels], dim=-1)
    return first, others


class _WeighedEdges(torch.autograd.Function):
    """See ``weighed_edges``."""

    @staticmethod
    def forward(
        ctx: Any, before: Tensor | None, node: Tensor, edges: Tensor, skip: Tensor, pool: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the sums of the first edge and those of the others, both contiguous."""
        pooled = F.avg_pool2d(to_nchw(node), 3, 1, 1, count_include_pad=False)
        pooled = from_nchw(pooled, node.shape[3])
        ctx.save_for_backward(before, node, edges, skip, pool, pooled)
        sums, sizes = [], [1, skip.shape[1] - 1]
        parts = (_by_edge(edges, node), skip, pool, None if before is None else _by_edge(before, node))
        split = [[None] * 2 if part is None else part.split(sizes, dim=-2) for part in parts]
        for edge, by_skip, by_pool, earlier in zip(*split, strict=True):
            total = torch.empty_like(edge, memory_format=torch.contiguous_format)
            if edge.numel():
                accumulate(edge, node.unsqueeze(-2), by_skip, total)
                accumulate(total, pooled.unsqueeze(-2), by_pool, total)
                total = total if earlier is None else total.add_(earlier)
            sums.append(total.flatten(-2))
        return sums[0], sums[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all that is wanted."""
        inputs, pooled = ctx.saved_tensors[:5], ctx.saved_tensors[5]
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():  # second derivatives are to come
            own: list[Any] = [None if one is None else one.view_as(one) for one in inputs]
            asked = [one for one, is_wanted in zip(own, wanted, strict=True) if is_wanted]
            left = iter(torch.autograd.grad(_plain(*own), asked, gradients, create_graph=True))
            return tuple(next(left) if is_wanted else None for is_wanted in wanted)
        _, node, _, skip, pool = inputs
        whole = torch.cat(gradients, dim=-1)
        upstream, of_node, of_skip, of_pool = _by_edge(whole, node), None, None, None
        if wanted[1]:
            counts = window_counts(to_nchw(node), 3, stride=1, padding=1)[0, 0, :, :, None, None, None]
            spread = _gathered(None, upstream, pool / counts)
            around = F.avg_pool2d(to_nchw(spread), 3, 1, 1, divisor_override=1)
            of_node = _gathered(from_nchw(around, node.shape[3]), upstream, skip)
        if wanted[3] or wanted[4]:
            edges = upstream.flatten(0, 2)
            of_skip, of_pool = (summed(one.flatten(0, 2), edges, skip.dtype) for one in (node, pooled))
        return whole if wanted[0] else None, of_node, whole if wanted[2] else None, of_skip, of_pool


def _by_edge(maps: Tensor, node: Tensor) -> Tensor:
    """View ``(B, H, W, S, E * C)`` as ``(B, H, W, S, E, C)``."""
    return maps.unflatten(-1, (-1, node.shape[-1]))


def _gathered(total: Tensor | None, edges: Tensor, factors: Tensor) -> Tensor:
    """Add the sum over the edges of maps ``(B, H, W, S, E, C)`` times factors ``(..., S, E, C)`` to a total."""
    found = edges.new_empty(*edges.shape[:4], edges.shape[-1]) if total is None else total
    for edge, factor in zip(edges.unbind(-2), factors.unbind(-2), strict=True):
        accumulate(total, edge, factor, found)
        total = found
    return found
