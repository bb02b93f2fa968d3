"""The images that a search sees and the held-out test images that it never does, as uint8 tensors.

Each file of ``sets`` declares one data set.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from bench.images import sets
from bench.images.dataset import Dataset
from bench.images.decoded import sha256
from results.errors import InputError, suggest

_MODULES = (import_module(f"{sets.__name__}.{each.name}") for each in pkgutil.iter_modules(sets.__path__))
_SETS: dict[str, Dataset] = {module.DATASET.id: module.DATASET for module in _MODULES}
DATASETS = tuple(_SETS)


@dataclass(frozen=True, eq=False)
class Images:
    """A data set: images uint8 ``(N, C, H, W)``, labels int64 ``(N,)``.

    ``train`` is what a search may use (it splits it further), ``test`` is held out. ``mean`` and ``std`` are per
    channel, of pixels scaled to [0, 1]. ``checksum`` is the sha256 of the four arrays.
    """

    name: str
    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checksum: str


def find(dataset: str) -> Dataset:
    """Return what is known of a data set; raise ``InputError`` where there is none of that name."""
    if dataset not in _SETS:
        fix = suggest(dataset, DATASETS) or f"; known are {', '.join(DATASETS)}"
        raise InputError(f"unknown data set '{dataset}'{fix}")
    return _SETS[dataset]


def load(
    dataset: str,
    *,
    size: int | None = None,
    train_limit: int | None = None,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> Images:
    """Return the images of ``dataset``.

    Parameters
    ----------
    dataset : one of ``DATASETS``.
    size : side in pixels, a divisor of the full side (32 for CIFAR-10, 8 for the digits). A smaller image is the
        box average of the full one, rounded to the nearest integer, halves up. None keeps the full side.
    train_limit : keep only the first so many training images.
    data_dir : folder that holds ``cifar10/`` and so on; not needed for the digits, nor while the decoded images are
        cached.
    cache_dir : where decoded images are kept; by default the platform's cache folder.

    Raises
    ------
    InputError
        The data set is unknown, absent or damaged, or not available in this size.
    """
    known = find(dataset)
    train, train_labels, test, test_labels = known.read(data_dir, cache_dir)
    if train_limit is not None:
        if not 0 < train_limit <= len(train):
            raise InputError(f"images.limit is {train_limit}; {dataset} has 1 to {len(train)} training images")
        train, train_labels = train[:train_limit], train_labels[:train_limit]
    if size is not None and size != train.shape[-1]:
        train, test = _box_average(train, size, dataset), _box_average(test, size, dataset)
    train_labels, test_labels = train_labels.astype(np.int64), test_labels.astype(np.int64)
    return Images(
        name=dataset,
        train=torch.from_numpy(train),
        train_labels=torch.from_numpy(train_labels),
        test=torch.from_numpy(test),
        test_labels=torch.from_numpy(test_labels),
        classes=known.classes,
        mean=known.mean,
        std=known.std,
        checksum=sha256(train, train_labels, test, test_labels),
    )


def _box_average(images: np.ndarray, size: int, dataset: str) -> np.ndarray:
    """Average k x k pixels of ``(N, C, k * size, k * size)`` into one, rounding to nearest with halves up."""
    full = images.shape[-1]
    if size < 1 or full % size:
        raise InputError(f"{dataset} is not available at {size} pixels; choose a size that divides {full}")
    k = full // size
    total = np.full((*images.shape[:2], size, size), k * k // 2, dtype=np.uint32)
    for row in range(k):
        for column in range(k):
            total += images[..., row::k, column::k]
    return (total // (k * k)).astype(np.uint8)
