"""Maps weighted by shares of the mix and added up, element by element.

Shares stay in the precision of the weights, whatever that of the maps: a share that is rounded to the maps' precision,
or multiplied by a matrix unit that rounds, would favour one operation over another. No product of matrices takes part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from . import ops


def weigh(addend: Tensor | None, *terms: tuple[Tensor, Tensor]) -> Tensor:
    """Multiply maps by the shares of E edges, and add all up.

    Parameters
    ----------
    addend : ``(B, H, W, S, E * C)``, or None.
    terms : maps ``(B, H, W, S, C)`` and shares ``(S, E, C)``, at least one of each; the shares may have a higher
        precision than the maps.

    Returns
    -------
    ``(B, H, W, S, E * C)``, in the precision of the maps; differentiable to any order.
    """
    maps, shares = terms[0]
    if shares.shape[1] == 1 and shares.dtype == maps.dtype and ops.on_a_cpu(maps):
        return _alone(addend, *terms)
    edges = (*shares.shape[1:],)
    addend = None if addend is None else addend.flatten(0, 2).unflatten(-1, edges)
    flat = [part for one, share in terms for part in (one.flatten(0, 2), share)]
    total = _compiled(addend, *flat) if torch.compiler.is_compiling() else _Weighed.apply(addend, *flat)
    return total.view(*maps.shape[:4], -1)


def onward(addend: Tensor, maps: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Add weighted maps, and return the sum and the maps for whoever reads them next.

    On a GPU the gradients of a chain of readers are then added up where the maps are weighed, and not on their own.

    Parameters
    ----------
    addend, maps : ``(B, H, W, S, C)``.
    share : ``(S, 1, C)``.
    """
    if torch.compiler.is_compiling() or ops.on_a_cpu(maps):
        return weigh(addend, (maps, share)), maps
    return _Onward.apply(addend, maps, share)


class _Onward(torch.autograd.Function):
    """See ``onward``."""

    @staticmethod
    def forward(ctx: Any, addend: Tensor, maps: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``addend + maps * share``, and the maps."""
        ctx.save_for_backward(maps, share)
        ctx.set_materialize_grads(False)
        total = torch.empty_like(maps)
        accumulate(addend, maps, share.squeeze(1), total)
        return total, maps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of the addend, of the maps and of the share."""
        (upstream, later), (maps, share) = gradients, ctx.saved_tensors
        if upstream is None:
            return None, later, None
        edges, pixels = upstream.flatten(0, 2).unsqueeze(2), maps.flatten(0, 2)
        of_share = _Summed.apply(pixels, edges, share.dtype) if ctx.needs_input_grad[2] else None
        if later is None or torch.is_grad_enabled():
            of_maps = _Gathered.apply(edges, share).view_as(maps)
            return upstream, of_maps if later is None else of_maps + later, of_share
        of_maps = torch.empty_like(maps)
        accumulate(later, upstream, share.squeeze(1), of_maps)
        return upstream, of_maps, of_share


def beside(addend: Tensor, maps: Sequence[Tensor], shares: Tensor) -> Tensor:
    """Weigh n maps, and add them side by side.

    Parameters
    ----------
    addend : ``(B, H, W, S, n * C)``.
    maps : n of them, ``(B, H, W, S, C)``.
    shares : ``(S, 1, n * C)``.
    """
    if torch.compiler.is_compiling() or ops.on_a_cpu(addend):
        return weigh(addend, (torch.cat(list(maps), dim=-1), shares))
    return _Beside.apply(addend, shares, *maps)


class _Beside(torch.autograd.Function):
    """See ``beside``; each map is written to its place, and none is copied before."""

    @staticmethod
    def forward(ctx: Any, addend: Tensor, shares: Tensor, *maps: Tensor) -> Tensor:
        """Return the sum."""
        ctx.save_for_backward(shares, *maps)
        total = torch.empty_like(addend, memory_format=torch.contiguous_format)
        parts = zip(*(whole.chunk(len(maps), dim=-1) for whole in (addend, shares.squeeze(1), total)), strict=True)
        for one, (before, share, out) in zip(maps, parts, strict=True):
            accumulate(before, one, share, out)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the addend, of the shares and of the maps."""
        (upstream,), (shares, *maps) = gradients, ctx.saved_tensors
        edges = upstream.flatten(0, 2).unflatten(-1, (len(maps), -1)).split(1, dim=2)
        own = shares.chunk(len(maps), dim=2)
        of_shares = None
        if ctx.needs_input_grad[1]:
            parts = [_Summed.apply(m.flatten(0, 2), e, shares.dtype) for m, e in zip(maps, edges, strict=True)]
            of_shares = torch.cat(parts, dim=2)
        pairs = zip(edges, own, maps, strict=True)
        return upstream, of_shares, *(_Gathered.apply(edge, share).view_as(one) for edge, share, one in pairs)


def _alone(addend: Tensor | None, *terms: tuple[Tensor, Tensor]) -> Tensor:
    """Do it for one edge in one precision by PyTorch's own operations.

    They take less time a call, which counts on a CPU, and a few more kernels, which count on a GPU.
    """
    total = addend
    for maps, shares in terms:
        own = shares.squeeze(1)
        total = maps * own if total is None else torch.addcmul(total, maps, own)
    assert total is not None
    return total


def _compiled(addend: Tensor | None, *terms: Tensor) -> Tensor:
    """Do as ``_Weighed`` where a compiler fuses and rounds once."""
    products = [maps.unsqueeze(2) * shares for maps, shares in _in_twos(terms)]
    total = products[0] if addend is None else addend + products[0]
    for product in products[1:]:
        total = total + product
    return total.to(terms[0].dtype)


class _Weighed(torch.autograd.Function):
    """``(N, S, E, C) or None, (N, S, C), (S, E, C), ... -> (N, S, E, C)``."""

    @staticmethod
    def forward(ctx: Any, addend: Tensor | None, *terms: Tensor) -> Tensor:
        """Return the sum over all terms of ``maps[:, s] * shares[s, e]``, plus the addend."""
        ctx.save_for_backward(*terms)
        first = terms[0]
        total = first.new_empty(*first.shape[:2], *terms[1].shape[1:])
        before = addend
        for maps, shares in _in_twos(terms):
            accumulate(before, maps.unsqueeze(2), shares, total)
            before = total
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the addend and of each term's maps and shares."""
        (upstream,), (of_addend, *wanted) = gradients, ctx.needs_input_grad
        found: list[Tensor | None] = [upstream if of_addend else None]
        for (maps, shares), (first, second) in zip(_in_twos(ctx.saved_tensors), _in_twos(wanted), strict=True):
            found.append(_Gathered.apply(upstream, shares) if first else None)
            found.append(_Summed.apply(maps, upstream, shares.dtype) if second else None)
        return tuple(found)


class _Gathered(torch.autograd.Function):
    """``(N, S, E, C), (S, E, C) -> (N, S, C)``: the gradient of the maps."""

    @staticmethod
    def forward(ctx: Any, edges: Tensor, shares: Tensor) -> Tensor:
        """Return the sum over the edges of ``edges[:, s, e] * shares[s, e]``."""
        ctx.save_for_backward(edges, shares)
        total = edges.new_empty(edges.shape[0], edges.shape[1], edges.shape[3])
        before = None
        for edge in range(edges.shape[2]):
            accumulate(before, edges[:, :, edge], shares[:, edge], total)
            before = total
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the edges and of the shares."""
        (upstream,), (edges, shares), wanted = gradients, ctx.saved_tensors, ctx.needs_input_grad
        return (
            _Weighed.apply(None, upstream, shares) if wanted[0] else None,
            _Summed.apply(upstream, edges, shares.dtype) if wanted[1] else None,
        )


class _Summed(torch.autograd.Function):
    """``(N, S, C), (N, S, E, C) -> (S, E, C)``: the gradient of the shares, in their precision."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, edges: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the sum over all pixels of ``maps[:, s] * edges[:, s, e]``."""
        ctx.save_for_backward(maps, edges)
        return summed(maps, edges, dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the maps and of the edges."""
        (upstream,), (maps, edges), wanted = gradients, ctx.saved_tensors, ctx.needs_input_grad
        return (
            _Gathered.apply(edges, upstream) if wanted[0] else None,
            _Weighed.apply(None, maps, upstream) if wanted[1] else None,
            None,
        )


def summed(maps: Tensor, edges: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the sum over all pixels of ``maps[:, s] * edges[:, s, e]``: ``(N, S, C), (N, S, E, C) -> (S, E, C)``."""
    if edges.shape[2] == 1:
        return ops.products(maps, edges.squeeze(2), dtype).unsqueeze(1)
    return (maps.unsqueeze(2) * edges).sum(0, dtype=dtype)


def accumulate(before: Tensor | None, maps: Tensor, shares: Tensor, out: Tensor) -> None:
    """Write ``before + maps * shares`` to ``out``, which has the maps' precision; ``before`` may be ``out``."""
    if before is None:
        torch.mul(maps, shares, out=out)
    else:
        torch.addcmul(before, maps, shares, out=out)


def _in_twos(values: Sequence[Any]) -> zip[tuple[Any, Any]]:
    """Return first and second, third and fourth, and so on."""
    return zip(values[::2], values[1::2], strict=True)
