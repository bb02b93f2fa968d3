"""Tables of text from any program, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from results.errors import InputError
from results.files import text

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Line:
    """A row: its number in the file, from 1, and its fields by heading, without the blanks around them."""

    number: int
    fields: dict[str, str]


@dataclass(frozen=True)
class Delimited:
    """A table of text: its headings in lower case, and its rows."""

    headings: tuple[str, ...]
    lines: tuple[Line, ...]


def read(path: Path, needed: Sequence[str]) -> Delimited:
    """Read a table whose first line is a heading; empty lines are skipped.

    Parameters
    ----------
    needed : headings that tell which sign separates the columns.

    Raises
    ------
    InputError
        The file is absent or no text, no sign gives the headings that are needed, a heading comes twice, or a row has
        another number of fields.
    """
    try:
        content = text.read(path)
        delimiter, headings = _heading(content, needed, path)
        rows = csv.reader(content.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True, strict=True)
        return Delimited(headings, tuple(_lines(rows, headings, path)))
    except (OSError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _heading(content: str, needed: Sequence[str], path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the sign that separates columns, and the headings."""
    first = next((line for line in content.splitlines() if line.strip()), "")
    for delimiter in _DELIMITERS:
        fields = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True), [])
        headings = tuple(field.strip().lower() for field in fields)
        if not set(needed) <= set(headings):
            continue
        if twice := next((heading for heading in headings if headings.count(heading) > 1), None):
            raise InputError(f"{path} has the column '{twice}' twice; remove one")
        return delimiter, headings
    seen = first.strip()[:60] or "no line at all"
    raise InputError(f"{path} needs a header with the columns {' and '.join(needed)}; its first line is '{seen}'")


def _lines(rows: Iterator[list[str]], headings: tuple[str, ...], path: Path) -> Iterator[Line]:
    above = True
    for row in rows:
        if not any(field.strip() for field in row):
            continue
        if above:  # the heading
            above = False
            continue
        number = rows.line_num  # pyright: ignore[reportAttributeAccessIssue] - of csv.reader
        if len(row) != len(headings):
            raise InputError(
                f"{path}, line {number} has {len(row)} fields but the header has {len(headings)}; put a field that"
                " contains a separator in double quotes"
            )
        yield Line(number, {heading: field.strip() for heading, field in zip(headings, row, strict=True)})
