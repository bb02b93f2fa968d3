"""Label, colour, marker and place of a method, the same in every figure and table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from results.records.manifest import MethodAbout
from results.records.record import Record

#: Okabe and Ito's palette without its black and yellow, for methods whose records name no colour.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_FOREIGN = " (imported)"
#: A second cue beside the colour, so that no figure needs colour to be read.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*", "h", "d", "8", "H", "1", "2", "3", "4", "+", "x")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@dataclass(frozen=True)
class Method:
    """A search method as figures and tables show it.

    ``independent`` : its points are independent draws, as in random search, and make no trajectory.
    ``holds_out`` : some images train only its alphas; without such images, its supernet is measured on training images.
    """

    id: str
    label: str
    colour: str
    marker: str
    independent: bool = False
    holds_out: bool = True


def methods_of(records: Iterable[Record]) -> tuple[Method, ...]:
    """Return the methods of the records in the order that their manifests give.

    Colour and order come from ``manifest.method``; what a record does not say is filled in from the palette. A variant
    has a lighter shade of its method's colour, and so has any method whose colour another one has. Up to 21 methods
    have a marker each.
    """
    records = sorted(records, key=lambda record: not record.imported)  # the suite's own say how a method looks
    known = {record.run.method: record for record in records}
    declared = {name: record.manifest.method for name, record in known.items()}
    ordered = sorted(declared, key=lambda name: (_order(declared[name], len(declared)), name))
    colours: dict[str, str] = {}
    for place, name in sorted(enumerate(ordered), key=lambda each: _yields(declared[each[1]])):
        colour = _colour(declared[name].colour, PALETTE[place % len(PALETTE)])
        while colour.upper() in colours.values() and colour != "#FFFFFF":
            colour = _lighter(colour)
        colours[name] = colour.upper()
    return tuple(
        Method(
            id=name,
            label=(declared[name].label or name) + (_FOREIGN if known[name].imported else ""),
            colour=colours[name],
            marker=MARKERS[place % len(MARKERS)],
            independent=declared[name].draws and not known[name].imported,
            holds_out=declared[name].levels != 1,
        )
        for place, name in enumerate(ordered)
    )


def _order(method: MethodAbout, default: float) -> float:
    return default if method.order is None else method.order


def marked(method: Method, records: Iterable[Record]) -> Method:
    """Return a method as one study shows it: its label says so where all of its records there are of other codes."""
    foreign = all(record.imported for record in records if record.run.method == method.id)
    return replace(method, label=method.label.removesuffix(_FOREIGN) + (_FOREIGN if foreign else ""))


def _colour(declared: object, default: str) -> str:
    """Return ``declared`` where it is a colour; it comes from a file and goes into a style sheet."""
    return declared if isinstance(declared, str) and _COLOUR.fullmatch(declared) else default


def _yields(method: MethodAbout) -> bool:
    """Whether a method leaves a colour to others: a variant does, and one that declares none."""
    return bool(method.base) or not _colour(method.colour, "")


def _lighter(colour: str) -> str:
    """Return a colour ``#rrggbb`` a quarter of the way, and at least a step, nearer to white."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{min(255, part + max(1, (255 - part) // 4)):02X}" for part in parts)


def measured_on(methods: Iterable[Method], beginning: str = "Measured") -> str:
    """Return on which images the supernets of methods are measured, as captions say it."""
    without = [method.label for method in methods if not method.holds_out]
    if not without:
        return f"{beginning} on the images that train alpha alone."
    return (
        f"{beginning} on the images that train alpha alone; {' and '.join(without)} on images that trained the weights."
    )
