"""A pass at frozen weights that shows what enters each ReLU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import final

from torch import Tensor

from .forward import Sums
from .frozen import Frozen

#: Called with the input ``(B, H, W, S, C)`` of each ReLU, before any mixing weight, and the number of operations that
#: read what comes out, each of which has a ReLU of its own in the authors' networks.
Seen = Callable[[Tensor, int], None]


@final
@dataclass(frozen=True)
class Observed(Frozen):
    """See ``Frozen``; ``seen`` is called on the way."""

    seen: Seen

    @classmethod
    def of(cls, frozen: Frozen, seen: Seen) -> Observed:
        """Return the same pass, observed; nothing is folded, since what enters a ReLU has no weight."""
        apart = replace(frozen, folded={})
        return cls(**{field.name: getattr(apart, field.name) for field in fields(Frozen)}, seen=seen)

    def cells(self) -> dict[str, Observed]:
        """See ``Pass``."""
        return {name: Observed.of(cell, self.seen) for name, cell in super().cells().items()}

    def edge_sums(
        self, before: Sums | None, node: Tensor, pair: tuple[str, str], skip: Tensor, pool: Tensor
    ) -> tuple[Tensor, Sums]:
        """See ``Pass``."""
        self.seen(node, len(pair) * skip.shape[1])
        return super().edge_sums(before, node, pair, skip, pool)

    def relu(self, x: Tensor, *, readers: int = 1) -> Tensor:
        """See ``Pass``."""
        self.seen(x, readers)
        return super().relu(x, readers=readers)
