"""How a method is told apart in every figure and table: its label, colour, marker and place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from results.record import Record

#: Okabe and Ito's palette without its black and yellow, for methods whose records name no colour.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
#: A second cue beside the colour, so that no figure needs colour to be read.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True)
class Method:
    """A search method as figures and tables show it."""

    id: str
    label: str
    colour: str
    marker: str


def methods_of(records: Iterable[Record]) -> tuple[Method, ...]:
    """Return the methods of the records in the order that their manifests give.

    Colour and order come from ``manifest["method"]``; what a record does not say is filled in from the palette,
    and two methods never share a marker.
    """
    declared = {record.run.method: record.manifest.get("method", {}) for record in records}
    ordered = sorted(declared, key=lambda name: (declared[name].get("order", len(declared)), name))
    return tuple(
        Method(
            id=name,
            label=str(declared[name].get("label", name)),
            colour=_colour(declared[name].get("colour"), PALETTE[place % len(PALETTE)]),
            marker=MARKERS[place % len(MARKERS)],
        )
        for place, name in enumerate(ordered)
    )


def _colour(declared: object, default: str) -> str:
    """Return ``declared`` where it is a colour; it comes from a file and goes into a style sheet."""
    return declared if isinstance(declared, str) and _COLOUR.fullmatch(declared) else default
