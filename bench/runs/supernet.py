"""The supernet that a protocol asks for."""

from __future__ import annotations

from bench.images.datasets import Images
from bench.machine.precision import Precision, maps_dtype
from bench.protocol import Protocol
from spaces.base import Space
from spaces.supernet.conv import Forms
from spaces.supernet.network import Supernet


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
