"""DARTS-ES: where a search would have stopped early, read off its record.

Zela et al., Understanding and Robustifying Differentiable Architecture Search, ICLR 2020; automl/RobustDARTS at
3dec3fe, src/utils.py:31-150. The rule looks at the dominant eigenvalue of the alpha Hessian every second epoch. The
search stops if the mean of the last five values is more than 1.3 times that of the five values that ended eight epochs
before. The result is the architecture of twelve epochs before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from results.records.record import Record

EVERY = 2  # epochs
FACTOR = 1.3
FEWEST = 30  # epochs of a search to which the rule is applied
_WINDOW, _LAG, _FIRST, _BACK = 5, 4, 22, 12  # values, values, epoch, epochs
#: What a stopped search has not measured: kept of its later points are epoch, architecture and alphas.
_KEPT = ("epoch", "arch", "alpha")


@dataclass(frozen=True)
class Stop:
    """A search that stops.

    Attributes
    ----------
    epoch : of the authors' count, from 0, after which the search stops.
    returned : the epoch whose architecture is returned.
    now, before : the two means of eigenvalues that are compared.
    """

    epoch: int
    returned: int
    now: float
    before: float


def early_stop(values: Sequence[float], epochs: int) -> Stop | None:
    """Return where a search stops, None where it reaches its end.

    Parameters
    ----------
    values : eigenvalues after epochs 0, 2, 4, ..., counted from 0.
    epochs : of the whole search; nothing is looked at after the last one.
    """
    for place in range(_FIRST // EVERY, len(values)):
        epoch = EVERY * place
        if epoch >= epochs - 1:
            return None
        now, before = (float(np.mean(values[end - _WINDOW + 1 : end + 1])) for end in (place, place - _LAG))
        if now / before > FACTOR:
            return Stop(epoch, epoch - _BACK, now, before)
    return None


def fault(record: Record) -> str:
    """Return why the rule cannot be applied to a record; empty where it can."""
    if not record.complete:
        return "the search did not reach its last epoch"
    if record.epochs < FEWEST:
        return f"the search has fewer than {FEWEST} epochs"
    return "" if _first(record) else "its eigenvalues are not measured at every second epoch"


def stopped(record: Record) -> tuple[Record, Stop | None]:
    """Return the record of the search as it would have been with early stopping, and where it stops.

    The architecture stays what was returned from there on, and nothing more is measured.

    Raises
    ------
    ValueError
        The rule cannot be applied; see ``fault``.
    """
    first = _first(record)
    if (why := fault(record)) or not first:
        raise ValueError(f"{record.run}: {why}")
    values = record.points["eigenvalue"].to_numpy(float)[first::EVERY]
    stop = early_stop(values.tolist(), record.epochs)
    if stop is None:
        return record, None
    points = record.points.copy()
    later = points["epoch"] > stop.epoch + first
    points.loc[later, "arch"] = points["arch"].iloc[stop.returned + first]
    points.loc[later, [name for name in points if name not in _KEPT]] = np.nan
    return replace(record, points=points), stop


def _first(record: Record) -> int:
    """Return the point of the first value, 1 or 2; 0 where not every second one from there on has a value.

    The authors measure after their epochs 0, 2, 4, ..., which are the points 1, 3, 5, ... of a record. A record that
    holds the even ones alone is read one epoch later.
    """
    known = np.isfinite(record.points["eigenvalue"].to_numpy(float)) if "eigenvalue" in record.points else np.zeros(0)
    return next((first for first in (1, 2) if len(known) > first and known[first::EVERY].all()), 0)
