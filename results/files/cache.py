"""The folder of what can be made again: decoded images, hashed cells, measured forms, compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "dnas-bench"


def folder() -> Path:
    """Return the platform's cache folder of the suite; it need not exist.

    Where pooch is not installed, which a search can do without, that is the folder of XDG's base directories.
    """
    try:
        import pooch
    except ImportError:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME
    return Path(pooch.os_cache(NAME))
