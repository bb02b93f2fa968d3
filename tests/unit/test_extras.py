"""What ``paper`` measures beside its steps takes at most 11 percent of them; ``docs/gpu.md`` has the whole table."""

import pytest

from spaces.supernet import ops
from tests.performance.extras import METHODS, SPACES, shares

MOST = 11.0  # percent


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", SPACES)
def test_extras_take_a_small_part_of_the_steps(space, method, monkeypatch, one_thread):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    parts = shares(space, method, "supernet.cells=1", "supernet.channels=2")
    launches, products = (sum(one) for one in zip(*parts.values(), strict=True))
    assert 0.1 < launches <= MOST
    assert 0.1 < products <= MOST
