"""Which values a protocol may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.images.datasets import DATASETS
from results.errors import InputError, suggest

if TYPE_CHECKING:
    from bench.experiments.config import Protocol

#: Far beyond any paper's; a supernet is built to predict its memory, and one beyond these would not fit to be.
_MOST_CHANNELS, _MOST_CELLS = 256, 64


def require(values: object, *names: str, least: float = 0.0) -> None:
    """Raise ``InputError`` where a value is below ``least`` or not finite; the caller names its table."""
    for name in names:
        value = getattr(values, name)
        if not least <= value < float("inf"):
            raise InputError(f"{name} = {value} is out of range; it must be at least {least:g} and finite")


def check(protocol: Protocol) -> None:
    """Raise ``InputError`` for the first value that is out of range."""
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
    ):
        if value > bound:
            raise InputError(f"{key} = {value} is out of range; it must be at most {bound}")
    if not 0 < supernet.bn_momentum <= 1:
        raise InputError(f"supernet.bn_momentum = {supernet.bn_momentum} is out of range; it must be in (0, 1]")
    if not all(0 <= beta < 1 for beta in training.alpha_betas):
        raise InputError(f"training.alpha_betas = {training.alpha_betas} is out of range; both must be in [0, 1)")
    if images.dataset not in DATASETS:
        raise InputError(f"unknown data set '{images.dataset}'{suggest(images.dataset, DATASETS)}")
