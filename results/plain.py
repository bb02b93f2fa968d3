"""Plain data, as JSON holds it."""

from __future__ import annotations

import math
from typing import Any


def finite(value: Any) -> Any:
    """Return nested lists and tables with null for each number that is not finite, which JSON does not know."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
