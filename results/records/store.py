"""The store of records: one Parquet file per run, written whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from results.errors import InputError, printable
from results.files import parquet
from results.records.manifest import SCHEMA, Manifest
from results.records.record import IMPORTED, OPERATION_PREFIXES, POINT_COLUMNS, Record, finite_points
from results.records.run import Run

METADATA_KEY = b"dnas"
_ARROW_TYPES = {
    "int64": pa.int64(),
    "string": pa.string(),
    "float64": pa.float64(),
    "object": pa.list_(pa.float64()),
}
_FILE_NAME = re.compile(r"seed-(\d{3,})\.parquet")
_SIDE_KEY = b"dnas-run"
_SIDE_HASH_KEY = b"dnas-config-hash"
_MOST_POINTS = 100_000  # epochs of one search
_LANDSCAPE = ["kind", "x", "y", "valid_accuracy"]
_MEND = "remove it and run again"


class Store:
    """Records under ``root``, each at ``EXPERIMENT/SPACE/METHOD/seed-003.parquet``."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, run: Run) -> Path:
        """Return where the record of ``run`` belongs."""
        return self.root / run.experiment / run.space / run.method / f"seed-{run.seed:03d}.parquet"

    def side_path(self, run: Run, name: str) -> Path:
        """Return where a file beside the record belongs, such as ``seed-003.landscape.parquet``."""
        return self.path(run).with_suffix(f".{name}.parquet")

    def write(self, record: Record) -> None:
        """File ``record`` away, and remove the landscape of another one; an interruption leaves the record before."""
        side, before = self.side_path(record.run, "landscape"), self.config_hash(record.run)
        run, of = self.of_side_file(side) or (record.run, None)
        parquet.write(self.path(record.run), _to_arrow(record))
        if run != record.run or (of or before) != record.config_hash:  # one that does not say is of the record before
            side.unlink(missing_ok=True)

    def read(self, run: Run) -> Record:
        """Return the record of ``run``.

        Raises
        ------
        InputError
            There is none, or its file is damaged, of another schema, or another run's.
        """
        path = self.path(run)
        if not path.exists():
            raise InputError(f"no record of {run} under {self.root}; 'dnas list' names those that exist")
        record = self.read_file(path)
        if record.run != run:
            raise InputError(f"{path} holds the record of {record.run}; file it with 'dnas merge'")
        return record

    def read_file(self, path: Path) -> Record:
        """Return the record that a file anywhere holds; raise ``InputError`` where it is damaged."""
        return _from_arrow(parquet.read(path, mend=_MEND, most_rows=_MOST_POINTS), path)

    def write_side(self, run: Run, name: str, table: pd.DataFrame, config_hash: str) -> None:
        """File a table beside the record of ``run`` with that hash, before it; the file says whose it is."""
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        whose = {_SIDE_KEY: str(run).encode(), _SIDE_HASH_KEY: config_hash.encode()}
        parquet.write(self.side_path(run, name), arrow.replace_schema_metadata(whose))

    def landscape(self, run: Run) -> pd.DataFrame | None:
        """Return what lies beside the record of ``run`` on what surrounds its final alpha; None where nothing does.

        A file that says that it is of another protocol's record is passed over.

        Raises
        ------
        InputError
            The file is damaged or of another schema.
        """
        path = self.side_path(run, "landscape")
        whose = self.of_side_file(path)
        if not path.exists() or (whose and whose[1] not in (None, self.config_hash(run))):
            return None
        table = parquet.read(path, _LANDSCAPE, mend=_MEND, most_rows=_MOST_POINTS)
        kinds = [table[name].type for name in _LANDSCAPE]
        text = pa.types.is_string(kinds[0]) or pa.types.is_large_string(kinds[0])
        gaps = any(table[name].null_count for name in _LANDSCAPE)
        if not text or gaps or any(kind != pa.float64() for kind in kinds[1:]):
            raise InputError(f"{path} is of another schema; {_MEND}")
        return table.to_pandas()

    def of_side_file(self, path: Path) -> tuple[Run, str | None] | None:
        """Return run and config hash of the record that a file of ``write_side`` is of; None where it does not say.

        Older files name no hash: None in its place.
        """
        run, config_hash = (parquet.read_metadata(path, key) for key in (_SIDE_KEY, _SIDE_HASH_KEY))
        try:
            return Run.parse((run or b"").decode()), None if config_hash is None else config_hash.decode()
        except ValueError:
            return None

    def records(
        self,
        experiment: str | None = None,
        space: str | None = None,
        method: str | None = None,
        *,
        complete_only: bool = False,
    ) -> list[Record]:
        """Return the readable records that match, sorted by run; ``unreadable`` lists the others."""
        wanted = (experiment, space, method)
        found = []
        for run in self._runs():
            if any(w not in (None, part) for w, part in zip(wanted, _names(run), strict=True)):
                continue
            try:
                record = self.read(run)
            except InputError:
                continue
            if record.complete or not complete_only:
                found.append(record)
        return found

    def unreadable(self) -> list[tuple[Path, str]]:
        """Return the damaged files, each with a line that says what is wrong and the mend."""
        bad = []
        for path in self._files():
            run = self._run(path)
            if run is None:
                bad.append((path, f"{path} is in folders that name no run; rename them"))
                continue
            try:
                self.read(run)
            except InputError as error:
                bad.append((self.path(run), str(error)))
        return bad

    def manifest(self, run: Run) -> Manifest | None:
        """Return the manifest of ``run`` without reading its rows; None where there is no readable record."""
        text = parquet.read_metadata(self.path(run), METADATA_KEY)
        try:
            return _parse_manifest(text, self.path(run))
        except InputError:
            return None

    def config_hash(self, run: Run) -> str | None:
        """Return the protocol hash of the stored record, whatever its status; None where there is none."""
        manifest = self.manifest(run)
        return manifest.config_hash if manifest else None

    def _runs(self) -> Iterator[Run]:
        """Yield the runs that file names promise, sorted; dotted folders are not experiments."""
        yield from sorted(run for path in self._files() if (run := self._run(path)))

    def _files(self) -> list[Path]:
        """Return the files that by their names are records."""
        return sorted(p for p in self.root.glob("[!.]*/*/*/seed-*.parquet") if _FILE_NAME.fullmatch(p.name))

    def _run(self, path: Path) -> Run | None:
        """Return the run that a file's folders and name promise; None where they name none."""
        match = _FILE_NAME.fullmatch(path.name)
        experiment, space, method = path.relative_to(self.root).parts[:3]
        try:
            return Run(experiment, space, method, int(match[1] if match else -1))
        except ValueError:
            return None


def _names(run: Run) -> tuple[str, str, str]:
    return run.experiment, run.space, run.method


def _to_arrow(record: Record) -> pa.Table:
    points = record.points
    missing = [c for c in POINT_COLUMNS if c not in points]
    extra = [c for c in points if c not in POINT_COLUMNS and not str(c).startswith(OPERATION_PREFIXES)]
    if missing or extra:
        raise ValueError(f"the points of {record.run} have the wrong columns: missing {missing}, unknown {extra}")
    columns = {str(c): _column(values, POINT_COLUMNS.get(str(c), "float64")) for c, values in points.items()}
    manifest = json.dumps(record.manifest.as_dict(), sort_keys=True)
    return pa.table(columns, metadata={METADATA_KEY: manifest.encode()})


def _column(values: pd.Series, kind: str) -> pa.Array:
    if kind == "object":  # a list per row, where NaN is a value and stays one
        return pa.array([list(map(float, row)) for row in values], _ARROW_TYPES[kind])
    return pa.array(values.astype(kind), _ARROW_TYPES[kind], from_pandas=True)


def _from_arrow(table: pa.Table, path: Path) -> Record:
    manifest = _parse_manifest((table.schema.metadata or {}).get(METADATA_KEY), path)
    for column, kind in POINT_COLUMNS.items():
        if column not in table.column_names or table.schema.field(column).type != _ARROW_TYPES[kind]:
            raise InputError(f"{path} has no column '{column}' of type {_ARROW_TYPES[kind]}; {_MEND}")
    if fault := _fault(table, manifest):
        raise InputError(f"{path} {fault}; {_MEND}")
    points = pd.DataFrame(
        {
            name: pd.Series(
                table[name].to_pylist() if POINT_COLUMNS.get(name) == "object" else table[name].to_pandas(),
                dtype=POINT_COLUMNS.get(name, "float64"),
            )
            for name in table.column_names
        }
    )
    record = Record(manifest.run, points, manifest)
    if not record.has_alphas:
        return record
    finite = finite_points(points)
    if record.complete and len(finite) < len(points):
        raise InputError(f"{path} is complete, but its alphas are not finite from epoch {len(finite)} on; {_MEND}")
    return replace(record, points=finite)


def _fault(table: pa.Table, manifest: Manifest) -> str:
    """Return what is wrong with the rows of a record; nothing where they are points 0..E.

    Those of another code's search may begin later, where its initialisation is not known.
    """
    for name in table.column_names:
        if name in POINT_COLUMNS:
            continue
        if not name.startswith(OPERATION_PREFIXES) or table.schema.field(name).type != pa.float64():
            return f"has a column '{name}' that no record has"
    epochs, foreign = table["epoch"].to_pylist(), manifest.config_hash == IMPORTED
    first = epochs[0] if foreign and epochs and isinstance(epochs[0], int) else 0
    if epochs != list(range(first, first + table.num_rows)) or first < 0:
        return "does not hold the points from epoch 0 on"
    final = manifest.imported is not None and manifest.imported.kind == "final"
    if final and (table.num_rows != 1 or not foreign):
        return "is said to be a final architecture alone, and is not"
    if foreign and not final and epochs and epochs[-1] < 1:
        return "holds no completed epoch, and is no search"
    if any(table[name].null_count for name in ("arch", "alpha")):
        return "lacks an architecture"
    return "is complete and has no points" if manifest.status == "complete" and not table.num_rows else ""


def _parse_manifest(text: bytes | None, path: Path) -> Manifest:
    try:
        content = json.loads(text or b"")
        Run(**content.get("run", {}))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{path} is no record (it carries no manifest); {_MEND}") from None
    if content.get("schema", SCHEMA) != SCHEMA:
        raise InputError(f"{path} has schema {content['schema']}, this version reads {SCHEMA}; run again")
    try:
        return Manifest.of(content)
    except ValueError as error:
        raise InputError(f"{path} has a manifest that cannot be used: {printable(error)}; {_MEND}") from None
