"""The protocol of a run: its tables, the values that each may have, and the hash that names what decides a search."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import FiniteFloat

from bench.images.datasets import DATASETS
from results.errors import InputError, suggest
from spaces.base import Space, SupernetConfig
from spaces.edge_weights import competes
from spaces.fields import decisive

Count = Annotated[int, Ge(0)]
NonNegative = Annotated[FiniteFloat, Ge(0)]
Positive = Annotated[FiniteFloat, Gt(0)]
Share = Annotated[float, Ge(0), Lt(1)]

#: Images of thousands of pixels, and a number of images that no data set has.
_Pixels = Annotated[int, Ge(0), Le(4096)]
_Images = Annotated[int, Ge(0), Le(10**9)]


@dataclass(frozen=True)
class ImagesConfig:
    """Which images are searched on, and how they are augmented."""

    dataset: str
    size: Count = 0  # side in pixels; 0 keeps the data set's own
    limit: _Images = 0  # search images; 0 takes all
    split: Literal["halves", "interleaved"] = "halves"  # which images train the weights, and which the alphas
    crop_padding: _Pixels = 4
    flip: bool = True
    cutout: _Pixels = 0


@dataclass(frozen=True)
class Training:
    """How weights and alphas are trained. Every value is the experiment's; none has a default."""

    epochs: Annotated[int, Ge(1), Le(99_999)]  # what a record holds
    batch: Annotated[int, Ge(2), Le(10**9)]
    lr: NonNegative
    lr_min: NonNegative
    lr_shifted: bool  # see bench.steps.schedule.cosine
    momentum: Share
    nesterov: bool
    weight_decay: NonNegative
    clip: NonNegative  # 0: no clipping
    clip_mix: bool  # whether the mix's gradient counts in the clip norm
    alpha_lr: NonNegative
    alpha_betas: tuple[Share, Share]
    alpha_decay: NonNegative
    order: Literal["alpha-first", "weights-first"]
    alpha_batches: Literal["cycle", "fresh", "replacement"]


@dataclass(frozen=True)
class Measure:
    """What is measured beside the search; none of it changes the search."""

    eigenvalue_every: Count = 1  # epochs; 0 never
    evaluate_every: Count = 1  # epochs; 0 only after the last one, which is always evaluated
    valid_images: Count = 0  # evaluated each time; 0 takes the whole alpha half
    landscape: Annotated[int, Ge(0), Le(300)] = 0  # points along each axis of the plane; 0 leaves it out
    landscape_images: Annotated[int, Ge(1)] = 1000


@dataclass(frozen=True)
class Protocol:
    """Everything that decides what a run's record holds, except its seed."""

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
    """Return 16 hex digits that name all settings that decide what a method finds on a space.

    What is measured besides the search decides nothing and is left out. A field that was ``spaces.fields.added`` after
    records had been committed is also left out while it has its neutral value, so the hashes of these records stay.
    """
    tables = {name: decisive(getattr(protocol, name)) for name in _DECISIVE}
    text = json.dumps([space, method_id, tables], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check(protocol: Protocol, space: Space) -> None:
    """Raise ``InputError`` where values do not go together, or do not fit the space; fields check their own bounds."""
    training, images, supernet = protocol.training, protocol.images, protocol.supernet
    _check_partial(supernet, space)
    if space.skeleton.reduction == "cell":
        if 0 < supernet.layers < space.skeleton.stacks:
            raise InputError(f"supernet.layers = {supernet.layers} is out of range; it must be at least 3")
        if supernet.channels < 2:
            raise InputError("supernet.channels = 1 is out of range; it must be at least 2 on this space")
        if supernet.conv_bias:
            raise InputError(f"supernet.conv_bias has no effect on {space.id}; leave it out")
    elif supernet.layers:
        raise InputError(f"supernet.layers is for the DARTS spaces only; on {space.id}, set supernet.cells")
    if training.lr_min > training.lr:
        raise InputError(
            f"training.lr_min = {training.lr_min} is above training.lr = {training.lr}, from which the rate falls to it"
        )
    if images.limit == 1:
        raise InputError("images.limit = 1 is out of range; it must be 0, or at least 2: one image for the alphas")
    if 0 < images.size < (least := space.skeleton.least_side):
        raise InputError(
            f"images.size = {images.size} is out of range; {space.id} needs at least {least} pixels a side"
        )
    if images.dataset not in DATASETS:
        raise InputError(f"unknown data set '{images.dataset}'{suggest(images.dataset, DATASETS)}")


def _check_partial(supernet: SupernetConfig, space: Space) -> None:
    """Raise ``InputError`` where operations cannot see a part of the channels, or no edges compete to have weights."""
    channels, partial = supernet.channels, supernet.partial
    least = 2 if space.skeleton.reduction == "cell" else 1  # a factorized reduce halves them
    if partial > 1 and (channels % partial or channels // partial < least):
        raise InputError(
            f"supernet.channels = {channels} has no part of one in {partial} for the operations; take a multiple of"
            f" {partial}, {least * partial} or more"
        )
    if supernet.edge_weights and not competes(space):
        raise InputError(
            f"supernet.edge_weights = true needs edges that compete, and those of {space.id} do not; set it for others"
            " alone, as in space.darts.supernet.edge_weights"
        )
