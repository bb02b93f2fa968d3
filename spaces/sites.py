"""Sites: the architectural decisions of a space, and what survives of each.

A *site* is one named decision: ``rows`` categorical choices of which ``keep`` survive discretisation, or of whose rows
only some survive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

#: What the rows of a contest are ranked by: the softmax of their alphas, or these alone.
Rank = Literal["share", "alpha"]


@dataclass(frozen=True)
class Site:
    """One architectural decision.

    Attributes
    ----------
    choices : the choices of each row; if ``lists`` gives each row its own, all that occur, in order.
    keep : how many choices of a row survive.
    operations : whether the choices are operations (else they are parents).
    contests : groups of rows of which ``survivors`` survive each, with their heaviest choice that is not in ``never``.
        Without any, every row survives.
    weighed_by : the site whose rows hold the weights of the rows of each contest; empty where these have none.
    """

    name: str
    rows: int
    choices: tuple[str, ...]
    keep: int = 1
    operations: bool = False
    lists: tuple[tuple[str, ...], ...] = ()
    contests: tuple[tuple[int, ...], ...] = ()
    survivors: int = 0
    never: tuple[str, ...] = ()
    weighed_by: str = ""

    def of_row(self, row: int) -> tuple[str, ...]:
        """Return the choices of one row."""
        return self.lists[row] if self.lists else self.choices

    def allowed(self, row: int) -> tuple[int, ...]:
        """Return which choices of a row may survive."""
        return tuple(j for j, name in enumerate(self.of_row(row)) if name not in self.never)

    def random(self, rng: np.random.Generator) -> list[tuple[int, ...]]:
        """Draw what survives in each row, all choices alike."""
        if self.contests:
            drawn = [rng.choice(contest, size=self.survivors, replace=False).tolist() for contest in self.contests]
            alive = {row for rows in drawn for row in rows}
            return [(int(rng.choice(self.allowed(row))),) if row in alive else () for row in range(self.rows)]
        rows = (self.of_row(row) for row in range(self.rows))
        return [tuple(sorted(rng.choice(len(row), size=self.keep, replace=False).tolist())) for row in rows]

    def contested(self, alpha: np.ndarray, rank: Rank, weights: np.ndarray | None = None) -> list[tuple[int, ...]]:
        """Return what survives in each row of a site with contests; ties go to the lower row and the lower choice.

        ``alpha``, ``(rows, M)``, are raw: a share counts what its row has beside what may survive. It is multiplied by
        the row's own weight where ``weights``, ``(rows,)``, holds one.
        """
        best, score = [], []
        for row, own in enumerate(alpha):
            own = own[: len(self.of_row(row))]
            best.append(max(self.allowed(row), key=lambda choice: own[choice]))
            share = softmax(own)[best[-1]] * (1.0 if weights is None else weights[row])
            score.append(own[best[-1]] if rank == "alpha" else share)
        ranked = (sorted(contest, key=lambda row: -score[row])[: self.survivors] for contest in self.contests)
        alive = {row for rows in ranked for row in rows}
        return [(best[row],) if row in alive else () for row in range(self.rows)]


def softmax(values: np.ndarray) -> np.ndarray:
    """Return the shares of values ``(M,)``."""
    shares = np.exp(values - values.max())
    return shares / shares.sum()


@dataclass(frozen=True)
class Row:
    """One row of the padded table of alphas."""

    site: str
    index: int  # within the site
    choices: tuple[str, ...]
    keep: int
    operations: bool
