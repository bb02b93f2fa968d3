"""Selects records that were measured in one way: a verdict never rests on two ways of measuring.

What is measured besides a search is not part of the config hash, so records of one protocol may differ in it. If they
differ in an amount (images that are evaluated, points of a landscape), the more common one counts and the other records
are left out of the claim. If they differ in frequency, only the epochs count at which all of them were measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from results.records.current import LeftOut
from results.records.record import Record

#: The settings of ``measure`` that change what a metric's number means.
_AMOUNTS = {
    "landscape-drop": ("landscape", "landscape_images"),
    "valid_accuracy": ("valid_images",),
    "valid_loss": ("valid_images",),
}
#: Columns that may be measured at some epochs only.
_SPARSE = ("eigenvalue", "valid_accuracy", "valid_loss")

Amounts = tuple[tuple[str, object], ...]


def alike(records: Sequence[Record], metric: str) -> tuple[list[Record], list[LeftOut]]:
    """Return the records whose numbers of a metric can be compared with each other, and those that are left out."""
    made = [_amounts(record, metric) for record in records]
    if len(set(made)) < 2:
        return list(records), []
    counts = Counter(made)
    counted = max(counts, key=lambda amounts: (counts[amounts], str(amounts)))
    kept = [record for record, amounts in zip(records, made, strict=True) if amounts == counted]
    others = [
        LeftOut(record.run, f"measured with {_in_words(amounts)}, but the records that count with {_in_words(counted)}")
        for record, amounts in zip(records, made, strict=True)
        if amounts != counted
    ]
    return kept, others


def common_epochs(records: Sequence[Record], metric: str) -> np.ndarray | None:
    """Return at which points all records hold a metric, bool ``(points,)``; None where every point counts.

    Searches of different lengths are compared by parts, not by epochs: there every point counts too.
    """
    if metric not in _SPARSE or len({len(record.course) for record in records}) != 1:
        return None
    return np.logical_and.reduce([np.isfinite(record.course[metric].to_numpy(float)) for record in records])


def _amounts(record: Record, metric: str) -> Amounts:
    measure = record.manifest.protocol.measure
    return tuple((name, measure.get(name)) for name in _AMOUNTS.get(metric, ()))


def _in_words(amounts: Amounts) -> str:
    return " and ".join(f"{name} = {value}" for name, value in amounts)
