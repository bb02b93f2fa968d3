"""The store of records: one Parquet file per run, written whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from results.errors import InputError, suggest
from results.files import kept, whole
from results.records import record_file, side_file
from results.records.manifest import Manifest
from results.records.record import Record
from results.records.run import Run

if TYPE_CHECKING:
    import pandas as pd

_FILE_NAME = re.compile(r"seed-(\d{3,})\.parquet")


class Store:
    """One folder of records, with everything that belongs to them.

    ``EXPERIMENT/SPACE/METHOD/seed-003.parquet`` are the records, with landscapes beside them; ``scores.parquet`` holds
    what tables say about the architectures that they found, ``EXPERIMENT/retrained.parquet`` what retraining says, and
    ``.checkpoints`` the searches that are under way.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, run: Run) -> Path:
        """Return where the record of ``run`` belongs."""
        return self.root / run.folder / f"seed-{run.seed:03d}.parquet"

    def side_path(self, run: Run, name: str) -> Path:
        """Return where a file beside the record belongs, such as ``seed-003.landscape.parquet``."""
        return self.path(run).with_suffix(f".{name}.parquet")

    @property
    def scores_path(self) -> Path:
        """Where the scores from tables are."""
        return self.root / "scores.parquet"

    @property
    def older_scores_path(self) -> Path:
        """Where they were in older layouts: beside the folder, where a file of that name may be anybody's."""
        return self.root.absolute().parent / "scores.parquet"

    def retrained_path(self, experiment: str) -> Path:
        """Return the table that retraining an experiment's cells writes."""
        return self.root / experiment / "retrained.parquet"

    def write(self, record: Record, *, replace: bool = False) -> None:
        """File ``record`` away, and remove the landscape of another one; an interruption leaves the record before.

        A damaged file in its place is set aside.

        Raises
        ------
        InputError
            Another result is there, and ``replace`` does not say that it may go.
        """
        path = self.path(record.run)
        if (what := self.result(record.run)) and not (replace or self._is_there(record)):
            raise InputError(kept.line([kept.Kept(path, what)]))
        if self.is_damaged(record.run):
            whole.set_aside(path)
        side, before = self.side_path(record.run, "landscape"), self.config_hash(record.run)
        run, of = side_file.owner(side) or (record.run, None)
        record_file.write(path, record)
        if run != record.run or (of or before) != record.config_hash:  # one that does not say is of the record before
            side.unlink(missing_ok=True)

    def result(self, run: Run) -> str:
        """Say in a few words what the file of ``run`` holds; nothing where replacing it loses nothing.

        That is so where there is none, where the run failed, and where the file is damaged.
        """
        try:
            record = self.read_file(self.path(run))
        except record_file.OtherSchema:
            return "a record of another version of dnas-bench"
        except InputError:
            return ""
        if record.run != run:
            return f"the record of {record.run}"
        if record.failed:
            return ""
        if record.imported:
            return "an imported record"
        return f"a {record.manifest.status} record of protocol {record.config_hash}"

    def is_readable(self, run: Run) -> bool:
        """Whether the record of ``run`` is there, whole, and where it belongs."""
        try:
            self.read(run)
        except InputError:
            return False
        return True

    def is_damaged(self, run: Run) -> bool:
        """Whether there is a file for ``run`` that no version can read."""
        try:
            self.read_file(self.path(run))
        except record_file.OtherSchema:
            return False
        except InputError:
            return self.path(run).exists()
        return False

    def _is_there(self, record: Record) -> bool:
        """Whether the store holds an equal record."""
        try:
            return self.read(record.run).same(record)
        except InputError:
            return False

    def read(self, run: Run) -> Record:
        """Return the record of ``run``.

        Raises
        ------
        InputError
            There is none, or its file is damaged, of another schema, or another run's.
        """
        path = self.path(run)
        if not path.exists():
            near = suggest(str(run), map(str, self._runs()))
            raise InputError(f"no record of {run} under {self.root}{near}; 'dnas list' names those that exist")
        record = self.read_file(path)
        if record.run != run:
            raise InputError(f"{path} holds the record of {record.run}; file it with 'dnas merge'")
        return record

    def read_file(self, path: Path) -> Record:
        """Return the record that a file anywhere holds; raise ``InputError`` where it is damaged."""
        try:
            there = path.stat()
        except OSError:
            return record_file.read(path)
        found = _read_once(path, there.st_ino, there.st_mtime_ns, there.st_size)
        if isinstance(found, InputError):
            raise found
        return found

    def write_side(self, run: Run, name: str, table: pd.DataFrame, config_hash: str, *, replace: bool = False) -> None:
        """Write a table beside the record of ``run``, before the record; the file names the run and the hash.

        Raises
        ------
        InputError
            One of another protocol is there, and ``replace`` does not say that it may go.
        """
        if not replace and (there := self.other_side(run, name, config_hash)):
            raise InputError(kept.line([there]))
        side_file.write(self.side_path(run, name), table, run, config_hash)

    def other_side(self, run: Run, name: str, config_hash: str) -> kept.Kept | None:
        """Return the file beside a record where it is of another run or protocol; a file that names neither is not."""
        path = self.side_path(run, name)
        whose = side_file.owner(path)
        if whose is None or (whose[0] == run and whose[1] in (None, config_hash)):
            return None
        return kept.Kept(path, f"the {name} of {whose[0]}" + (f", protocol {whose[1]}" if whose[1] else ""))

    def is_side_damaged(self, run: Run, name: str) -> bool:
        """Whether there is a file beside the record of ``run`` that is not a table."""
        return side_file.is_damaged(self.side_path(run, name))

    def landscape(self, run: Run) -> pd.DataFrame | None:
        """Return the landscape around the final alpha of ``run``, beside its record; None where there is none.

        A file that names another protocol is skipped.

        Raises
        ------
        InputError
            The file is damaged or of another schema.
        """
        path = self.side_path(run, "landscape")
        whose = side_file.owner(path)
        if not path.exists() or (whose and whose[1] not in (None, self.config_hash(run))):
            return None
        return side_file.landscape(path)

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
            if any(w not in (None, part) for w, part in zip(wanted, run.arm, strict=True)):
                continue
            try:
                record = self.read(run)
            except InputError:
                continue
            if record.complete or not complete_only:
                found.append(record)
        return found

    def unreadable(self) -> list[tuple[Path, str]]:
        """Return the records and landscapes that cannot be read, each with a line on why and how to fix it."""
        bad = []
        for path in self._files():
            run = self.run_of(path)
            if run is None:
                bad.append((path, f"{path} is in folders that name no run; rename them"))
                continue
            try:
                self.read(run)
            except InputError as error:
                bad.append((self.path(run), str(error)))
        for path in self.root.glob("[!.]*/*/*/seed-*.landscape.parquet"):
            run = self.run_of(path)
            try:
                _ = run and self.landscape(run)
            except InputError as error:
                bad.append((path, str(error)))
        return sorted(bad)

    def manifest(self, run: Run) -> Manifest | None:
        """Return the manifest of ``run`` without reading its rows; None where there is no readable record."""
        try:
            return record_file.read_manifest(self.path(run))
        except InputError:
            return None

    def config_hash(self, run: Run) -> str | None:
        """Return the protocol hash of the stored record, whatever its status; None where there is none."""
        manifest = self.manifest(run)
        return manifest.config_hash if manifest else None

    def _runs(self) -> Iterator[Run]:
        """Yield the runs that file names promise, sorted; dotted folders are not experiments."""
        yield from sorted(run for path in self._files() if (run := self.run_of(path)))

    def _files(self) -> list[Path]:
        """Return the files that by their names are records."""
        return sorted(p for p in self.root.glob("[!.]*/*/*/seed-*.parquet") if _FILE_NAME.fullmatch(p.name))

    def run_of(self, path: Path) -> Run | None:
        """Return the run of a record or a landscape by its folders and name; None where they name none."""
        match = _FILE_NAME.fullmatch(path.name.replace(".landscape.", "."))
        experiment, space, method = path.relative_to(self.root).parts[:3]
        try:
            return Run(experiment, space, method, int(match[1] if match else -1))
        except ValueError:
            return None


@lru_cache(maxsize=1024)
def _read_once(path: Path, *state: int) -> Record | InputError:
    """Read a file, or its fault, once for each version of it: files are replaced as a whole."""
    try:
        return record_file.read(path)
    except InputError as error:
        return type(error)(str(error))
