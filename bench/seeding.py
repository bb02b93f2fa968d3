"""Named random streams. No part of the suite draws from a global generator.

A stream belongs to (seed, purpose, epoch): a seed's draws depend neither on which seeds share its supernet nor on
where a run was cut off and resumed.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def key(seed: int, purpose: str, epoch: int = 0) -> int:
    """Return 63 bits that name a stream."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, purpose: str, epoch: int = 0) -> torch.Generator:
    """Return the named CPU generator."""
    return torch.Generator().manual_seed(key(seed, purpose, epoch))


def numpy_stream(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """Return the named numpy generator."""
    return np.random.default_rng(key(seed, purpose, epoch))
