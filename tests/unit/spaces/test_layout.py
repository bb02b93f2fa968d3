import math

import pytest
import torch

from spaces.supernet.layout import Layout, Norm


def by_name(layout, flat):
    """The part of a flat row that each piece takes."""
    parts = torch.as_tensor(flat).split([piece.size for piece in layout.pieces])
    return {piece.name: part for piece, part in zip(layout.pieces, parts, strict=True)}


@pytest.fixture
def layout():
    """Two operations in one convolution with bias and batch norm, and a linear layer."""
    made = Layout()
    made.conv("mixed", 4, 3, 3, bias=True, owners=((0, 1), (2, 0)))
    made.norm("mixed.bn", Norm(4, 0.1), affine=True, owners=((0, 1), (2, 0)))
    made.norm("plain.bn", Norm(5, 0.1), affine=False)
    made.linear("classify", 2, 4)
    return made


def test_a_layout_counts_the_weights_of_one_seed(layout):
    assert {piece.name: piece.size for piece in layout.pieces} == {
        "mixed": 4 * 3 * 9,
        "mixed.bias": 4,
        "mixed.bn.scale": 4,
        "mixed.bn.shift": 4,
        "classify": 8,
        "classify.bias": 2,
    }
    assert layout.size == 130


def test_every_norm_is_listed_whether_or_not_it_has_weights(layout):
    assert {name: norm.channels for name, norm in layout.norms.items()} == {"mixed.bn": 4, "plain.bn": 5}


def test_initial_weights_are_pytorchs_defaults(layout):
    pieces = by_name(layout, layout.initial(torch.Generator().manual_seed(3)))
    for name, inputs in {"mixed": 27, "mixed.bias": 27, "classify": 4, "classify.bias": 4}.items():
        assert 0 < pieces[name].abs().max() <= 1 / math.sqrt(inputs)
    assert torch.equal(pieces["mixed.bn.scale"], torch.ones(4, dtype=torch.float64))
    assert torch.equal(pieces["mixed.bn.shift"], torch.zeros(4, dtype=torch.float64))


def test_initial_weights_and_biases_have_the_spread_of_pytorchs():
    layout = Layout()
    layout.conv("large", 2000, 2, 3, bias=True)
    layout.linear("classify", 2000, 16)
    pieces = by_name(layout, layout.initial(torch.Generator().manual_seed(0)))
    torch.manual_seed(0)
    for name, module in {"large": torch.nn.Conv2d(2, 2000, 3), "classify": torch.nn.Linear(16, 2000)}.items():
        for ours, theirs in ((pieces[name], module.weight), (pieces[f"{name}.bias"], module.bias)):
            assert float(ours.std()) == pytest.approx(theirs.std().item(), rel=0.05)
            assert float(ours.abs().max()) == pytest.approx(theirs.abs().max().item(), rel=0.01)


def test_initial_weights_belong_to_the_generators_seed(layout):
    first, again, other = (layout.initial(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_owners_name_the_operation_of_each_weight(layout):
    owners = by_name(layout, layout.owners(columns=5, unowned=99))
    first, second = 0 * 5 + 1, 2 * 5 + 0
    assert owners["mixed"].tolist() == [first] * 54 + [second] * 54
    for name in ("mixed.bias", "mixed.bn.scale", "mixed.bn.shift"):
        assert owners[name].tolist() == [first] * 2 + [second] * 2
    assert owners["classify"].tolist() == [99] * 8
    assert owners["classify.bias"].tolist() == [99] * 2
