"""Words for what the records of an experiment are evidence of."""

from __future__ import annotations

from collections.abc import Iterable

from results.records.record import Record

_FULL, _VARIANT = "full protocol", "variant of the protocol"
#: What weighs most comes first; the empty name stands for every experiment that is not named here.
_KINDS = {
    "paper": _FULL,
    **dict.fromkeys(("paper-darts", "paper-dropnas", "paper-dropnas-cifar100"), _FULL),
    **dict.fromkeys(
        ("paper-s1", "paper-s2", "paper-s3", "paper-s4", "paper-s1-s4-cifar100", "paper-s1-s4-svhn"), _FULL
    ),
    "": _VARIANT,
    **dict.fromkeys(("scaled", "scaled-s1", "scaled-s2", "reduced"), "provisional evidence"),
    **dict.fromkeys(("demo-s2", "quick"), "demonstration"),
}
#: Separates an experiment from the hash of its overrides, as in ``paper+0a1b2c3d``.
OVERRIDE = "+"


def kind(experiment: str) -> str:
    """Return what an experiment's numbers are worth, in two or three words."""
    base, override, _ = experiment.partition(OVERRIDE)
    known = _KINDS.get(base, _VARIANT)
    return f"{known}, overridden" if override else known


def place(experiment: str) -> tuple[int, str]:
    """Return a key that sorts experiments by how much their numbers weigh."""
    base = experiment.partition(OVERRIDE)[0]
    return list(_KINDS).index(base if base in _KINDS else ""), experiment


def description(records: Iterable[Record]) -> str:
    """Return what the records' own protocol says about their experiment; empty where it says nothing."""
    for record in records:
        if record.manifest.protocol.experiment.description:
            return record.manifest.protocol.experiment.description
    return ""
