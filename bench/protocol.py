"""The protocol of a run: its tables, the values that each may have, and the hash that names what decides a search."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from bench.images.datasets import DATASETS
from results.errors import InputError, suggest
from spaces.base import Space, SupernetConfig
from spaces.fields import decisive

#: Far beyond any paper's; a supernet is built to predict its memory, and one beyond these would not fit to be.
_MOST_CHANNELS, _MOST_CELLS = 256, 64

#: What a record and a landscape hold, and images of thousands of pixels.
_MOST_EPOCHS, _MOST_LANDSCAPE, _MOST_PIXELS, _MOST_IMAGES = 99_999, 300, 4096, 10**9


@dataclass(frozen=True)
class ImagesConfig:
    """Which images are searched on, and how they are augmented."""

    dataset: str
    size: int = 0  # side in pixels; 0 keeps the data set's own
    limit: int = 0  # search images; 0 takes all
    split: Literal["halves", "interleaved"] = "halves"  # which images train the weights, and which the alphas
    crop_padding: int = 4
    flip: bool = True
    cutout: int = 0


@dataclass(frozen=True)
class Training:
    """How weights and alphas are trained. Every value is the experiment's; none has a default."""

    epochs: int
    batch: int
    lr: float
    lr_min: float
    lr_shifted: bool  # see bench.steps.schedule.cosine
    momentum: float
    nesterov: bool
    weight_decay: float
    clip: float  # 0: no clipping
    clip_mix: bool  # whether the mix's gradient counts in the clip norm
    alpha_lr: float
    alpha_betas: tuple[float, float]
    alpha_decay: float
    order: Literal["alpha-first", "weights-first"]
    alpha_batches: Literal["cycle", "fresh", "replacement"]


@dataclass(frozen=True)
class Measure:
    """What is measured beside the search; none of it changes the search."""

    eigenvalue_every: int = 1  # epochs; 0 never
    evaluate_every: int = 1  # epochs; 0 only after the last one, which is always evaluated
    valid_images: int = 0  # evaluated each time; 0 takes the whole alpha half
    landscape: int = 0  # points along each axis of the plane; 0 leaves it out
    landscape_images: int = 1000


@dataclass(frozen=True)
class Protocol:
    """All that decides what a run's record holds, apart from its seed."""

    images: ImagesConfig
    supernet: SupernetConfig
    training: Training
    measure: Measure
    params: Any  # the method's own dataclass

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return dataclasses.asdict(self)


_DECISIVE = ("images", "supernet", "training", "params")


def config_hash(space: str, method_id: str, protocol: Protocol) -> str:
    """Return the 16 hex digits that name what decides what a method finds on a space.

    What is measured beside the search decides nothing and is left out. So is a field that was ``spaces.fields.added``
    after records had been committed, while it has its neutral value: their hashes stay.
    """
    tables = {name: decisive(getattr(protocol, name)) for name in _DECISIVE}
    text = json.dumps([space, method_id, tables], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def require(values: object, *names: str, least: float = 0.0) -> None:
    """Raise ``InputError`` where a value is below ``least`` or not finite; the caller names its table."""
    for name in names:
        value = getattr(values, name)
        if not least <= value < float("inf"):
            raise InputError(f"{name} = {value} is out of range; it must be at least {least:g} and finite")


def check(protocol: Protocol, space: Space) -> None:
    """Raise ``InputError`` for the first value that is out of range on a space."""
    training, images, supernet = protocol.training, protocol.images, protocol.supernet
    optimiser = ("lr", "lr_min", "momentum", "clip", "weight_decay", "alpha_lr", "alpha_decay")
    for table, least, names in (
        ("training", 1, ("epochs",)),
        ("training", 2, ("batch",)),
        ("training", 0, optimiser),
        ("supernet", 1, ("channels", "cells")),
        ("images", 0, ("size", "crop_padding", "cutout")),
        ("images", 2 if images.limit else 0, ("limit",)),  # one for the weights, one for the alphas
        ("measure", 0, ("eigenvalue_every", "evaluate_every", "valid_images", "landscape")),
        ("measure", 1, ("landscape_images",)),
    ):
        try:
            require(getattr(protocol, table), *names, least=least)
        except InputError as error:
            raise InputError(f"{table}.{error}") from None
    for key, value, bound in (
        ("supernet.channels", supernet.channels, _MOST_CHANNELS),
        ("supernet.cells", supernet.cells, _MOST_CELLS),
        ("training.epochs", training.epochs, _MOST_EPOCHS),
        ("training.batch", training.batch, _MOST_IMAGES),
        ("images.limit", images.limit, _MOST_IMAGES),
        ("images.crop_padding", images.crop_padding, _MOST_PIXELS),
        ("images.cutout", images.cutout, _MOST_PIXELS),
        ("measure.landscape", protocol.measure.landscape, _MOST_LANDSCAPE),
    ):
        if value > bound:
            raise InputError(f"{key} = {value} is out of range; it must be at most {bound}")
    if training.momentum >= 1:
        raise InputError(f"training.momentum = {training.momentum} is out of range; it must be below 1")
    if training.lr_min > training.lr:
        raise InputError(
            f"training.lr_min = {training.lr_min} is above training.lr = {training.lr}, from which the rate falls to it"
        )
    if 0 < images.size < (least := space.skeleton.least_side):
        raise InputError(
            f"images.size = {images.size} is out of range; {space.id} needs at least {least} pixels a side"
        )
    if not 0 < supernet.bn_momentum <= 1:
        raise InputError(f"supernet.bn_momentum = {supernet.bn_momentum} is out of range; it must be in (0, 1]")
    if not all(0 <= beta < 1 for beta in training.alpha_betas):
        raise InputError(f"training.alpha_betas = {training.alpha_betas} is out of range; both must be in [0, 1)")
    if images.dataset not in DATASETS:
        raise InputError(f"unknown data set '{images.dataset}'{suggest(images.dataset, DATASETS)}")
