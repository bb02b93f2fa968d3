"""Which values a protocol may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results.errors import InputError, suggest

from .images import DATASETS

if TYPE_CHECKING:
    from .config import Protocol

#: Far beyond any paper's; a supernet is built to predict its memory, and one beyond these would not fit to be.
_MOST_CHANNELS, _MOST_CELLS = 256, 64


def check(protocol: Protocol) -> None:
    """Raise ``InputError`` for the first value that is out of range."""
    training, images, supernet = protocol.training, protocol.images, protocol.supernet
    least = {
        "training.epochs": (training.epochs, 1),
        "training.batch": (training.batch, 2),
        "supernet.channels": (supernet.channels, 1),
        "supernet.cells": (supernet.cells, 1),
        "images.size": (images.size, 0),
        "images.limit": (images.limit or 2, 2),  # one for the weights, one for the alphas
        "images.crop_padding": (images.crop_padding, 0),
        "images.cutout": (images.cutout, 0),
        "measure.eigenvalue_every": (protocol.measure.eigenvalue_every, 0),
        "measure.valid_images": (protocol.measure.valid_images, 0),
        "measure.landscape": (protocol.measure.landscape, 0),
        "measure.landscape_images": (protocol.measure.landscape_images, 1),
        "training.lr": (training.lr, 0.0),
        "training.lr_min": (training.lr_min, 0.0),
        "training.momentum": (training.momentum, 0.0),
        "training.clip": (training.clip, 0.0),
        "training.weight_decay": (training.weight_decay, 0.0),
        "training.alpha_lr": (training.alpha_lr, 0.0),
        "training.alpha_decay": (training.alpha_decay, 0.0),
    }
    for key, (value, bound) in least.items():
        if not value >= bound or value == float("inf"):
            raise InputError(f"{key} = {value} is out of range; it must be at least {bound} and finite")
    for key, value, bound in (
        ("supernet.channels", supernet.channels, _MOST_CHANNELS),
        ("supernet.cells", supernet.cells, _MOST_CELLS),
    ):
        if value > bound:
            raise InputError(f"{key} = {value} is out of range; it must be at most {bound}")
    if not 0 < supernet.bn_momentum <= 1:
        raise InputError(f"supernet.bn_momentum = {supernet.bn_momentum} is out of range; it must be in (0, 1]")
    if not all(0 <= beta < 1 for beta in training.alpha_betas):
        raise InputError(f"training.alpha_betas = {training.alpha_betas} is out of range; both must be in [0, 1)")
    if images.dataset not in DATASETS:
        raise InputError(f"unknown data set '{images.dataset}'{suggest(images.dataset, DATASETS)}")
