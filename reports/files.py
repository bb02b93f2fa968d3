"""What a build wrote, so that the next one can clear away what it does not write again, and nothing else.

``report-files.json`` in the folder of the reports names each file with the checksum of what was written. A file that
is not named there, or whose content is another by now, is somebody else's and stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

NAME = "report-files.json"


def settle(out: Path, written: Iterable[Path]) -> tuple[str, ...]:
    """Remove what the last build into ``out`` wrote and this one did not; note down what this one wrote.

    Parameters
    ----------
    written : files of this build, below ``out``.

    Returns
    -------
    What was removed, relative to ``out``.
    """
    now = {path.relative_to(out).as_posix(): _checksum(path) for path in sorted(set(written))}
    removed = []
    for name, checksum in _noted(out).items():
        path = out / name
        if name not in now and _is_ours(out, path) and _checksum(path) == checksum:
            path.unlink()
            removed.append(name)
    text = json.dumps({"written by": "dnas report", "sha256": now}, indent=1, sort_keys=True)
    (out / NAME).write_text(text + "\n", encoding="utf-8", newline="\n")
    return tuple(removed)


def _noted(out: Path) -> dict[str, str]:
    """Return what the last build noted down; nothing where its note is missing or damaged."""
    try:
        noted = json.loads((out / NAME).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(checksum) for name, checksum in noted.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_ours(out: Path, path: Path) -> bool:
    """Whether a path is a plain file that truly lies below ``out``, whatever a damaged note says."""
    return path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(out.resolve())


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
