"""Memory that this machine has left for this process."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")  # of this process, where it runs in a container


def available() -> float:
    """Return the bytes that a process here can still have; infinity where the system does not say."""
    return min(_system(), _group())


def _system() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


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
