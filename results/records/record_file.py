"""The layout of a record in its file: columns, types, and the manifest in the metadata."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from results.errors import InputError, printable
from results.files import parquet
from results.records.manifest import SCHEMA, Manifest
from results.records.record import (
    IMPORTED,
    OPERATION_PREFIXES,
    POINT_COLUMNS,
    SELECTION_COLUMNS,
    Record,
    finite_points,
)
from results.records.run import Run

if TYPE_CHECKING:
    import pandas as pd

METADATA_KEY = b"dnas"
#: The columns whose kind is not that of an operation's numbers.
_KINDS = POINT_COLUMNS | SELECTION_COLUMNS
FIX = "'dnas run' keeps it aside and makes it anew, or restore it from a copy"
_ARROW_TYPES = {
    "int64": pa.int64(),
    "string": pa.string(),
    "float64": pa.float64(),
    "object": pa.list_(pa.float64()),
}


_MOST_POINTS = 100_000  # epochs of one search


class OtherSchema(InputError):
    """The record is of another version of this suite, and that version can read it."""


def write(path: Path, record: Record) -> None:
    """Write a record as a whole; raise ``ValueError`` where its points have other columns."""
    parquet.write(path, to_arrow(record))


def read(path: Path) -> Record:
    """Return the record that a file holds; raise ``InputError`` where it holds none."""
    return from_arrow(parquet.read(path, fix=FIX, most_rows=_MOST_POINTS), path)


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of a file without reading its rows; raises what ``parse_manifest`` does."""
    return parse_manifest(parquet.read_metadata(path, METADATA_KEY), path)


def to_arrow(record: Record) -> pa.Table:
    """Return the table that a record's file holds; raise ``ValueError`` where its points have other columns."""
    points = record.points
    missing = [c for c in POINT_COLUMNS if c not in points]
    extra = [c for c in points if c not in _KINDS and not str(c).startswith(OPERATION_PREFIXES)]
    if missing or extra:
        raise ValueError(f"the points of {record.run} have the wrong columns: missing {missing}, unknown {extra}")
    columns = {str(c): _column(values, _KINDS.get(str(c), "float64")) for c, values in points.items()}
    manifest = json.dumps(record.manifest.as_dict(), sort_keys=True)
    return pa.table(columns, metadata={METADATA_KEY: manifest.encode()})


def _column(values: pd.Series, kind: str) -> pa.Array:
    if kind == "object":  # a list per row, where NaN is a value and stays one
        return pa.array([list(map(float, row)) for row in values], _ARROW_TYPES[kind])
    return pa.array(values.astype(kind), _ARROW_TYPES[kind], from_pandas=True)


def from_arrow(table: pa.Table, path: Path) -> Record:
    """Return the record that a file's table holds; raise ``InputError`` where it holds none."""
    import pandas as pd

    manifest = parse_manifest((table.schema.metadata or {}).get(METADATA_KEY), path)
    for column, kind in POINT_COLUMNS.items():
        if column not in table.column_names or table.schema.field(column).type != _ARROW_TYPES[kind]:
            raise InputError(f"{path} has no column '{column}' of type {_ARROW_TYPES[kind]}; {FIX}")
    if fault := _fault(table, manifest):
        raise InputError(f"{path} {fault}; {FIX}")
    points = pd.DataFrame(
        {
            name: pd.Series(
                table[name].to_pylist() if _KINDS.get(name) == "object" else table[name].to_pandas(),
                dtype=_KINDS.get(name, "float64"),
            )
            for name in table.column_names
        }
    )
    record = Record(manifest.run, points, manifest)
    if not record.has_alphas:
        return record
    finite = finite_points(points)
    if record.complete and len(finite) < len(points):
        raise InputError(f"{path} is complete, but its alphas are not finite from epoch {len(finite)} on; {FIX}")
    return replace(record, points=finite)


def _fault(table: pa.Table, manifest: Manifest) -> str:
    """Return what is wrong with the rows of a record; nothing where they are points 0..E.

    Those of another code's search may begin later, where its initialisation is not known.
    """
    for name in table.column_names:
        if name in POINT_COLUMNS:
            continue
        if name in SELECTION_COLUMNS:
            if table.schema.field(name).type != _ARROW_TYPES[SELECTION_COLUMNS[name]] or table[name].null_count:
                return f"has a column '{name}' of another kind"
            continue
        if not name.startswith(OPERATION_PREFIXES) or table.schema.field(name).type != pa.float64():
            return f"has a column '{name}' that no record has"
    stages = table["stage"].to_pylist() if "stage" in table.column_names else []
    if stages != sorted(stages) or not set(stages) <= {"search", "select"} or stages[:1] == ["select"]:
        return "does not hold the points of a search, and then those of a selection"
    epochs, foreign = table["epoch"].to_pylist(), manifest.config_hash == IMPORTED
    first = epochs[0] if foreign and epochs and isinstance(epochs[0], int) else 0
    if epochs != list(range(first, first + table.num_rows)) or first < 0:
        return "does not hold the points from epoch 0 on"
    final = manifest.imported is not None and manifest.imported.kind == "final"
    if final and (table.num_rows != 1 or not foreign):
        return "is said to be a final architecture alone, and is not"
    if foreign and not final and epochs and epochs[-1] < 1:
        return "holds no completed epoch, so it is not a search"
    if any(table[name].null_count for name in ("arch", "alpha")):
        return "lacks an architecture"
    return "is complete and has no points" if manifest.status == "complete" and not table.num_rows else ""


def parse_manifest(text: bytes | None, path: Path) -> Manifest:
    """Return the manifest in a file's metadata.

    Raises
    ------
    OtherSchema
        It is of another version of this suite.
    InputError
        It is not a manifest, or cannot be relied on.
    """
    try:
        content = json.loads(text or b"")
        Run(**content.get("run", {}))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{path} is not a record (it has no manifest); {FIX}") from None
    if content.get("schema", SCHEMA) != SCHEMA:
        other = f"{path} has schema {content['schema']}, but this version reads {SCHEMA}"
        raise OtherSchema(f"{other}; use the version that wrote it")
    try:
        return Manifest.of(content)
    except ValueError as error:
        raise InputError(f"{path} has a manifest that cannot be used: {printable(error)}; {FIX}") from None
