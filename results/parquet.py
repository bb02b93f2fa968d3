"""Parquet files that are whole or absent: the one place that reads and writes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from results.errors import InputError


def write(path: Path, table: pa.Table) -> None:
    """Write ``table`` so that ``path`` holds either what it held before or all of the new rows.

    The rows go to a temporary file in the same folder, reach the disk, and then take the name in one step. Each page
    carries a checksum, to which ``read`` holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)  # noqa: PTH105 (the name that readers know for an atomic rename)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, columns: Sequence[str] | None = None, *, optional: Sequence[str] = (), mend: str) -> pa.Table:
    """Read ``columns`` and those of ``optional`` that are there; without ``columns``, everything.

    Raises
    ------
    InputError
        The file is absent, cut off, damaged, no Parquet file, or lacks a column. The message ends with ``mend``.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:  # where there are any
            names = file.schema_arrow.names
            missing = [c for c in columns or () if c not in names]
            if missing:
                raise InputError(f"{path} lacks the column '{missing[0]}'; {mend}")
            wanted = None if columns is None else [*columns, *(c for c in optional if c in names)]
            return file.read(wanted)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {mend}") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is cut off, damaged or no Parquet file ({_first_line(error)}); {mend}") from None


def read_metadata(path: Path, key: bytes) -> bytes | None:
    """Return what ``path`` keeps under ``key``, without reading rows; None where nothing can be read."""
    try:
        return (pq.read_schema(path).metadata or {}).get(key)
    except (pa.ArrowException, OSError):
        return None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
