"""The plain reference of the tests, one step of it, where the checkout is available; a wheel does not hold it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from bench.protocol import Protocol

ROOT = Path(__file__).resolve().parents[2]


def workload() -> Any:
    """Return ``tests.performance.workload`` of this checkout; None where there is none."""
    try:
        module = import_module("tests.performance.workload")
    except ImportError:
        return None
    return module if Path(module.__file__ or "").is_relative_to(ROOT) else None


def step(
    space: str, method: str, protocol: Protocol, *, side: int, device: torch.device
) -> Callable[[], object] | None:
    """Return a function that takes one step of one seed the plain way; None where nothing does."""
    found = workload()
    return None if found is None else found.plain_step(space, method, protocol, side=side, device=device)
