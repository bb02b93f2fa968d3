"""How often Python looks for garbage while figures are drawn."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects before Python looks for garbage among them: some figures, which are made of cycles, and some ten MB.
_OBJECTS = 100_000


@contextmanager
def seldom() -> Iterator[None]:
    """Look for garbage after many new objects, and as before at the end.

    Drawing makes millions of objects. At the usual 700 (Python 3.11), looking for garbage among them took a tenth of
    the time of a report.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(_OBJECTS, before[0]) if before[0] else 0, *before[1:])  # 0: switched off by the caller
    try:
        yield
    finally:
        gc.set_threshold(*before)
