"""Closed forms of everything that changes from epoch to epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

Scalars = Mapping[str, float]


@dataclass(frozen=True)
class Rate:
    """The weights' learning rate over a search; see ``cosine``."""

    start: float
    end: float
    shifted: bool


def cosine(epoch: int, epochs: int, start: float, end: float, *, shifted: bool) -> float:
    """Return the learning rate of an epoch, counted from 0.

    ``shifted`` gives what the SmoothDARTS and NAS-Bench-1Shot1 codes do under the PyTorch that they ran on: the
    scheduler steps before the epoch, so that the first epoch has cos(1) and the last one exactly ``end``.
    """
    return end + (start - end) * (1 + math.cos(math.pi * (epoch + shifted) / epochs)) / 2


def ramp(epoch: int, epochs: int, start: float, end: float) -> float:
    """Return start + (end - start) * epoch / epochs; ``end`` itself is never reached."""
    return start + (end - start) * epoch / epochs
