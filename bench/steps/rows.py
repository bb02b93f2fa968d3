"""What methods share that fix row after row: they take each choice away in turn, and keep what is missed most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from spaces.base import Space

#: In which order the rows are fixed; "fixed" is that of the space.
Order = Literal["random", "fixed"]


def order_of(space: Space, order: Order, generator: torch.Generator) -> list[int]:
    """Return the rows in the order in which they are fixed: those of operations, then those of inputs."""
    found: list[int] = []
    for operations in (True, False):
        rows = [index for index, row in enumerate(space.rows) if row.operations is operations]
        shuffled = torch.randperm(len(rows), generator=generator).tolist()
        found += [rows[i] for i in shuffled] if order == "random" else rows
    return found


def without(mix: Tensor, rows: Sequence[int], taken: int) -> Tensor:
    """Return the mix, ``(S, R, M)``, with one choice of each seed's row at zero; the others stay as they are."""
    left = mix.clone()
    left[torch.arange(len(rows)), torch.tensor(rows), taken] = 0
    return left


def settled(table: Tensor, space: Space, rows: Sequence[int], scores: Tensor) -> Tensor:
    """Return the table, ``(S, R, M)``, with each seed's row fixed: ones where a choice is kept, zeros elsewhere.

    Parameters
    ----------
    scores : ``(S, M)`` or fewer columns, the score with each choice taken away. The lowest are kept, the first of
        equals; beyond the choices of a row they mean nothing.
    """
    found = table.clone()
    for index, row in enumerate(rows):
        there = space.rows[row]
        kept = scores[index, : len(there.choices)].argsort(stable=True)[: there.keep]
        found[index, row] = 0
        found[index, row, kept] = 1
    return found


def fault(space: Space) -> str:
    """Return why row after row cannot be fixed; empty where it can."""
    compete = any(site.contests for site in space.sites)
    return "it fixes row after row, and here rows compete for their place in the cell" if compete else ""
