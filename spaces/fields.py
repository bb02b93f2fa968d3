"""Fields of a protocol that were added after records had been committed."""

from __future__ import annotations

import dataclasses
from typing import Any

_NEUTRAL = "neutral"


def added(neutral: Any) -> Any:
    """Return a dataclass field that was added later, with the value that stands for what was done before it existed.

    The field is left out of the config hash while it has that value, so that older records keep their hashes.
    """
    return dataclasses.field(default=neutral, metadata={_NEUTRAL: neutral})


def decisive(part: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that count in the config hash, by name."""
    values = {field.name: (field, getattr(part, field.name)) for field in dataclasses.fields(part)}
    return {
        name: value
        for name, (field, value) in values.items()
        if _NEUTRAL not in field.metadata or value != field.metadata[_NEUTRAL]
    }
