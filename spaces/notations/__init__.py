"""How other codes write architectures: each notation makes a key of a text, or says what is wrong with it."""

from __future__ import annotations

import ast
import re
from typing import Any

_LONGEST = 10_000  # characters of one architecture


def bare(text: str) -> str:
    """Return a text without the blanks, quotes and carriage returns around it."""
    return text.strip().strip("\"'`").strip()


def literal(text: str) -> Any:
    """Return the Python or JSON value that a text writes down; raise ``ValueError`` where it is none."""
    if len(text) > _LONGEST:
        raise ValueError(f"an architecture of {len(text):,} characters is too long")
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"'{text}' is neither a Python nor a JSON value") from None


def integers(text: str) -> list[int]:
    """Return the numbers of ``(0, 1, 2)``, ``[0 1 2]`` or ``0,1,2``; raise ``ValueError`` where it is none."""
    words = re.split(r"[\s,;]+", text.strip().strip("()[]").strip(" ,;"))
    if not all(re.fullmatch(r"\d{1,9}", word, re.ASCII) for word in words):
        raise ValueError(f"'{text}' is not a list of numbers; write (3, 1, 1, 0, 2, 4)")
    return [int(word) for word in words]
