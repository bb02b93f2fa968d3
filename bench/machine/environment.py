"""The environment of a run: versions, device, git state. None of it is part of the protocol."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess  # nosec B404 # for git alone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("dnas-bench", "torch", "numpy", "pandas", "pyarrow")


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of what a search needs."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def git_state() -> dict[str, Any]:
    """Return commit and whether the checkout was changed; empty outside a checkout, and where git does not say."""
    git = shutil.which("git")
    here = Path(__file__).resolve().parents[2]
    if git is None or not (here / ".git").exists():
        return {}

    def ask(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 # nosec B603 # git, found by name, with arguments written below
            [git, "-C", str(here), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout.strip()

    try:
        return {"sha": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):  # another's checkout, or a file server that does not answer
        return {}


def device_info(device: Any) -> dict[str, Any]:
    """Return the device's name, and what results depend on bit for bit."""
    import torch

    info: dict[str, Any] = {"type": device.type, "threads": torch.get_num_threads()}
    if device.type == "cuda":
        info |= {
            "name": torch.cuda.get_device_name(device),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "memory_bytes": torch.cuda.get_device_properties(device).total_memory,
        }
    else:
        info |= {"name": _processor(), "cores": os.cpu_count()}
    return info


def _processor() -> str:
    """Return the processor's model where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
