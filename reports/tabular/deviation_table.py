"""Where the suite, the authors' code and the papers do not agree, as the records say."""

from __future__ import annotations

from collections.abc import Iterable

from reports.tabular.table import NONE, Table
from results.records.manifest import Deviation
from results.records.record import Record

_Place = tuple[str, str]  # method, and space with, where there are several, its experiment: as printed


def deviation_table(records: Iterable[Record]) -> Table:
    """Return each deviation once, with the methods and spaces whose records state it."""
    records = list(records)
    several = len({record.run.experiment for record in records}) > 1
    stated: dict[Deviation, dict[_Place, None]] = {}
    places: dict[_Place, None] = {}
    for record in records:
        manifest, run = record.manifest, record.run
        place = (
            manifest.method.label or run.method,
            (manifest.space.label or run.space) + (f" ({run.experiment})" if several else ""),
        )
        places[place] = None
        for deviation in manifest.deviations:
            stated.setdefault(deviation, {})[place] = None
    return Table(
        "deviations",
        "Where this suite, the authors' code and the papers do not agree, as the records state it",
        ("where", "what", "why", "effect", "the other behaviour", "source"),
        tuple(
            (
                _in_words(list(where), list(places)),
                deviation.what,
                deviation.why,
                deviation.effect,
                f"-o {deviation.switch}" if deviation.switch else NONE,
                deviation.source or NONE,
            )
            for deviation, where in stated.items()
        ),
    )


def _in_words(where: list[_Place], places: list[_Place]) -> str:
    """Return the shortest true description of ``where`` among all ``places``."""
    methods = dict.fromkeys(method for method, _ in where)
    spaces = dict.fromkeys(space for _, space in where)
    if len(where) == len(places):
        return "every run"
    if len(where) == sum(space in spaces for _, space in places):
        return ", ".join(spaces)
    if len(where) == sum(method in methods for method, _ in places):
        return ", ".join(methods)
    if len(where) == len(methods) * len(spaces):
        return f"{', '.join(methods)} on {', '.join(spaces)}"
    return ", ".join(f"{method} on {space}" for method, space in where)
