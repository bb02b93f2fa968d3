"""From flat weights and a mix to the tensors that a pass uses, in a handful of operations for the whole network.

Mixing weights ride on batch norms: w * (scale * x + shift) has the scale w * scale and the shift w * shift, and since
w >= 0, w * relu(y) = relu(w * y). So the mix is spread over the channels of all mixed batch norms, and multiplied into
all their scales and shifts at once; no map is ever multiplied for it, and the gradient of the mix is that of the scales
and shifts.
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
    maps : precision of the kernels and biases of convolutions; that of the weights by default.
    """

    def __init__(self, layout: Layout, rows: int, columns: int, maps: torch.dtype | None = None) -> None:
        self.layout, self.entries, self.columns, self.maps = layout, rows * columns, columns, maps
        self._scales = [Piece(f"{name}.scale", (norm.channels,)) for name, norm in layout.mixed.items()]
        kernels = {piece.name for piece in layout.plain if len(piece.shape) == 4}
        own = [piece.name.removesuffix(".bias") in kernels for piece in layout.plain]
        self._convs = [piece for piece, of_a_conv in zip(layout.plain, own, strict=True) if of_a_conv]
        self._others = [piece for piece, of_a_conv in zip(layout.plain, own, strict=True) if not of_a_conv]
        after = len(layout.plain)
        self._convs_first = (*sorted(range(after), key=lambda i: not own[i]), *range(after, len(layout.pieces)))
        self._spread = Constants(self._make_spread)
        self._order = Constants(self._make_order)

    def plain(self, weights: Tensor) -> dict[str, Tensor]:
        """Return the named pieces ``(S, *shape)`` of flat weights ``(S, P)``, all in the precision of the weights."""
        pieces = self.layout.pieces
        return _named(self._stored(weights, pieces), pieces, len(weights))

    def mixed(self, weights: Tensor, mix: Tensor) -> dict[str, Tensor]:
        """Return the pieces with the mix multiplied into the scales and shifts of the mixed batch norms.

        A norm without a scale of its own has its mixing weights as scale. ``mix`` is ``(S, R, M)``. All kernels are
        rounded to the precision of the maps at once.
        """
        layout, seeds = self.layout, len(weights)
        factor = self._stored(self._factor(mix), self._scales)
        stored = self._stored(weights, layout.pieces, self._convs_first)
        # split twice into many pieces: the gradients of a split are copied together
        sizes = [seeds * sum(piece.size for piece in self._convs), *(seeds * piece.size for piece in self._others)]
        convs, *others, last = stored.split([*sizes, stored.numel() - sum(sizes)])
        found = _named(convs.to(self.maps or convs.dtype), self._convs, seeds)
        found |= {p.name: _from_stored(part, seeds, p.shape) for p, part in zip(self._others, others, strict=True)}
        if layout.scales:
            return found | _named((last.view(2, -1) * factor).view(-1), [*layout.scales, *layout.shifts], seeds)
        return found | _named(factor, self._scales, seeds)

    def factors(self, mix: Tensor) -> dict[str, Tensor]:
        """Return the mixing weight of each channel of each mixed batch norm, ``(S, C)``, contiguous."""
        named = _named(self._stored(self._factor(mix), self._scales), self._scales, len(mix))
        return {name.removesuffix(".scale"): factor for name, factor in named.items()}

    def _factor(self, mix: Tensor) -> Tensor:
        """Return the mixing weight of each channel of all mixed batch norms, ``(S, channels)``."""
        ones = mix.new_ones(len(mix), 1)
        entries = torch.cat([mix.flatten(1), ones], dim=1)
        return _Spread.apply(entries, *self._spread.of(mix.device, mix.dtype))

    def _stored(self, flat: Tensor, pieces: list[Piece], turn: tuple[int, ...] | None = None) -> Tensor:
        """Put ``(S, ...)`` into one dimension, piece after piece, each of all seeds, kernels with their inputs last.

        The order of a kernel is that of the maps, so that a convolution copies neither it nor its gradient. ``turn``
        holds which piece comes first, second and so on; by default they stay in their order.
        """
        shapes = tuple(piece.shape for piece in pieces)
        order = self._order.of(flat.device, len(flat), shapes, turn or tuple(range(len(pieces))))
        return flat.reshape(-1) if order is None else _Permute.apply(flat, *order)

    def _make_order(
        self, device: torch.device, seeds: int, shapes: tuple[tuple[int, ...], ...], turn: tuple[int, ...]
    ) -> tuple[Tensor, Tensor] | None:
        """Return the permutation from seed by seed to piece by piece, and its inverse; None if it changes nothing."""
        sizes = [math.prod(shape) for shape in shapes]
        size = seeds * sum(sizes)
        upward = torch.arange(size, dtype=torch.int32)
        rows = upward.view(seeds, -1).split(sizes, dim=1)
        index = torch.cat([_to_stored(rows[piece], shapes[piece]) for piece in turn])
        if torch.equal(index, upward):
            return None
        inverse = torch.empty_like(index)
        inverse[index] = upward
        return index.to(device), inverse.to(device)

    def _make_spread(self, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return the entry of each channel of all mixed norms, and ``(R * M + 1, channels)`` of ones where it is that.

        The last entry stands for a weight of 1.
        """
        owners = []
        for norm in self.layout.mixed.values():
            rows = [self.entries if at is None else at[0] * self.columns + at[1] for at in norm.mix]
            owners.append(torch.tensor(rows).repeat_interleave(norm.channels // len(rows)))
        owner = torch.cat(owners).to(device)
        return owner, (owner == torch.arange(self.entries + 1, device=device)[:, None]).to(dtype)


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


class _Spread(torch.autograd.Function):
    """Gives each channel its entry of the mix, as it is; differentiable to any order.

    ``(S, entries), (channels,), (entries, channels) -> (S, channels)``. The gradient is summed element by element: a
    product of matrices would round on a GPU, by as much as the first differences between alphas.
    """

    @staticmethod
    def forward(ctx: Any, entries: Tensor, owner: Tensor, ones: Tensor) -> Tensor:
        """Return ``entries[:, owner]``."""
        ctx.save_for_backward(owner, ones)
        return entries.index_select(1, owner)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return for each entry the sum of the gradients of its channels."""
        return _Collected.apply(gradients[0], *ctx.saved_tensors), None, None


class _Collected(torch.autograd.Function):
    """``(S, channels), (channels,), (entries, channels) -> (S, entries)``: the gradient of ``_Spread``."""

    @staticmethod
    def forward(ctx: Any, channels: Tensor, owner: Tensor, ones: Tensor) -> Tensor:
        """Return for each entry the sum of its channels."""
        ctx.save_for_backward(owner, ones)
        return (channels.unsqueeze(1) * ones).sum(2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Spread the gradient."""
        return _Spread.apply(gradients[0], *ctx.saved_tensors), None, None
