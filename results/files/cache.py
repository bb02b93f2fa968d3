"""The cache folder: decoded images, hashed cells, measured forms, compiled kernels. All of it can be made again."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "dnas-bench"


class NoHome(OSError):
    """There is no home directory, and so no cache folder. It is handled as a folder that cannot be written."""


def folder() -> Path:
    """Return the platform's cache folder of the suite; it need not exist.

    A search does not need pooch. Where pooch is not installed, the folder is that of XDG's base directories.

    Raises
    ------
    NoHome
        There is no home directory.
    """
    try:
        try:
            import pooch
        except ImportError:
            return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME
        found = Path(pooch.os_cache(NAME))
    except RuntimeError as error:
        raise NoHome(*error.args) from None
    if not found.is_absolute():  # older releases of platformdirs leave a tilde as it is
        raise NoHome("no home directory")
    return found
