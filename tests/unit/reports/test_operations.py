"""Operations have a colour each."""

import pytest

import spaces
from reports.drawing.operations import operation_colours


@pytest.mark.parametrize("space", spaces.names())
def test_no_two_operations_of_a_space_share_a_colour(space):
    operations = spaces.find(space).operations
    colours = operation_colours(operations)
    assert set(colours) == set(operations)
    assert len(set(colours.values())) == len(operations)
