"""Partial channels and weights of edges: numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import spaces
from spaces.edge_weights import EdgeWeighted, competes, searched
from spaces.supernet.declare import declare
from spaces.supernet.network import Supernet
from spaces.supernet.partial import EdgeWeights, divided, halved, joined

COMPETING = [name for name in spaces.names() if competes(spaces.find(name))]


def test_the_channels_of_the_parts_take_turns():
    x = torch.arange(8.0).view(1, 1, 1, 1, 8)
    seen, rest = divided(x, 4)
    assert seen.flatten().tolist() == [0, 1]
    assert joined(-seen, rest, 4).flatten().tolist() == [0, 2, 4, 6, -1, 3, 5, 7]


def test_one_part_is_the_map_itself():
    x = torch.ones(1, 2, 2, 1, 4)
    seen, rest = divided(x, 1)
    assert seen is x
    assert rest is None
    assert joined(seen, rest, 1) is x


def test_what_passes_by_a_stride_is_halved_by_maxima():
    x = torch.tensor([[1.0, 5.0], [3.0, 2.0]]).view(1, 2, 2, 1, 1)
    assert halved(x, 1) is x
    assert halved(x, 2).flatten().tolist() == [5.0]


@pytest.mark.parametrize("name", COMPETING)
def test_a_row_of_weights_for_each_node(name):
    plain = spaces.find(name)
    space = EdgeWeighted(plain)
    assert space.alphas == plain.alphas + 2 * (2 + 3 + 4 + 5)
    assert space.mask[len(plain.rows) :].sum(1).tolist() == [2, 3, 4, 5] * 2
    assert (space.mask[: len(plain.rows), : plain.mask.shape[1]] == plain.mask).all()
    assert space.operations == plain.operations
    assert space.operation_rows.sum() == len(plain.rows)


@pytest.mark.parametrize("name", COMPETING)
def test_an_architecture_is_decoded_to_itself(name):
    space, rng = EdgeWeighted(spaces.find(name)), np.random.default_rng(0)
    for _ in range(20):
        arch = space.random(rng)
        assert space.arch(space.choose(4 * space.khot(arch))) == arch
        assert space.parse(arch.key) == arch


def test_an_edge_is_kept_for_the_product_of_its_weight_and_a_share():
    """Node 3 of S2: shares .5498, .5744, .5987 and weights .5065, .3068, .1867 make .2785, .1762, .1118."""
    space = EdgeWeighted(spaces.find("darts-s2"))
    alpha = np.zeros(space.mask.shape)
    for row, value in zip((2, 3, 4), (0.2, 0.3, 0.4), strict=True):
        alpha[row, 1] = value
    assert [row for row in (2, 3, 4) if space.choose(alpha)[row]] == [3, 4]
    alpha[29, :3] = np.log([0.5065, 0.3068, 0.1867])
    assert [row for row in (2, 3, 4) if space.choose(alpha)[row]] == [2, 3]
    assert space.choose(alpha, "alpha")[2] == ()  # alphas alone do not know the weights


def test_the_rows_of_edges_are_multiplied_by_their_weights():
    space = EdgeWeighted(spaces.find("darts-s2"))
    mix = torch.rand(2, *space.mask.shape, dtype=torch.float64)
    found = EdgeWeights(space).of(mix)
    assert torch.equal(found[:, 28:], mix[:, 28:])
    torch.testing.assert_close(found[:, 0], mix[:, 0] * mix[:, 28, :1])  # 2<-0, normal
    torch.testing.assert_close(found[:, 13], mix[:, 13] * mix[:, 31, 4:])  # 5<-4, normal
    torch.testing.assert_close(found[:, 16], mix[:, 16] * mix[:, 33, :1])  # 3<-0, reduction
    plain = EdgeWeights(spaces.find("darts-s2"))
    assert plain.of(mix) is mix


def test_a_supernet_has_weights_of_edges_where_it_is_told_to():
    space = spaces.find("darts")
    assert searched(space, space.supernet) is space
    weighed = replace(space.supernet, edge_weights=True)
    assert isinstance(searched(space, weighed), EdgeWeighted)
    assert searched(searched(space, weighed), weighed) is searched(space, weighed)
    assert Supernet(space, weighed).space is searched(space, weighed)


def test_weights_of_operations_fall_with_the_square_of_the_parts():
    """A 3x3 convolution of 16 of 16 channels has 2,304 weights, of 4 of them 144; stem, reductions and head stay."""
    space = spaces.find("nasbench201")
    whole, part = (declare(space, replace(space.supernet, partial=partial)) for partial in (1, 4))
    cells = [sum(p.size for p in layout.pieces if p.name.startswith("cell")) for layout in (whole, part)]
    assert cells[0] == 16 * cells[1]
    assert whole.size - cells[0] == part.size - cells[1]
