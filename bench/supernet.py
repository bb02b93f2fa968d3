"""The supernet that a protocol asks for."""

from __future__ import annotations

from spaces.base import Space
from spaces.conv import Forms
from spaces.supernet import Supernet

from .config import Protocol
from .images import Images
from .precision import Precision, maps_dtype


def supernet(space: Space, protocol: Protocol, images: Images, *, form: Forms, precision: Precision) -> Supernet:
    """Return it, for the images' channels and classes."""
    return Supernet(
        space,
        protocol.supernet,
        image_channels=images.train.shape[1],
        classes=images.classes,
        form=form,
        maps=maps_dtype(precision),
    )
