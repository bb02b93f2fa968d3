"""Names of files, and of places in the page."""

from __future__ import annotations

import re


def slug(*parts: str) -> str:
    """Return the parts joined by hyphens, with nothing in it that a file name, an address or an id cannot bear.

    A letter outside ASCII is its number, so that names in other scripts stay apart.
    """
    letters = (c if c.isascii() or not c.isalnum() else f"-{ord(c):x}-" for c in "-".join(parts))
    return re.sub(r"[^A-Za-z0-9.]+", "-", "".join(letters)).strip("-")
