"""What the supernet asks of a kind of cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from spaces.base import Space, SupernetConfig
from spaces.supernet.declare import Place
from spaces.supernet.forward import Pass
from spaces.supernet.layout import Position


class CellKind(ABC):
    """Computes the cells of a space.

    Parameters
    ----------
    space, config : as for the supernet.

    Attributes
    ----------
    inputs : how many outputs of cells before it a cell reads, the latest last.
    """

    inputs = 1

    def __init__(self, space: Space, config: SupernetConfig) -> None:
        self.space, self.config = space, config

    @abstractmethod
    def weighing(self) -> list[Position]:
        """Return the entries of the mix by which a cell weighs whole maps, those that ride on no batch norm."""

    @abstractmethod
    def shares(self, entries: Tensor, places: Sequence[Place]) -> Sequence[Any]:
        """Lay out what each cell of a stack multiplies its maps with.

        ``entries``, ``(S, len(weighing()))``, are picked out of the mix. Every cell gets tensors of its own, so that
        their gradients are gathered by one sum over the cells.
        """

    @abstractmethod
    def forward(self, pass_: Pass, shares: Any, *inputs: Tensor) -> Tensor:
        """Run one cell on maps ``(B, H, W, S, Cin)``; ``pass_`` is its own, ``shares`` are those laid out for it."""
