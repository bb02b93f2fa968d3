"""The colour of an operation, the same in every figure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.patches import Patch

#: Colour-blind safe: Tol's "bright", then an indigo of his "muted" and a brown, for spaces with more operations.
#: Methods have another palette, so that the two are not confused.
_PALETTE = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#332288", "#997700")
_ABSENT = "#BBBBBB"  # "none" is not an operation


def operation_colours(operations: Sequence[str]) -> dict[str, str]:
    """Return a colour for each operation, by its place in the space's order."""
    present = [operation for operation in operations if operation != "none"]
    colours = {operation: _PALETTE[i % len(_PALETTE)] for i, operation in enumerate(present)}
    return colours | ({"none": _ABSENT} if "none" in operations else {})


def operation_legend(operations: Sequence[str], parameter_free: Container[str]) -> list[Patch]:
    """Return a legend entry for each operation, saying which have no weights."""
    from matplotlib.patches import Patch

    colours = operation_colours(operations)
    return [
        Patch(color=colours[name], label=f"{name} (no weights)" if name in parameter_free else name)
        for name in operations
    ]
