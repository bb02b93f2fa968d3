"""The data directory: where it is, and what is there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from results.data import benchmark_table as tables
from results.data import cifar10
from results.data.benchmark_table import NASBENCH101, NASBENCH201
from results.data.progress import Progress, shown
from results.data.sources import ACCURACIES, NASBENCH101_TABLE, SOURCES, TABLES, Source, Table
from results.errors import InputError
from results.files import cache, parquet

#: sha256 of the 60,000 labels of CIFAR-10, one byte each, training images first, in the official order.
CIFAR10_LABELS_SHA256 = "3edb456524d5918aefded81f5aef7c32efab2a788211df998a4eb0c8957baa1f"
_CHUNK = 1 << 22

Cells = Mapping[str, Collection[str]]


def data_dir(*, new: bool = False) -> Path:
    """Return the data directory: ``$DNAS_DATA``, else the platform's cache folder.

    Parameters
    ----------
    new : whether the folder that ``$DNAS_DATA`` names may still have to be made.

    Raises
    ------
    InputError
        ``$DNAS_DATA`` names no folder, or there is neither it nor a home directory.
    """
    try:
        if named := os.environ.get("DNAS_DATA"):
            folder = Path(named).expanduser()
            if not (new or folder.is_dir()):
                raise InputError(
                    f"DNAS_DATA is {named}, which is not a folder; correct or unset it, or make that folder"
                )
            return folder
        return cache.folder()
    except (RuntimeError, cache.NoHome):  # the first of a tilde in the name
        raise InputError("the home directory cannot be determined; set DNAS_DATA to a folder, or set HOME") from None


class State(StrEnum):
    """The state of a file."""

    PRESENT = "present"
    MISSING = "missing"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNKNOWN = "unknown checksum"  # it looks usable, but has no checksum to compare with

    @property
    def usable(self) -> bool:
        """Whether nothing is known to be wrong."""
        return self in (State.PRESENT, State.UNKNOWN)


@dataclass(frozen=True)
class FileStatus:
    """One source or table, as found.

    Attributes
    ----------
    name : of the source, or file name of the table.
    path : where it is, or where it belongs.
    detail : one line on the state.
    what : one line on the content.
    without : what works where it is missing.
    needed : whether something does not work without it.
    rows, release : of a table; the release is the source that it was made from.
    datasets : data set -> how many cells a table has on it.
    coverage : of a table, space -> how many cells of the space it has, and how many the space has.
    """

    name: str
    path: Path
    state: State
    detail: str
    what: str
    without: str
    needed: bool
    rows: int = 0
    datasets: Mapping[str, int] = field(default_factory=dict)
    release: str = ""
    coverage: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def status(data_dir: Path, spaces: Cells | None = None) -> list[FileStatus]:
    """Return what is in ``data_dir``, going by sizes and the heads of files.

    Parameters
    ----------
    data_dir : the data directory; it need not exist.
    spaces : space of NAS-Bench-1Shot1 -> module hashes of its cells, for the spaces whose coverage is asked for.
    """
    return _survey(Path(data_dir), spaces or {}, None)


def verify(data_dir: Path, progress: Progress | None = None) -> list[FileStatus]:
    """Return what is in ``data_dir`` after reading every byte of the sources and every row of the tables."""
    with shown(progress) as report:
        return _survey(Path(data_dir), {}, report)


def find(data_dir: Path, source: Source, progress: Progress | None) -> tuple[Path, State, str]:
    """Return the path of the form of ``source`` that would be used, its state, and a line on it.

    With a ``progress`` to report to, the checksum decides the state, otherwise the size.
    """
    if source.name == "cifar10" and (copy := cifar10.find(data_dir)) and copy.path.is_dir():
        state, detail = _images(copy.shards) if copy.shards else (State.UNKNOWN, "unpacked, six files")
        if copy.missing:
            return copy.path, State.TRUNCATED, f"{detail}; lacks {', '.join(copy.missing)}"
        return copy.path, state, detail
    path, folder = place(data_dir, source), data_dir / source.unpacked
    if source.unpacked and folder.is_dir() and not path.exists():
        return folder, State.UNKNOWN, f"unpacked, {sum(1 for _ in folder.iterdir()):,} files"
    return path, *(check(path, source, progress) if progress else check_size(path, source))


def place(data_dir: Path, source: Source) -> Path:
    """Return where ``source`` is: where it belongs, or else directly in ``data_dir`` if it is there."""
    belongs, beside = data_dir / source.path, data_dir / Path(source.path).name
    return beside if beside.exists() and not belongs.exists() else belongs


def part_of(path: Path) -> Path:
    """Return where a download is kept until it is complete."""
    return path.with_name(f"{path.name}.part")


def check_size(path: Path, source: Source) -> tuple[State, str]:
    """Return the state of ``path``, which should be ``source``, and one line on it, going by its size."""
    if not path.exists():
        part = part_of(path)
        begun = f"; {part.stat().st_size:,} of its {source.size:,} bytes are downloaded" if part.exists() else ""
        return State.MISSING, f"belongs at {path}{begun}"
    size = path.stat().st_size
    if size == source.size:
        return State.PRESENT, f"{size:,} bytes as published"
    state = State.TRUNCATED if size < source.size else State.CORRUPT
    return state, f"{size:,} bytes where {source.size:,} were published"


def check(path: Path, source: Source, progress: Progress) -> tuple[State, str]:
    """Return the state of ``path``, which should be ``source``, and one line on it, going by its checksum."""
    state, detail = check_size(path, source)
    if state is not State.PRESENT:
        return state, detail
    algorithm, _, published = source.checksum.partition(":")
    digest, done = hashlib.new(algorithm, usedforsecurity=False), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress(f"checking {path.name}", done, source.size)
    if digest.hexdigest() != published:
        return State.CORRUPT, f"its {algorithm} is {digest.hexdigest()} where {published} was published"
    return State.PRESENT, f"{source.size:,} bytes, {algorithm} as published"


def _survey(root: Path, spaces: Cells, progress: Progress | None) -> list[FileStatus]:
    """Inspect everything; no ``progress`` means without reading it all."""
    partial = [p for p in sorted(root.glob("nasbench101?*.parquet")) if "-sample" not in p.stem]
    kind = {table.path: table for table in TABLES}
    places = [root / table.path for table in TABLES] + partial
    tables = [_table(p, kind.get(p.name, kind[NASBENCH101_TABLE]), spaces, progress is not None) for p in places]
    made = {table.name for table in tables if table.state is State.PRESENT}
    return [_source(root, source, made, progress) for source in SOURCES.values()] + tables


def _source(root: Path, source: Source, made: Collection[str], progress: Progress | None) -> FileStatus:
    path, state, detail = find(root, source, progress)
    needed = not (state.usable or source.optional or source.table in made)
    return FileStatus(source.name, path, state, detail, source.what, source.without, needed)


def _images(shards: Iterable[Path]) -> tuple[State, str]:
    """Inspect CIFAR-10 in the layout of data set hubs."""
    try:
        labels = [parquet.read(path, ["label"], fix="fetch the archive")["label"].to_numpy() for path in shards]
    except InputError as error:
        return State.TRUNCATED, str(error)
    flat = np.concatenate([np.empty(0, np.int64), *labels])
    if len(flat) != 60_000:
        return State.TRUNCATED if len(flat) < 60_000 else State.CORRUPT, f"{len(flat):,} of 60,000 images"
    if hashlib.sha256(flat.astype(np.uint8).tobytes()).hexdigest() != CIFAR10_LABELS_SHA256:
        return State.CORRUPT, "the images are not in the official order; move them away and fetch the archive"
    return State.UNKNOWN, "60,000 images, labels in the official order; pixels are checked when they are decoded"


def _table(path: Path, table: Table, spaces: Cells, thorough: bool) -> FileStatus:
    found = FileStatus(
        path.name,
        path,
        State.MISSING,
        f"belongs at {path}; 'dnas data convert {table.source}' makes it",
        table.what,
        table.without,
        needed=not table.optional,
    )
    if not path.exists():
        return found
    wanted = (*table.keys, *ACCURACIES)
    try:
        with pq.ParquetFile(path, page_checksum_verification=thorough) as file:
            missing = [column for column in wanted if column not in file.schema_arrow.names]
            if missing:
                return replace(found, state=State.CORRUPT, detail=f"lacks the column '{missing[0]}'")
            content = parquet.content(file, table.keys)
            metadata = file.schema_arrow.metadata or {}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        detail = f"cut off, or no Parquet file ({str(error).splitlines()[0]})"
        return replace(found, state=State.TRUNCATED, detail=detail)
    if not all(_is_text(content[key]) for key in table.keys):
        return replace(found, state=State.CORRUPT, detail=f"a row has no {' or no '.join(table.keys)}")
    if thorough and (fault := _fault(path, table)):
        return replace(found, state=State.CORRUPT, detail=fault)
    rows = content.num_rows
    datasets = {"cifar10": rows}
    if "dataset" in table.keys:
        datasets = {each["values"]: each["counts"] for each in content["dataset"].value_counts().to_pylist()}
    return replace(
        found,
        state=State.PRESENT,
        detail=f"{rows:,} rows" if rows == table.rows else f"{rows:,} of {table.rows:,} rows",
        needed=False,
        rows=rows,
        datasets=datasets,
        release=metadata.get(b"release", b"").decode(errors="replace"),
        coverage=_coverage(content, spaces) if "module_hash" in table.keys else {},
    )


def _is_text(column: pa.ChunkedArray) -> bool:
    """Whether a column is text without gaps, as it is or named by number."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return not column.null_count and (pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _fault(path: Path, table: Table) -> str:
    """Return why scoring cannot use a table, in one line; empty where it can."""
    try:
        tables.read(path, NASBENCH101 if "module_hash" in table.keys else NASBENCH201)
    except InputError as error:
        return str(error).removeprefix(f"{path}: ").removeprefix(f"{path} ")
    return ""


def _coverage(content: pa.Table, spaces: Cells) -> dict[str, tuple[int, int]]:
    hashes = set(content["module_hash"].to_pylist()) if spaces else set()
    return {space: (len(hashes & set(cells)), len(set(cells))) for space, cells in spaces.items()}
