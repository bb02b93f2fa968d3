"""Writes every file of the suite, so that each is whole or absent."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets the name ``path`` at the end of the block; until then the file from before keeps it.

    The block writes to a temporary file in the same folder, whose name no other process has. The file is flushed to
    disk and then renamed in one step. Where the block fails, the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    with naming(path.parent):
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Name ``folder`` in an ``OSError`` that names no file, such as that of a full disk."""
    try:
        yield
    except ConnectionError:  # a pipe, not a disk
        raise
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(folder)
        raise


def check_place(folder: Path) -> None:
    """Make ``folder`` and write to it, so that a place that cannot be used is found before the work.

    Raises
    ------
    OSError
        It cannot be made or written; the error names it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None


def set_aside(path: Path) -> Path:
    """Give a damaged file another name beside it, under which nothing reads or replaces it; return that name."""
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    names = (path.with_name(f"{path.name}.damaged{number}") for number in numbers)
    free = next(name for name in names if not name.exists())
    path.rename(free)
    return free
