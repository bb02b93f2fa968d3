"""Locks: one process at a time works on a group of runs or on a table, however many share the store."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


class Busy(Exception):
    """Another process holds this lock."""


@contextmanager
def hold(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file; where another process does, raise ``Busy``, or ``wait`` for it to end.

    The system gives the lock back when its process ends, however it ends, so that none can be left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=-1 if wait else 0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(str(path)) from None
    except OSError as error:
        error.filename = error.filename or str(path)
        if error.errno in (errno.ENOSYS, errno.ENOTSUP):
            error.strerror = f"{error.strerror} (no file system with locks)"
        raise
    try:
        yield
    finally:
        with suppress(PermissionError):  # of Windows, where an open file stays
            path.unlink(missing_ok=True)  # before the release: whoever waited for this file takes a new one
        lock.release()
