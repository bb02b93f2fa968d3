"""Imports another code's search: a table with one row per epoch, or the architecture that it ended in.

What is imported says so in its record, has no protocol of this suite, and decides no claim unless that is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import spaces
from bench.architectures import known_space
from bench.methods import method
from results.errors import InputError
from results.files import delimited
from results.records.record import OPERATION_PREFIXES, POINT_COLUMNS
from results.records.run import Run
from results.records.store import Store
from spaces.base import Space

from .recording import Row, imported

MOST_EPOCHS = 100_000
_PERCENT = ("train_accuracy", "valid_accuracy")


@dataclass(frozen=True)
class Imported:
    """What was imported.

    Attributes
    ----------
    first, last : completed epochs at the first and the last point; the last is None where nobody says.
    taken, dropped : columns of the table; none of a final architecture.
    """

    run: Run
    first: int | None
    last: int | None
    taken: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.taken:
            length = "unknown" if self.last is None else self.last
            return f"{self.run}: only a final architecture, epochs {length}"
        row = "the initialisation" if self.first == 0 else f"after {self.first} completed epochs"
        text = f"{self.run}: {self.last} epochs; row 0 is epoch {self.first}, {row}; took {', '.join(self.taken)}"
        return f"{text}; dropped {', '.join(self.dropped)}" if self.dropped else text


def from_csv(
    path: Path, run: Run, store: Store, *, first: int | None = None, notation: str = "", replace: bool = False
) -> Imported:
    """Import a search from a table with the columns ``epoch`` and ``arch``, one row per epoch.

    A method that the suite does not have is shown under its own name. The other columns that records have are taken,
    the rest is dropped and named.

    Parameters
    ----------
    first : how many epochs were completed at the first row. By default the column says: it begins at 0, which is the
        initialisation, or at 1.
    notation : how architectures are written; see ``Space.read``.
    replace : whether another record in its place may go.

    Raises
    ------
    InputError
        It is not a search: epochs are out of order, none is completed, or a row cannot be used; or another record
        is there.
    """
    space, table = _space(run), delimited.read(path, ["epoch", "arch"])
    known = [*POINT_COLUMNS, *(prefix + name for prefix in OPERATION_PREFIXES for name in space.operations)]
    taken = tuple(name for name in table.headings if name in known and name != "alpha")
    if not table.lines:
        raise InputError(f"{path} has a header but no rows; give one row per epoch")
    counted = [_whole(line.fields["epoch"], f"{path}, line {line.number}") for line in table.lines]
    begin = counted[0] if first is None else first
    if first is None and begin > 1:
        raise InputError(f"{path} begins at epoch {begin}; say with --first-epoch how many are completed there")
    points: list[Row] = []
    for row, line in enumerate(table.lines):
        where = f"{path}, line {line.number}"
        if counted[row] != counted[0] + row:
            raise InputError(f"{where}: epoch {counted[row]} should be {counted[0] + row}; give every epoch in order")
        point: Row = {"epoch": begin + row, "arch": _arch(space, line.fields["arch"], notation, where)}
        point |= {name: _number(line.fields[name], name, where) for name in taken if name not in ("epoch", "arch")}
        points.append(point | {"alpha": [np.nan] * space.alphas})
    if points[-1]["epoch"] < 1:
        raise InputError(
            f"{path} holds only the initialisation, but a search has at least one completed epoch; give the"
            " other epochs, or say with --first-epoch how many are completed at its first row"
        )
    if points[-1]["epoch"] > MOST_EPOCHS:
        raise InputError(f"{path} would end after more than {MOST_EPOCHS:,} epochs; correct --first-epoch")
    for name in set(_PERCENT) & set(taken):
        _check_percent([point[name] for point in points], f"{path}: '{name}'")
    _file(store, run, points, source=path.name, kind="search", epochs=points[-1]["epoch"], replace=replace)
    dropped = tuple(name for name in table.headings if name not in taken)
    return Imported(run, points[0]["epoch"], points[-1]["epoch"], taken, dropped)


def final(
    arch: str,
    run: Run,
    store: Store,
    *,
    epochs: int | None = None,
    notation: str = "",
    source: str,
    replace: bool = False,
) -> Imported:
    """Import the architecture that a search ended in, where nothing else of the search is known.

    Parameters
    ----------
    epochs : of the search; None where the source does not say.
    source : where it was published, in words.
    """
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise InputError(f"a search has 1 to {MOST_EPOCHS:,} epochs, not {epochs:,}; correct --epochs, or leave it out")
    space = _space(run)
    key = _arch(space, arch, notation, "the architecture")
    points: list[Row] = [{"epoch": epochs or 0, "arch": key, "alpha": [np.nan] * space.alphas}]
    _file(store, run, points, source=source, kind="final", epochs=epochs, replace=replace)
    return Imported(run, epochs, epochs)


def _space(run: Run) -> Space:
    return spaces.find(known_space(run.space))


def _arch(space: Space, text: str, notation: str, where: str) -> str:
    try:
        return space.read(text, notation).key
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def _whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= MOST_EPOCHS):
        raise InputError(f"{where}: '{text}' is not an epoch; write a whole number from 0 on")
    return int(text)


def _number(text: str, name: str, where: str) -> float:
    """Return the number of a field, also with a comma before its fraction; NaN where it is empty."""
    if not text:
        return math.nan
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        raise InputError(f"{where}: '{text}' in the column '{name}' is not a number") from None


def _check_percent(values: Sequence[float], what: str) -> None:
    found = [value for value in values if not math.isnan(value)]
    if odd := next((value for value in found if not 0 <= value <= 100), None):
        raise InputError(f"{what} holds {odd:g}, which is not a percentage")
    if found and 0 < max(found) <= 1:
        raise InputError(f"{what} holds fractions, such as {max(found):g}; give percent")


def _file(
    store: Store,
    run: Run,
    points: list[dict[str, Any]],
    *,
    source: str,
    kind: Literal["search", "final"],
    epochs: int | None,
    replace: bool,
) -> None:
    """File a record away; another one in its place stays unless ``replace`` says that it may go."""
    if run.method in method.names():
        shown = method.find(run.method)
    else:
        shown = method.Method(run.method, run.method, colour="#000000", order=99, levels=0, cite="")
    record = imported(run, shown, points, source=source, kind=kind, epochs=epochs)
    store.write(record, replace=replace)
