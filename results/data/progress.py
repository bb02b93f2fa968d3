"""The progress of a long operation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol


class Progress(Protocol):
    """A function that a long operation calls with what it does, how much of it is done, and out of how much."""

    def __call__(self, what: str, done: int, total: int | None, /) -> None:
        """Report that ``done`` of ``total`` is done; ``total`` is None where it is not known."""
        ...


@contextmanager
def shown(progress: Progress | None) -> Iterator[Progress]:
    """Yield ``progress``, or where it is None one that draws bars on standard error if that is a terminal."""
    if progress is not None:
        yield progress
        return
    from tqdm import tqdm

    with ExitStack() as open_bars:
        bars: dict[str, tqdm] = {}

        def draw(what: str, done: int, total: int | None) -> None:
            if what not in bars:
                bar = tqdm(desc=what, total=total, unit_scale=True, unit="", disable=None)
                bars[what] = open_bars.enter_context(bar)
            bars[what].update(done - bars[what].n)

        yield draw
