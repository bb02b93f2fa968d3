"""Reads and writes Parquet files, which are whole or absent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from results.errors import InputError
from results.files import whole


def write(path: Path, table: pa.Table) -> None:
    """Write ``table`` so that ``path`` holds either what it held before or all of the new rows.

    Each page carries a checksum, to which ``read`` holds it.
    """
    with whole.writing(path) as file:
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)


#: A file of a few kilobytes can expand to any size. These are several times the largest table's.
MOST_ROWS = 10_000_000
MOST_BYTES = 2 << 30
#: What reading a damaged file raises; the last of a column's name.
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
_BATCH = 1 << 16  # rows


def read(
    path: Path,
    columns: Sequence[str] | None = None,
    *,
    optional: Sequence[str] = (),
    fix: str,
    most_rows: int = MOST_ROWS,
) -> pa.Table:
    """Read ``columns`` and those of ``optional`` that are there; without ``columns``, everything.

    Raises
    ------
    InputError
        The file is absent, cut off, damaged or not Parquet, lacks a column, or expands to more than ``most_rows``
        or ``MOST_BYTES``. The message ends with ``fix``.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:  # where there are any
            names = file.schema_arrow.names
            missing = [c for c in columns or () if c not in names]
            if missing:
                raise InputError(f"{path} lacks the column '{missing[0]}'; {fix}")
            wanted = None if columns is None else [*columns, *(c for c in optional if c in names)]
            return content(file, wanted, most_rows)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {fix}") from None
    except _UNREADABLE as error:
        raise InputError(f"{path} is cut off, damaged or not a Parquet file ({_first_line(error)}); {fix}") from None


def content(file: pq.ParquetFile, columns: Sequence[str] | None, most_rows: int = MOST_ROWS) -> pa.Table:
    """Return the columns of an open file piece by piece, so that one that expands without bounds is given up in time.

    Raises
    ------
    ArrowInvalid
        It expands to more than ``most_rows`` or ``MOST_BYTES``, or has a column twice.
    """
    metadata, names = file.metadata, file.schema_arrow.names
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise pa.ArrowInvalid(f"it has the column '{twice}' twice")
    groups = range(metadata.num_row_groups)
    chunks = (metadata.row_group(g).column(c) for g in groups for c in range(metadata.num_columns))
    largest = max((chunk.total_uncompressed_size for chunk in chunks), default=0)
    batches, size = [], 0
    if metadata.num_rows <= most_rows and largest <= MOST_BYTES:
        # A column may hold one long value and repeat it: a piece has no more rows than would fit if each row did.
        rows = max(1, min(_BATCH, MOST_BYTES // max(1, largest)))
        for batch in file.iter_batches(rows, columns=None if columns is None else list(columns)):
            size += batch.nbytes + sum(map(_unfolded, batch.columns))
            if size > MOST_BYTES:
                break
            batches.append(batch)
        else:
            if not batches:
                return file.schema_arrow.empty_table().select(names if columns is None else columns)
            table = pa.Table.from_batches(batches).combine_chunks()
            table.validate(full=True)  # finds text that is not valid here, before anything reads it
            return table
    raise pa.ArrowInvalid(f"it expands to more than {most_rows:,} rows or {MOST_BYTES >> 30} GiB")


def _unfolded(column: pa.Array) -> int:
    """Return the bytes, at most, of a column that names its values by number, when each stands in its place."""
    if not isinstance(column, pa.DictionaryArray):
        return 0
    kind = column.dictionary.type
    if not any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)):
        return 0  # no longer than the number that names it
    return len(column) * (pc.max(pc.binary_length(column.dictionary)).as_py() or 0)  # pyright: ignore[reportAttributeAccessIssue]


def read_metadata(path: Path, key: bytes) -> bytes | None:
    """Return what ``path`` keeps under ``key``, without reading rows; None where nothing can be read."""
    try:
        return (pq.read_schema(path).metadata or {}).get(key)
    except _UNREADABLE:
        return None


def column_names(path: Path) -> tuple[str, ...]:
    """Return the names of a file's columns, without reading rows; none where nothing can be read."""
    try:
        return tuple(pq.read_schema(path).names)
    except _UNREADABLE:
        return ()


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
