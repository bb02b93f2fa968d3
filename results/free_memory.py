"""Memory that this machine has left for this process."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")  # of this process, where it runs in a container


def available() -> float:
    """Return the bytes that a process can still allocate here."""
    return min(float(psutil.virtual_memory().available), _group())


def _group() -> float:
    """Return what the control groups of this process (version 2) still allow; cached files are given back."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()[-1].rpartition(":")[2].strip("/")
    except (OSError, IndexError):
        return float("inf")
    folders = [_CGROUP] if ".." in own else [_CGROUP / own, *(_CGROUP / own).parents]
    return min(_allowed(folder) for folder in folders)


def _allowed(folder: Path) -> float:
    try:
        most = float((folder / "memory.max").read_text(encoding="ascii"))  # or "max"
        used = float((folder / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(0.0, most - used + float(stat.get("inactive_file", 0)))
    except (OSError, ValueError):
        return float("inf")
