"""A CPU computes large maps in a form of its own: the small maps of these tests are computed in it too."""

import pytest

from spaces.supernet import forward


@pytest.fixture(autouse=True)
def _small_maps_are_computed_as_large_ones(monkeypatch):
    monkeypatch.setattr(forward, "LEAST", 0)
