"""The head of a checkpoint: everything but its tensors, readable without torch and without the rest of the file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

MAGIC = b"dnas-checkpoint-1\n"
MOST_WEIGHTS = 2**23  # of a supernet
LARGEST = 2**28  # bytes; in float64, weights and momentum of the largest supernet are half of them


def head(path: Path) -> dict[str, Any] | None:
    """Read what a checkpoint says beside its tensors: run, epoch, step, meta and points; None where there is none.

    Its checksum is not checked: that needs the whole file.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
            (length,) = struct.unpack("<Q", file.read(40)[32:])
            found = json.loads(file.read(min(length, LARGEST)))
    except (OSError, struct.error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
