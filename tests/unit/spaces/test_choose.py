import numpy as np
import pytest

import spaces

SPACE3 = spaces.find("nasbench1shot1-3")


def table(space, **rows):
    """A mix with the given weights in the first row of each named site, zeros elsewhere."""
    mix = np.zeros(space.mask.shape)
    for site, weights in rows.items():
        mix[space.site_rows(site).start, : len(weights)] = weights
    return mix


def chosen(space, mix, site):
    return space.choose(mix)[space.site_rows(site).start]


@pytest.mark.parametrize("weights", [[0.2, 0.2, 0.2], [1.0, 1.0, 0.0], [-5.0, -5.0, -5.0]])
def test_equal_weights_go_to_the_lower_index(weights):
    assert chosen(SPACE3, table(SPACE3, operations=weights), "operations") == (0,)


def test_of_equal_parents_the_lower_ones_are_kept():
    mix = table(SPACE3, output=[0.1, 0.1, 0.4, 0.1, 0.1, 0.1])
    assert chosen(SPACE3, mix, "output") == (0, 2)
    assert chosen(SPACE3, np.zeros(SPACE3.mask.shape), "input5") == (0, 1)


def test_the_heaviest_are_kept_in_ascending_order():
    mix = table(SPACE3, output=[0.1, 0.0, 0.0, 0.2, 0.0, 0.7], input4=[0.1, 0.2, 0.4, 0.3])
    assert chosen(SPACE3, mix, "output") == (3, 5)
    assert chosen(SPACE3, mix, "input4") == (2, 3)


def test_what_stands_in_the_padding_is_never_chosen():
    mix = np.where(SPACE3.mask, 0.0, 1e9)
    for row, kept in zip(SPACE3.rows, SPACE3.choose(mix), strict=True):
        assert kept == tuple(range(row.keep))


def test_raw_alphas_choose_what_their_softmax_does():
    rng = np.random.default_rng(0)
    for space in filter(lambda space: space.enumerable, map(spaces.find, spaces.names())):
        alpha = rng.normal(size=space.mask.shape)
        weights = np.where(space.mask, np.exp(alpha), 0)
        assert space.choose(alpha) == space.choose(weights / weights.sum(1, keepdims=True))


def test_each_seed_is_decoded_on_its_own():
    space = spaces.find("nasbench201")
    mix = np.stack([np.eye(5)[[1] * 6], np.eye(5)[[3] * 6]])
    skip, conv = space.decode(mix)
    assert skip.key == "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
    assert conv.key == skip.key.replace("skip_connect", "nor_conv_3x3")
