"""Methods that are derived from records: what other rules would have found in the same searches."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from results.records import early_stopping
from results.records.record import Record

#: The methods to which the rules of Zela et al. are applied, in either order of the alpha gradient.
SOURCES = ("darts", "darts-2nd")


def derive(records: Iterable[Record]) -> list[Record]:
    """Return the records of all methods that follow from others, sorted by run.

    DARTS-ES is each DARTS search with early stopping. R-DARTS(L2) is, for each seed, the best by final supernet
    validation accuracy of searches that differ in weight decay alone.
    """
    records = list(records)
    return sorted([*_early_stopped(records), *_best_of_decays(records)], key=lambda record: record.run)


def not_applicable(records: Iterable[Record]) -> dict[str, str]:
    """Return the reason by the label of each method whose searches DARTS-ES cannot be applied to."""
    mine = [record for record in records if record.run.method in SOURCES and record.complete]
    return {_label(record): why for record in mine if (why := early_stopping.fault(record))}


def _early_stopped(records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        if record.run.method in SOURCES and not early_stopping.fault(record):
            found, _ = early_stopping.stopped(record)
            yield _renamed(found, f"{record.run.method}-es", f"DARTS-ES (from {_label(record)})", "#4B6A9B")


def _best_of_decays(records: Iterable[Record]) -> Iterator[Record]:
    groups: defaultdict[tuple[str, ...], defaultdict[int, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        base = record.manifest.method.base or record.run.method
        if base in SOURCES and record.complete and np.isfinite([_accuracy(record), _decay(record)]).all():
            run = record.run
            groups[run.experiment, run.space, base, _but_for_decay(record)][run.seed].append(record)
    for (_, _, base, _), seeds in groups.items():
        decays = {_decay(record) for mine in seeds.values() for record in mine}
        for mine in seeds.values():
            if len(decays) > 1 and {_decay(record) for record in mine} == decays:
                best = max(mine, key=lambda record: (_accuracy(record), -_decay(record)))
                order = "" if base == "darts-2nd" else ", first order"
                label = f"R-DARTS(L2){order}: best of {len(decays)} decays by validation"
                yield _renamed(best, f"{base}-l2-best", label, "#9B4B6A")


def _renamed(record: Record, name: str, label: str, colour: str) -> Record:
    method = record.manifest.method.as_dict() | {"label": label, "colour": colour, "base": ""}
    return replace(record, run=replace(record.run, method=name), manifest=record.manifest.changed(method=method))


def _label(record: Record) -> str:
    return record.manifest.method.label or record.run.method


def _accuracy(record: Record) -> float:
    """Return the supernet's validation accuracy after the last epoch; NaN where it was not measured."""
    return float(record.points["valid_accuracy"].iloc[-1]) if "valid_accuracy" in record.points else np.nan


def _decay(record: Record) -> float:
    """Return the weight decay of a search; NaN for one of another code, of which it is not known."""
    return float(record.manifest.protocol.training.as_dict().get("weight_decay", np.nan))


def _but_for_decay(record: Record) -> str:
    """Return all that decides a search and how its final accuracy is measured, but for the weight decay."""
    protocol = record.manifest.protocol
    training = {name: value for name, value in protocol.training.as_dict().items() if name != "weight_decay"}
    kept = [protocol.images, protocol.supernet, protocol.params, training, protocol.measure.get("valid_images")]
    return json.dumps(kept, sort_keys=True)
