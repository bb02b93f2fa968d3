"""Normal noise that is a function of a key and a place: the same whatever seeds share the supernet, on any device.

Each seed has a key for each pass. What is drawn depends on it, on the cell and on the edge, and on nothing that would
have to be kept; inside a captured step the keys are a tensor that is written before each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from zlib import crc32

import torch
from torch import Tensor

_GOLDEN, _FIRST, _SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15  # of SplitMix64, as int64
_BITS = 24


@dataclass(frozen=True)
class Noise:
    """The draws of one pass, or of one cell of it.

    Attributes
    ----------
    key : int64 ``(S,)``; None stands for zeros, so that every pass without a key draws the same.
    salt : what tells passes and cells apart.
    """

    key: Tensor | None = None
    salt: int = 0

    def of_cell(self, name: str) -> Noise:
        """Return the draws of one cell."""
        return replace(self, salt=self.salt ^ crc32(name.encode()))

    def like(self, x: Tensor, salt: int) -> Tensor:
        """Return N(0, 1) of the shape of maps ``(B, H, W, S, C)``, in their precision."""
        key = x.new_zeros(x.shape[3], dtype=torch.int64) if self.key is None else self.key
        sides, channels = x.shape[:3], x.shape[4]
        place = torch.arange(sides.numel() * channels, device=x.device).view(*sides, 1, channels)
        begun = _hashed(_hashed(key) + (self.salt << 20) + salt)  # keys of passes are neighbours, and so are salts
        drawn = _hashed(begun[:, None] + (place + 1) * _GOLDEN)
        high, low = ((drawn >> shift) & (2**_BITS - 1) for shift in (40, 8))
        exact = torch.promote_types(x.dtype, torch.float32)
        radius = torch.sqrt(-2 * torch.log((high + 1).to(exact) / 2**_BITS))
        return (radius * torch.cos((2 * math.pi / 2**_BITS) * low.to(exact))).to(x.dtype)


def _hashed(word: Tensor) -> Tensor:
    """Return the finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014) of int64 words."""
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        word = (word ^ _shifted(word, shift)) * factor
    return word ^ _shifted(word, 31)


def _shifted(word: Tensor, bits: int) -> Tensor:
    """Shift right as if int64 had no sign."""
    return (word >> bits) & (2 ** (64 - bits) - 1)
