"""The head of a checkpoint: everything but its tensors, readable without torch and without the rest of the file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

MAGIC = b"dnas-checkpoint-1\n"
LARGEST = 2**26  # bytes; no checkpoint of ours has a quarter of them


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
