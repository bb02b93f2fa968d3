"""The folder of the reports: tells the files that a build wrote from all others, which stay.

``report-files.json`` in that folder names each file with the checksum of what was written. A file that is not named
there, or whose content is another by now, is somebody else's. A build writes into a folder of its own first; its files
take their places together at the end, and those of an earlier build that it does not have are removed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from results.files import kept, whole

NAME = "report-files.json"
PAGE = "index.html"


def check_place(out: Path, *, replace: bool) -> None:
    """Find before the work that the reports cannot be written.

    Raises
    ------
    InputError, OSError
        There is a page that no report wrote, or the folder cannot be written.
    """
    whole.check_place(out)
    page = out / PAGE
    if page.exists() and _checksum(page) not in _noted(out).get(PAGE, ()):
        kept.refuse([_others(page)], replace=replace, otherwise=_OTHERWISE)


def publish(built: Path, out: Path, *, replace: bool = False) -> tuple[str, ...]:
    """Move all that a build wrote into ``built`` to ``out``, and remove what the last build wrote and this one did not.

    Parameters
    ----------
    built : a folder on the file system of ``out``, which is left without files.

    Returns
    -------
    What was removed, relative to ``out``.

    Raises
    ------
    InputError
        Somebody else's file has the name of one of these, and ``replace`` does not say that it may go.
    """
    now = {path.relative_to(built).as_posix(): _checksum(path) for path in sorted(built.rglob("*")) if path.is_file()}
    noted = _noted(out)
    others = [_others(out / name) for name, new in now.items() if not _may_go(out / name, {new, *noted.get(name, ())})]
    kept.refuse(others, replace=replace, otherwise=_OTHERWISE)
    _note(out, now, noted)  # for as long as files of both builds are there
    for name in now:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).replace(out / name)
    removed = []
    for name, checksums in noted.items():
        path = out / name
        if name not in now and _is_ours(out, path) and _checksum(path) in checksums:
            path.unlink()
            removed.append(name)
    _note(out, now, {})
    return tuple(removed)


_OTHERWISE = "choose another folder with --reports"


def _others(path: Path) -> kept.Kept:
    return kept.Kept(path, "a file that 'dnas report' did not write")


def _may_go(path: Path, known: set[str]) -> bool:
    """Whether nothing is lost where a file takes this name."""
    return not (path.exists() or path.is_symlink()) or (path.is_file() and _checksum(path) in known)


def _note(out: Path, now: dict[str, str], before: dict[str, tuple[str, ...]]) -> None:
    note: dict[str, object] = {"written by": "dnas report", "sha256": now}
    if before:
        note["before"] = before
    text = json.dumps(note, indent=1, sort_keys=True)
    with whole.writing(out / NAME) as file:
        file.write(f"{text}\n".encode())


def _noted(out: Path) -> dict[str, tuple[str, ...]]:
    """Return the checksums of each file that was noted down; nothing where the note is missing or damaged."""
    try:
        note = json.loads((out / NAME).read_text(encoding="utf-8"))
        found: dict[str, tuple[str, ...]] = {str(name): (str(checksum),) for name, checksum in note["sha256"].items()}
        for name, checksums in note.get("before", {}).items():
            found[str(name)] = (*found.get(str(name), ()), *map(str, checksums))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return found


def _is_ours(out: Path, path: Path) -> bool:
    """Whether a path is a plain file that truly lies below ``out``, whatever a damaged note says."""
    return path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(out.resolve())


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
