"""Files that no command replaces without ``--replace``, and the line that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from results.errors import InputError

_NAMED = 3  # paths in the line; the plan lists all


@dataclass(frozen=True)
class Kept:
    """A file that is in the way, and what it is in a few words, such as "a complete record of protocol 0123"."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path} is {self.what}"


def line(kept: Sequence[Kept], otherwise: str = "") -> str:
    """Return one line that names files that would be replaced, by path, and says how to continue."""
    named = [str(each) for each in kept[:_NAMED]]
    if more := len(kept) - len(named):
        named.append(f"and there {'is' if more == 1 else 'are'} {more} more")
    return f"{', '.join(named)}; --replace replaces {'it' if len(kept) == 1 else 'them'}" + (
        f", or {otherwise}" if otherwise else ""
    )


def refuse(kept: Sequence[Kept], *, replace: bool, otherwise: str = "") -> None:
    """Raise ``InputError`` if something is in the way and may not be replaced."""
    if kept and not replace:
        raise InputError(line(kept, otherwise))
