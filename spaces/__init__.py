"""What is searched: the spaces and the supernet that they share."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from importlib import import_module

from .base import Arch, Space

__all__ = ["Arch", "Space", "find", "names"]


@lru_cache(maxsize=1)
def _all() -> dict[str, Space]:
    from . import families

    found: dict[str, Space] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(families.__path__)):
        for space in import_module(f"{families.__name__}.{module}").SPACES:
            found[space.id] = space
    return found


def names() -> tuple[str, ...]:
    """Return the ids of all spaces."""
    return tuple(_all())


def find(name: str) -> Space:
    """Return the space of that id; raise ``KeyError`` where there is none."""
    return _all()[name]
