"""What is a fact about a data set: its size, classes, statistics, and how its files are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: Training images uint8 ``(N, C, side, side)``, their labels, test images, their labels.
Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes
    ----------
    id : what experiments call it.
    side : of its images, in pixels.
    train : how many of its images a search may use.
    mean, std : per channel, of the training images' pixels scaled to [0, 1]; kept at every size.
    read : returns its parts, given the data directory and the folder of decoded images, None for where they usually
        are; raises ``InputError`` where its files are absent, damaged or not the official ones.
    """

    id: str
    side: int
    train: int
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    read: Callable[[Path | None, Path | None], Parts]
