"""The printed names of the methods, spaces and quantities of published claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from results.files import toml


@dataclass(frozen=True)
class Labels:
    """Names in print, by id; an id without one is printed as it is."""

    methods: Mapping[str, str]
    spaces: Mapping[str, str]
    metrics: Mapping[str, str]

    def method(self, name: str) -> str:
        """Return a method's label; what stands after a comma is a setting of it and stays."""
        base, comma, setting = name.partition(",")
        return self.methods.get(base, base) + comma + setting

    def space(self, name: str) -> str:
        """Return a space's label."""
        return self.spaces.get(name, name)

    def metric(self, name: str) -> str:
        """Return a quantity's label."""
        return self.metrics.get(name, name)


@cache
def load_labels() -> Labels:
    """Return the labels of ``labels.toml``."""
    return Labels(**toml.read(Path(__file__).with_name("labels.toml")))
