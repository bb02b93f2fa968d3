"""Published curves, drawn beside ours in one colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D

from reports.drawing.style import MUTED
from reports.study.study import Quantity, Reference, Study

#: Curves with the look of their lines.
Curves = Sequence[tuple[Reference, dict[str, Any]]]

_DASHES = ("-.", (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (7, 2)))


def published(study: Study, dataset: str, quantity: Quantity) -> Curves:
    """Return the published curves of a quantity on a study's space and a data set."""
    mine = [one for one in study.references if (one.dataset, one.quantity) == (dataset, quantity)]
    return [(one, {"color": MUTED, "lw": 1.2, "ls": _DASHES[i % len(_DASHES)]}) for i, one in enumerate(mine)]


def entries(curves: Curves) -> list[Line2D]:
    """Return the legend entries of curves."""
    return [Line2D([], [], label=one.label, **look) for one, look in curves]


def sources(curves: Curves) -> str:
    """Return where curves were published, for the note of a figure; those of one source together."""
    labels: dict[str, list[str]] = {}
    for one, _ in curves:
        labels.setdefault(one.source, []).append(one.label)
    return " ".join(f"{', '.join(mine)}: {source}." for source, mine in labels.items())
