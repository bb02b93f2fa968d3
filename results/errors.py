"""The error that a user can fix, and the hint that goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """The user's input cannot be used; the message is one line and says how to fix it."""


def printable(text: object) -> str:
    """Return ``text`` on one line, without what could steer a terminal: it may quote a file from anywhere."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the choice nearest to ``word`` in any case; nothing where none is near."""
    by_case = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(word.casefold(), list(by_case), n=1)
    return f"; did you mean '{by_case[near[0]]}'?" if near else ""
