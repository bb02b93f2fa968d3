import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.steps.simplex import entropy, project, softmax

WIDTH = 5


@st.composite
def tables(draw, low=-2.0, high=2.0):
    """A mix ``(2, 3, 5)`` and a mask that leaves each row at least one entry."""
    number = st.floats(low, high, width=32)
    mix = draw(st.lists(number, min_size=2 * 3 * WIDTH, max_size=2 * 3 * WIDTH))
    lengths = draw(st.lists(st.integers(1, WIDTH), min_size=3, max_size=3))
    mask = torch.arange(WIDTH) < torch.tensor(lengths)[:, None]
    return torch.tensor(mix, dtype=torch.float64).view(2, 3, WIDTH), mask


def assert_on_the_simplex(mix, mask):
    assert (mix >= 0).all()
    assert not mix[~mask.expand_as(mix)].any()
    torch.testing.assert_close(mix.sum(-1), torch.ones(mix.shape[:-1], dtype=mix.dtype), rtol=0, atol=1e-12)


@given(tables())
def test_projection_gives_points_of_the_simplex(table):
    assert_on_the_simplex(project(*table), table[1])


@given(tables())
def test_projection_leaves_points_of_the_simplex_where_they_are(table):
    alpha, mask = table
    mix = softmax(alpha, mask)
    torch.testing.assert_close(project(mix, mask), mix, rtol=1e-12, atol=0)


@given(tables())
def test_projecting_twice_is_projecting_once(table):
    mix, mask = table
    once = project(mix, mask)
    torch.testing.assert_close(project(once, mask), once, rtol=1e-12, atol=0)


@given(tables(low=-2.0, high=-0.125))
def test_a_row_of_negatives_becomes_one_hot_at_its_largest_entry(table):
    mix, mask = table
    projected = project(mix, mask)
    for before, after, allowed in zip(mix.flatten(0, 1), projected.flatten(0, 1), mask.repeat(2, 1), strict=True):
        largest = int(before[allowed].argmax())
        assert after.tolist() == [float(i == largest) for i in range(WIDTH)]


def test_a_row_whose_largest_entry_is_zero_becomes_one_hot_there():
    mix = torch.tensor([[[-1.0, 0.0, -0.5]]])
    assert project(mix, torch.ones(1, 3, dtype=torch.bool)).tolist() == [[[0, 1, 0]]]


def test_projection_clamps_and_divides_by_the_sum():
    mix = torch.tensor([[[1.5, 0.5, -0.25, 0.5]]])
    assert project(mix, torch.ones(1, 4, dtype=torch.bool)).tolist() == [[[0.5, 0.25, 0, 0.25]]]


def test_a_large_number_in_the_padding_changes_nothing():
    mask = torch.tensor([[True, True, False]])
    assert project(torch.tensor([[[0.25, 0.75, 9.0]]]), mask).tolist() == [[[0.25, 0.75, 0]]]
    assert project(torch.tensor([[[-0.5, -0.25, 9.0]]]), mask).tolist() == [[[0, 1, 0]]]


@given(tables())
def test_softmax_is_that_of_the_allowed_entries(table):
    alpha, mask = table
    mix = softmax(alpha, mask)
    assert_on_the_simplex(mix, mask)
    for row, allowed in enumerate(mask):
        torch.testing.assert_close(mix[:, row, allowed], torch.softmax(alpha[:, row, allowed], -1))


def test_entropy_is_that_of_each_row():
    mix = torch.tensor([[[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0]]])
    assert entropy(mix).tolist() == [[pytest.approx(torch.tensor(4.0).log().item()), 0.0]]
