"""From the published files to the compact tables that scoring reads."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from results.data.benchmark_table import NASBENCH101, NASBENCH201
from results.data.benchmark_table import of as check_table
from results.data.directory import State, check, find
from results.data.progress import Progress, shown
from results.data.sources import (
    NASBENCH101_TABLE,
    NASBENCH201_SHORT_TABLE,
    NASBENCH201_TABLE,
    SOURCES,
)
from results.errors import InputError, suggest
from results.files import kept, parquet, whole


def convert(
    source: str | Path, data_dir: Path, progress: Progress | None = None, *, replace: bool = False
) -> list[Path]:
    """Make the tables of ``source`` in ``data_dir`` and return where they are.

    A table gets its name when it is complete: after a failure, the table from before is still there. An existing
    table stays, unless ``replace`` says that it may go.

    Parameters
    ----------
    source : name of a source, which is then looked for in ``data_dir``, or path of a published file: the .tfrecord of
        NAS-Bench-101, the .tar of NATS-Bench or the folder that it unpacks to, or the .pth of NAS-Bench-201.
    data_dir : the data directory.
    progress : called with what is done; by default a bar shows it on a terminal.

    Raises
    ------
    InputError
        There is no such file, it is not what was published, or the tables cannot be written or are there already.
    """
    with shown(progress) as report:
        try:
            path = _locate(source, Path(data_dir), report)
            targets = (Path(data_dir) / name for name in _names(path))
            kept.refuse([kept.Kept(t, "a table that is there already") for t in targets if t.exists()], replace=replace)
            whole.check_place(Path(data_dir))
            tables = _read(path, report)
            return [_write(Path(data_dir) / name, table) for name, table in tables.items()]
        except (OSError, pa.ArrowException) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"cannot convert {source} ({reason}); fix that and run it again") from None


def _locate(source: str | Path, data_dir: Path, progress: Progress) -> Path:
    """Return the file to convert, held to its checksum if it goes by the name of a published one."""
    if isinstance(source, str) and source in SOURCES:
        known = SOURCES[source]
        if not known.table:
            raise InputError(f"'{source}' is used as it is; there is nothing to convert")
        path, state, detail = find(data_dir, known, progress)
    else:
        path = Path(source)
        known = next((s for s in SOURCES.values() if Path(s.path).name == path.name), None)
        if known is None and not path.exists():
            named = [name for name, s in SOURCES.items() if s.table]
            hint = suggest(str(source), named) or f"; give a published file, or one of {', '.join(named)}"
            raise InputError(f"{path} does not exist{hint}")
        state, detail = check(path, known, progress) if known else (State.UNKNOWN, "")
    if known and not state.usable:
        raise InputError(f"{path} is {state} ({detail}); run 'dnas data fetch {known.name}'")
    return path


def _names(path: Path) -> tuple[str, ...]:
    """Return the names of the tables that a published file is made into."""
    if path.suffix == ".tfrecord":
        return (NASBENCH101_TABLE,)
    if path.is_dir() or path.suffix in (".tar", ".pth"):
        return NASBENCH201_TABLE, NASBENCH201_SHORT_TABLE
    raise InputError(f"{path} is neither a .tfrecord, .tar or .pth file nor a folder; give a published file")


def _read(path: Path, progress: Progress) -> dict[str, pa.Table]:
    if path.suffix == ".tfrecord":
        from results.data import convert_nasbench101

        return {NASBENCH101_TABLE: convert_nasbench101.read(path, progress)}
    from results.data import convert_nasbench201

    tables = convert_nasbench201.read(path, progress)
    return {NASBENCH201_TABLE: tables[200], NASBENCH201_SHORT_TABLE: tables[12]}


def _write(path: Path, table: pa.Table) -> Path:
    """Write a table that scoring can use."""
    layout = NASBENCH101 if path.name == NASBENCH101_TABLE else NASBENCH201
    check_table(table, path, layout)
    parquet.write(path, table)
    return path
