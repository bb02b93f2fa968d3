"""One process at a time on a group of runs or on a table, however many share the store."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl


class Busy(Exception):
    """Another process holds this lock."""


@contextmanager
def hold(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file; where another process does, raise ``Busy``, or ``wait`` for it to end.

    The system gives the lock back when its process ends, however it ends, so that none can be left behind. Where the
    system has no lock of this kind (Windows), nothing is locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path, wait=wait):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path, *, wait: bool) -> IO[str]:
    """Return the lock file, locked; one that its last holder has removed meanwhile is no lock any more."""
    while True:
        file = path.open("a")
        if sys.platform == "win32":
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(file, path):
                return file
        except BlockingIOError:
            file.close()
            raise Busy(str(path)) from None
        except OSError as error:
            file.close()
            raise OSError(error.errno, f"{error.strerror} (no file system with locks)", str(path)) from None
        file.close()


def _is(file: IO[str], path: Path) -> bool:
    """Whether an open file is the one that the path names now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
