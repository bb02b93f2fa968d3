"""Runs the command line in this process and holds it to what every user is promised.

One line on standard error and status 2, or what was asked for: no traceback, no code of a data file executed, no file
written but where the command may write.
"""

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import cli
from tests.end_to_end.progress import without_progress

_OPEN_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod"}
_EXECUTES = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "pickle.find_class"}
#: Of Python's own: compiled modules.
_OWN = ("__pycache__",)


class _Watch:
    """What this process changes and executes while ``seen`` is a list. An audit hook cannot be taken away again."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] | None = None
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.seen is None:
            return
        if event == "open" and not isinstance(arguments[0], int):
            if (arguments[2] or 0) & _OPEN_TO_WRITE:
                self.seen.append(("writes", os.fsdecode(arguments[0])))
        elif event in _CHANGES:
            places = arguments[:2] if event in ("os.rename", "os.symlink", "os.link") else arguments[:1]
            self.seen += [("writes", os.fsdecode(place)) for place in places if not isinstance(place, int)]
        elif event in _EXECUTES:
            self.seen.append(("executes", f"{event} {arguments}"))
        elif event == "subprocess.Popen" and Path(os.fsdecode(arguments[0])).name != "git":  # records name the commit
            self.seen.append(("executes", f"{arguments[:2]}"))


_watch = _Watch()


@contextlib.contextmanager
def watched(*allowed: Path) -> Iterator[None]:
    """Fail where code is executed or a file is changed outside the folders ``allowed``."""
    _watch.seen = []
    try:
        yield
        seen = _watch.seen
    finally:
        _watch.seen = None
    inside = [os.path.abspath(folder) for folder in (*allowed, os.devnull)]  # noqa: PTH100 - links stay links
    for what, place in seen:
        path = os.path.abspath(place)  # noqa: PTH100
        own = any(part in path for part in _OWN)
        assert what == "writes", f"{what} {place}"
        assert own or any(path == folder or path.startswith(folder + os.sep) for folder in inside), f"{what} {path}"


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def refused(self) -> bool:
        return self.status == 2


def dnas(*arguments: str, cwd: Path, cache: Path, statuses: tuple[int, ...] = (0, 2)) -> Answer:
    """Run one command in ``cwd``, below which and in ``cache`` alone it may write, and hold it to the contract."""
    ends = [
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors=errors) for errors in ("strict", "backslashreplace")
    ]
    before, folder = (sys.argv, dict(os.environ)), Path.cwd()
    status = 0
    data = cwd / "data" if (cwd / "data").exists() else cache / "no-data"
    data.mkdir(parents=True, exist_ok=True)
    try:
        os.chdir(cwd)
        sys.argv = ["dnas", *arguments]
        os.environ.update({"DNAS_DATA": str(data), "DNAS_OFFLINE": "1", "XDG_CACHE_HOME": str(cache)})
        with (
            contextlib.redirect_stdout(ends[0]),
            contextlib.redirect_stderr(ends[1]),
            warnings.catch_warnings(),
            watched(cwd, cache),
        ):
            warnings.simplefilter("ignore")  # numbers out of all bounds overflow
            try:
                cli.main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os.chdir(folder)
        sys.argv = before[0]
        os.environ.clear()
        os.environ.update(before[1])
    for end in ends:
        end.flush()
    out, err = (end.buffer.getvalue().decode("utf-8") for end in ends)
    answer = Answer(status, out, without_progress(err))
    assert status in statuses, (arguments, answer)
    assert "Traceback" not in answer.err
    if status == 2 and "Usage:" in answer.out:  # help, since there is no word after a group of commands
        assert not arguments or arguments[-1] == "data"
    elif status in (2, 3):
        lines = answer.err.splitlines()
        assert len(lines) == 1, answer.err
        assert lines[0].startswith("dnas: ")
    else:
        assert answer.err == "", answer.err
    return answer


@contextlib.contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """Let this process have no more than ``limit`` bytes beyond what it has; more is a ``MemoryError`` or a crash."""
    with contextlib.suppress(ImportError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else None
        if pages is not None:
            before = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + limit, before[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_AS, before)
            return
    yield
