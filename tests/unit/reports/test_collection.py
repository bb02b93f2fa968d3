"""Python looks for garbage less often while figures are drawn, and as before afterwards."""

import gc

import pytest

from reports.drawing.collection import seldom


@pytest.fixture
def thresholds():
    before = gc.get_threshold()
    yield gc.set_threshold
    gc.set_threshold(*before)


@pytest.mark.parametrize("before", [(700, 10, 10), (10**6, 10, 10), (0, 10, 10)])
def test_thresholds_are_put_back(thresholds, before):
    thresholds(*before)
    with seldom():
        first = gc.get_threshold()[0]
        assert first >= 100_000 if before[0] else first == 0
    assert gc.get_threshold() == before
