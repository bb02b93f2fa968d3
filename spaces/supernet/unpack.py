"""From flat weights and a mix to the tensors that a pass uses, in a handful of operations for the whole network.

Mixing weights ride on batch norms: w * (scale * x + shift) has the scale w * scale and the shift w * shift, and since
w >= 0, w * relu(y) = relu(w * y). So the mix is spread over the channels of all mixed batch norms by one product with
a constant matrix, and multiplied into all their scales and shifts at once; no map is ever multiplied for it, and the
gradient of the mix is that of the scales and shifts.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .constants import Constants
from .layout import Layout, Piece


class Unpack:
    """Spreads, multiplies and lays out.

    Parameters
    ----------
    layout : of the weights.
    rows, columns : R and M of the mix.
    """

    def __init__(self, layout: Layout, rows: int, columns: int) -> None:
        self.layout, self.entries, self.columns = layout, rows * columns, columns
        self._scales = [Piece(f"{name}.scale", (norm.channels,)) for name, norm in layout.mixed.items()]
        self._spread = Constants(self._make_spread)
        self._order = Constants(self._make_order)

    def plain(self, weights: Tensor) -> dict[str, Tensor]:
        """Return the named pieces ``(S, *shape)`` of flat weights ``(S, P)``."""
        pieces = self.layout.pieces
        return _named(self._stored(weights, pieces), pieces, len(weights))

    def mixed(self, weights: Tensor, mix: Tensor) -> dict[str, Tensor]:
        """Return the pieces with the mix multiplied into the scales and shifts of the mixed batch norms.

        A norm without a scale of its own has its mixing weights as scale. ``mix`` is ``(S, R, M)``.
        """
        layout, seeds = self.layout, len(weights)
        factor = self._stored(self._factor(mix), self._scales)
        # split once into all plain pieces and the rest: the gradients of a split are copied together
        sizes = [seeds * piece.size for piece in layout.plain]
        *plain, last = self._stored(weights, layout.pieces).split([*sizes, weights.numel() - sum(sizes)])
        if layout.scales:
            last = (last.view(2, -1) * factor).view(-1)
            named = _named(last, [*layout.scales, *layout.shifts], seeds)
        else:
            named = _named(factor, self._scales, seeds)
        return {p.name: _from_stored(part, seeds, p.shape) for p, part in zip(layout.plain, plain, strict=True)} | named

    def factors(self, mix: Tensor) -> dict[str, Tensor]:
        """Return the mixing weight of each channel of each mixed batch norm, ``(S, C)``, contiguous."""
        named = _named(self._stored(self._factor(mix), self._scales), self._scales, len(mix))
        return {name.removesuffix(".scale"): factor for name, factor in named.items()}

    def _factor(self, mix: Tensor) -> Tensor:
        """Return the mixing weight of each channel of all mixed batch norms, ``(S, channels)``."""
        ones = mix.new_ones(len(mix), 1)
        return torch.cat([mix.flatten(1), ones], dim=1) @ self._spread.of(mix.device, mix.dtype)

    def _stored(self, flat: Tensor, pieces: list[Piece]) -> Tensor:
        """Put ``(S, ...)`` into one dimension, piece after piece, each of all seeds, kernels with their inputs last.

        The order of a kernel is that of the maps, so that a convolution copies neither it nor its gradient.
        """
        order = self._order.of(flat.device, len(flat), tuple(piece.shape for piece in pieces))
        return flat.reshape(-1) if order is None else _Permute.apply(flat, *order)

    def _make_order(
        self, device: torch.device, seeds: int, shapes: tuple[tuple[int, ...], ...]
    ) -> tuple[Tensor, Tensor] | None:
        """Return the permutation from seed by seed to piece by piece, and its inverse; None if it changes nothing."""
        sizes = [math.prod(shape) for shape in shapes]
        size = seeds * sum(sizes)
        upward = torch.arange(size, device=device, dtype=torch.int32)
        rows = upward.view(seeds, -1).split(sizes, dim=1)
        index = torch.cat([_to_stored(part, shape) for part, shape in zip(rows, shapes, strict=True)])
        if torch.equal(index, upward):
            return None
        inverse = torch.empty_like(index)
        inverse[index] = upward
        return index, inverse

    def _make_spread(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """Return zeros and ones ``(R * M + 1, channels of all mixed norms)``; the last row stands for a weight of 1."""
        owners = []
        for norm in self.layout.mixed.values():
            rows = [self.entries if at is None else at[0] * self.columns + at[1] for at in norm.mix]
            owners.append(torch.tensor(rows).repeat_interleave(norm.channels // len(rows)))
        owner = torch.cat(owners)
        spread = torch.zeros(self.entries + 1, len(owner), dtype=dtype)
        spread[owner, torch.arange(len(owner))] = 1
        return spread.to(device)


def _named(stored: Tensor, pieces: list[Piece], seeds: int) -> dict[str, Tensor]:
    """Return the pieces that are kept one after the other."""
    parts = stored.split([seeds * piece.size for piece in pieces])
    return {p.name: _from_stored(part, seeds, p.shape) for p, part in zip(pieces, parts, strict=True)}


def _to_stored(part: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the elements of a piece of S seeds, ``(S, size)``, in the order in which it is kept."""
    piece = part.view(-1, *shape)
    return (piece.permute(0, 1, 3, 4, 2) if len(shape) == 4 else piece).flatten()


def _from_stored(flat: Tensor, seeds: int, shape: tuple[int, ...]) -> Tensor:
    """View the kept elements of a piece as ``(S, *shape)``."""
    if len(shape) != 4:
        return flat.view(seeds, *shape)
    outputs, inputs, *sides = shape
    return flat.view(seeds, outputs, *sides, inputs).permute(0, 1, 4, 2, 3)


class _Permute(torch.autograd.Function):
    """Reorders the elements of a tensor into one dimension; the gradient is reordered back, to any order."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        """Return ``flat.flatten()[index]``."""
        ctx.save_for_backward(index, inverse)
        ctx.shape = flat.shape
        return flat.reshape(-1).index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Put the gradient back into the order of the input."""
        index, inverse = ctx.saved_tensors
        return _Permute.apply(gradients[0], inverse, index).view(ctx.shape), None, None
