"""What the products and sums of single edges' maps are made of, as a CPU computes them fastest.

Each edge has a contiguous map of its own. A map ``(B, H, W, S, C)`` is scaled by ``(S, C)`` in rows of ``W * S * C``
numbers, by a row that repeats the shares: a CPU is slow to repeat the few channels of one edge.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .ops import from_nchw, products, to_nchw

#: The maps of each edge, ``(B, H, W, S, C)``: first what is added up, then what is still to be pooled.
Maps = tuple[Tensor, ...]


def by_edge(x: Tensor, edges: int) -> Tensor:
    """Return ``(S, E * C)`` as ``(E, S * C)``, edge after edge."""
    return x.unflatten(1, (edges, -1)).transpose(0, 1).flatten(1)


def by_seed(x: Tensor, seeds: int) -> Tensor:
    """Return ``(E, S * C)`` as ``(S, E * C)``; undoes ``by_edge``."""
    return x.unflatten(1, (seeds, -1)).transpose(0, 1).flatten(1)


def edge_kernels(kernel: Tensor, edges: int) -> tuple[Tensor, ...]:
    """Return from ``(S, E * C, C, k, k)`` the kernels ``(S * C, C, k, k)`` of each edge, inputs last in memory."""
    last = kernel.permute(0, 1, 3, 4, 2).unflatten(1, (edges, -1)).transpose(0, 1)
    return last.flatten(1, 2).permute(0, 1, 4, 2, 3).unbind(0)


def joined_kernels(kernels: list[Tensor], seeds: int) -> Tensor:
    """Return the kernels of all edges side by side; undoes ``edge_kernels``."""
    last = torch.stack([kernel.permute(0, 2, 3, 1) for kernel in kernels]).unflatten(1, (seeds, -1))
    return last.transpose(0, 1).flatten(1, 2).permute(0, 1, 4, 2, 3)


def convolved(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve each seed's map with the kernels of one edge, ``(S * C, C, k, k)``, padded to keep the size."""
    y = F.conv2d(to_nchw(x), kernel, bias, 1, kernel.shape[-1] // 2, 1, x.shape[3])
    return from_nchw(y, x.shape[3]).contiguous()


def gradient_of_map(upstream: Tensor, x: Tensor, kernel: Tensor) -> Tensor:
    """Return the gradient of the map that ``convolved`` reads."""
    return from_nchw(_convolution_backward(upstream, x, kernel, (True, False))[0], x.shape[3]).contiguous()


def gradient_of_kernel(upstream: Tensor, x: Tensor, kernel: Tensor) -> Tensor:
    """Return the gradient of the kernel of ``convolved``."""
    return _convolution_backward(upstream, x, kernel, (False, True))[1]


def _convolution_backward(
    upstream: Tensor, x: Tensor, kernel: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    maps, twice = (to_nchw(upstream), to_nchw(x)), (kernel.shape[-1] // 2,) * 2
    of_x, of_kernel, _ = torch.ops.aten.convolution_backward(
        *maps, kernel, None, (1, 1), twice, (1, 1), False, (0, 0), x.shape[3], (*wanted, False)
    )
    return of_x, of_kernel


def rows(x: Tensor) -> Tensor:
    """View maps ``(B, H, W, S, C)`` as rows ``(B * H, W * S * C)``."""
    return x.view(x.shape[0] * x.shape[1], -1)


def dots(a: Tensor, b: Tensor) -> Tensor:
    """Return the sum over all pixels of a product of maps, ``(S, C)``."""
    return products(a.flatten(0, 2), b.flatten(0, 2), a.dtype)


def product(x: Tensor, matrices: Tensor) -> Tensor:
    """Multiply each pixel of maps by its seed's matrix ``(S, C, C)``."""
    if _few(x):
        return convolved(x, matrices.transpose(1, 2).reshape(-1, matrices.shape[1], 1, 1))
    total = torch.empty_like(x)
    torch.bmm(_pixels(x), matrices, out=_pixels(total))
    return total


def add_product(total: Tensor, x: Tensor, matrices: Tensor) -> None:
    """Add ``product`` to maps."""
    if _few(x):
        total += product(x, matrices)
    else:
        torch.baddbmm(_pixels(total), _pixels(x), matrices, out=_pixels(total))


def contracted(x: Tensor, y: Tensor) -> Tensor:
    """Return the sums over all pixels of products of two maps' channels, ``(S, C, C)``: the gradient of matrices."""
    seeds, channels = x.shape[3:]
    if _few(x):
        found = gradient_of_kernel(y, x, x.new_empty(seeds * channels, channels, 1, 1))
        return found.view(seeds, channels, channels).transpose(1, 2)
    return torch.bmm(_pixels(x).transpose(1, 2), _pixels(y))


def _few(x: Tensor) -> bool:
    """Whether channels are so few that a CPU convolves twice as fast as it multiplies matrices."""
    return x.shape[-1] < 16


def _pixels(x: Tensor) -> Tensor:
    """View maps ``(B, H, W, S, C)`` as ``(S, N, C)``; never a copy, since products are written there."""
    return x.view(-1, *x.shape[3:]).transpose(0, 1)


def weighed(edges: Tensor, node: Tensor, skip: Tensor, pool: Tensor) -> Maps:
    """Return what a node adds to what edges carry, by operations that are differentiable to any order.

    Parameters
    ----------
    edges : what its convolutions return, ``(B, H, W, S, E * C)``.
    skip, pool : ``(S, E, C)``.
    """
    parts = edges.unflatten(-1, (skip.shape[1], -1)).unbind(-2)
    return (
        *(edge + node * share for edge, share in zip(parts, skip.unbind(1), strict=True)),
        *(node * share for share in pool.unbind(1)),
    )


def carry(totals: list[Tensor], node: Tensor, skip: Tensor, pool: Tensor, before: Maps) -> Maps:
    """Add to what edges carry, in place, the node's map weighted by ``skip``, and by ``pool`` to what is to be pooled.

    Parameters
    ----------
    totals : a map of each edge, that is changed.
    skip, pool : rows ``(E, W * S * C)``.
    before : the maps of the same targets of the nodes before; empty if there are none.
    """
    edges, row = len(totals), rows(node)
    pooled = []
    for total, own, to_pool, earlier in zip(totals, skip, pool, before[edges:] or [None] * edges, strict=True):
        rows(total).addcmul_(row, own)
        pooled.append((row * to_pool if earlier is None else torch.addcmul(rows(earlier), row, to_pool)).view_as(node))
    return *totals, *pooled


def carry_backward(
    of_node: Tensor | None, node: Tensor, skip: Tensor, pool: Tensor, gradients: Maps, *, shares: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Add to the gradient of the node, in place, that of ``carry``; return the gradients of the shares, if wanted.

    ``skip`` and ``pool`` are rows, their gradients ``(S, E, C)``.
    """
    edges = len(skip)
    if of_node is not None:
        for share, gradient in zip((*skip, *pool), gradients, strict=True):
            rows(of_node).addcmul_(rows(gradient), share)
    if not shares:
        return None, None
    found = torch.stack([dots(node, gradient) for gradient in gradients], dim=1)
    return found[:, :edges], found[:, edges:]
