"""Tensors that never change, made once for each device they are needed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Constants:
    """Keeps what ``make`` returns for each set of arguments, a device among them.

    A step that is captured on a GPU cannot copy from the host, so index tensors must already be on the device.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._made: dict[tuple[Any, ...], Any] = {}

    def of(self, *key: Any) -> Any:
        """Return what ``make(*key)`` returned the first time."""
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]
