"""How the weights of a supernet lie in memory: one flat row per seed.

The weights of S seeds are one matrix ``(S, P)``. Optimisers, gradient clipping, second-order DARTS and checkpoints
see only that matrix; the supernet sees named pieces of it. A piece that belongs to candidate operations says to
which entries of the mix: that is what partial weight decay and gradient norms per operation ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Piece:
    """One named weight of one seed.

    Attributes
    ----------
    bound : initialised uniformly in [-bound, bound], PyTorch's default for convolutions and linear layers; 0 fills
        with ``fill``.
    owners : (row, choice) of the operations that the first dimension holds, in equal parts; empty for weights that
        belong to no candidate operation.
    """

    name: str
    shape: tuple[int, ...]
    bound: float = 0.0
    fill: float = 0.0
    owners: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """Number of scalars."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Norm:
    """One batch norm. ``tracked`` False: the batch's own statistics serve in evaluation too."""

    channels: int  # of one seed
    momentum: float  # weight of the newest batch, PyTorch's convention
    tracked: bool = True


@dataclass
class Layout:
    """The pieces in order, and the batch norms that go with them."""

    pieces: list[Piece] = field(default_factory=list)
    norms: dict[str, Norm] = field(default_factory=dict)

    def conv(
        self,
        name: str,
        out: int,
        inputs: int,
        kernel: int,
        *,
        bias: bool = False,
        owners: tuple[tuple[int, int], ...] = (),
    ) -> None:
        """Add a convolution; ``out`` counts the outputs of all operations that share it."""
        bound = 1 / math.sqrt(inputs * kernel * kernel)
        self.pieces.append(Piece(name, (out, inputs, kernel, kernel), bound, owners=owners))
        if bias:
            self.pieces.append(Piece(f"{name}.bias", (out,), bound, owners=owners))

    def norm(self, name: str, norm: Norm, *, affine: bool, owners: tuple[tuple[int, int], ...] = ()) -> None:
        """Add a batch norm; an affine one has the pieces ``NAME.scale`` and ``NAME.shift``."""
        self.norms[name] = norm
        if affine:
            self.pieces.append(Piece(f"{name}.scale", (norm.channels,), fill=1.0, owners=owners))
            self.pieces.append(Piece(f"{name}.shift", (norm.channels,), owners=owners))

    def linear(self, name: str, out: int, inputs: int) -> None:
        """Add a linear layer with bias."""
        bound = 1 / math.sqrt(inputs)
        self.pieces.append(Piece(name, (out, inputs), bound))
        self.pieces.append(Piece(f"{name}.bias", (out,), bound))

    @property
    def size(self) -> int:
        """P, the number of weights of one seed."""
        return sum(piece.size for piece in self.pieces)

    def split(self, weights: Tensor) -> dict[str, Tensor]:
        """Return the named pieces ``(S, *shape)`` of flat weights ``(S, P)``; differentiable."""
        parts = weights.split([piece.size for piece in self.pieces], dim=1)
        return {
            piece.name: part.reshape(len(weights), *piece.shape) for piece, part in zip(self.pieces, parts, strict=True)
        }

    def initial(self, generator: torch.Generator) -> Tensor:
        """Draw the weights of one seed, float64 ``(P,)``, piece by piece in order."""
        parts = []
        for piece in self.pieces:
            if piece.bound:
                uniform = torch.rand(piece.size, generator=generator, dtype=torch.float64)
                parts.append((2 * uniform - 1) * piece.bound)
            else:
                parts.append(torch.full((piece.size,), piece.fill, dtype=torch.float64))
        return torch.cat(parts)

    def owners(self, columns: int, unowned: int) -> Tensor:
        """Return for each weight the flat position ``row * columns + choice`` of its operation, int64 ``(P,)``.

        Weights that belong to no candidate operation get ``unowned``.
        """
        parts = []
        for piece in self.pieces:
            if not piece.owners:
                parts.append(torch.full((piece.size,), unowned))
                continue
            positions = torch.tensor([row * columns + choice for row, choice in piece.owners])
            parts.append(positions.repeat_interleave(piece.size // len(piece.owners)))
        return torch.cat(parts)
