"""How the weights of a supernet lie in memory: one flat row per seed.

The weights of S seeds are one matrix ``(S, P)``. Optimisers, gradient clipping, second-order DARTS and checkpoints
see only that matrix; the supernet sees named pieces of it. A piece that belongs to candidate operations says to
which entries of the mix: that is what partial weight decay and gradient norms per operation ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: (row, choice) of an entry of the mix.
Position = tuple[int, int]


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
    owners: tuple[Position, ...] = ()

    @property
    def size(self) -> int:
        """Number of scalars."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Norm:
    """One batch norm.

    Attributes
    ----------
    channels : of one seed.
    momentum : weight of the newest batch in the running statistics, PyTorch's convention.
    tracked : False: the batch's own statistics serve in evaluation too.
    mix : (row, choice) of the mixing weight of each of as many equal groups of channels, None for a weight of one;
        empty where nothing is mixed.
    """

    channels: int
    momentum: float
    tracked: bool = True
    mix: tuple[Position | None, ...] = ()


@dataclass
class Layout:
    """The pieces in order, and the batch norms that go with them.

    The scales of all mixed batch norms stand side by side at the end of the row, and after them their shifts, so
    that one multiplication puts the mixing weights of the whole network into them. ``sums`` names the pairs of
    convolutions that are added up, ``gathered`` the convolutions whose groups are, with how many each sum has,
    ``rectified`` those that read the same map and are rectified before they are weighed.
    """

    norms: dict[str, Norm] = field(default_factory=dict)
    sums: list[tuple[str, str]] = field(default_factory=list)
    gathered: dict[str, tuple[int, ...]] = field(default_factory=dict)
    rectified: list[tuple[str, ...]] = field(default_factory=list)
    plain: list[Piece] = field(default_factory=list)
    scales: list[Piece] = field(default_factory=list)
    shifts: list[Piece] = field(default_factory=list)

    @property
    def pieces(self) -> list[Piece]:
        """All pieces in order."""
        return [*self.plain, *self.scales, *self.shifts]

    @property
    def mixed(self) -> dict[str, Norm]:
        """The batch norms that mixing weights ride on, in order."""
        return {name: norm for name, norm in self.norms.items() if norm.mix}

    def conv(
        self,
        name: str,
        out: int,
        inputs: int,
        kernel: int,
        *,
        bias: bool = False,
        owners: tuple[Position, ...] = (),
    ) -> None:
        """Add a convolution; ``out`` counts the outputs of all groups that share it, ``inputs`` those of one group."""
        bound = 1 / math.sqrt(inputs * kernel * kernel)
        self.plain.append(Piece(name, (out, inputs, kernel, kernel), bound, owners=owners))
        if bias:
            self.plain.append(Piece(f"{name}.bias", (out,), bound, owners=owners))

    def norm(self, name: str, norm: Norm, *, affine: bool, owners: tuple[Position, ...] = ()) -> None:
        """Add a batch norm; an affine one has the pieces ``NAME.scale`` and ``NAME.shift``."""
        self.norms[name] = norm
        if affine:
            scales, shifts = (self.scales, self.shifts) if norm.mix else (self.plain, self.plain)
            scales.append(Piece(f"{name}.scale", (norm.channels,), fill=1.0, owners=owners))
            shifts.append(Piece(f"{name}.shift", (norm.channels,), owners=owners))

    def sum(self, small: str, large: str) -> None:
        """Say that a 1x1 and a 3x3 convolution, batch norms included, are only ever added up."""
        self.sums.append((small, large))

    def linear(self, name: str, out: int, inputs: int) -> None:
        """Add a linear layer with bias."""
        bound = 1 / math.sqrt(inputs)
        self.plain.append(Piece(name, (out, inputs), bound))
        self.plain.append(Piece(f"{name}.bias", (out,), bound))

    @property
    def size(self) -> int:
        """P, the number of weights of one seed."""
        return sum(piece.size for piece in self.pieces)

    def initial(self, generator: torch.Generator) -> Tensor:
        """Draw the weights of one seed, float64 ``(P,)``, piece by piece in order."""
        import torch

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
        import torch

        parts = []
        for piece in self.pieces:
            if not piece.owners:
                parts.append(torch.full((piece.size,), unowned))
                continue
            positions = torch.tensor([row * columns + choice for row, choice in piece.owners])
            parts.append(positions.repeat_interleave(piece.size // len(piece.owners)))
        return torch.cat(parts)
