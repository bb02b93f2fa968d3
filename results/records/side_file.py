"""Tables that lie beside a record, such as the landscape around its final alpha; each says whose it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from results.errors import InputError
from results.files import parquet
from results.records import record_file
from results.records.run import Run

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 100_000
_RUN_KEY = b"dnas-run"
_HASH_KEY = b"dnas-config-hash"
_LANDSCAPE = ["kind", "x", "y", "valid_accuracy"]


def write(path: Path, table: pd.DataFrame, run: Run, config_hash: str) -> None:
    """Write a table that is of the record of ``run`` with that hash."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    whose = {_RUN_KEY: str(run).encode(), _HASH_KEY: config_hash.encode()}
    parquet.write(path, arrow.replace_schema_metadata(whose))


def owner(path: Path) -> tuple[Run, str | None] | None:
    """Return run and config hash of the record that a table is of; None where it does not say.

    Older files name no hash: None in its place.
    """
    run, config_hash = (parquet.read_metadata(path, key) for key in (_RUN_KEY, _HASH_KEY))
    try:
        return Run.parse((run or b"").decode()), None if config_hash is None else config_hash.decode()
    except ValueError:
        return None


def is_damaged(path: Path) -> bool:
    """Whether there is a file that is not a table."""
    try:
        parquet.read(path, fix="", most_rows=MOST_POINTS)
    except InputError:
        return path.exists()
    return False


def landscape(path: Path) -> pd.DataFrame:
    """Return a landscape: ``kind`` ("plane" or "radius"), ``x``, ``y`` and ``valid_accuracy`` in percent.

    Raises
    ------
    InputError
        The file is damaged or of another schema.
    """
    table = parquet.read(path, _LANDSCAPE, fix=record_file.FIX, most_rows=MOST_POINTS)
    kinds = [table[name].type for name in _LANDSCAPE]
    text = pa.types.is_string(kinds[0]) or pa.types.is_large_string(kinds[0])
    gaps = any(table[name].null_count for name in _LANDSCAPE)
    if not text or gaps or any(kind != pa.float64() for kind in kinds[1:]):
        raise InputError(f"{path} has another schema; {record_file.FIX}")
    return table.to_pandas()
