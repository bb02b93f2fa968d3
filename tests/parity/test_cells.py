"""What the suite decodes and enumerates against the reference's cells."""

import numpy as np
import pytest
import torch

from . import product
from . import reference_cells as cells
from . import reference_nasbench1shot1 as oneshot
from . import reference_nasbench201 as nasbench201


def drawn(network, count, round_to=None):
    """Return architecture parameters of `count` seeds; rounded ones have ties."""
    generator = torch.Generator().manual_seed(0)
    values = [
        [torch.randn(each.shape, generator=generator, dtype=each.dtype) for each in network.arch_parameters()]
        for _ in range(count)
    ]
    if round_to is not None:
        values = [[(each / round_to).round() * round_to for each in one] for one in values]
    return values


@pytest.mark.parametrize("round_to", [None, 1.0], ids=["distinct", "ties"])
@pytest.mark.parametrize("space", [1, 2, 3])
def test_oneshot_decodes_to_the_same_cell(space, round_to):
    network = oneshot.Network(space, 2, 1)
    values = drawn(network, 300, round_to)
    found = product.space_of(network).decode(product.table([network], values).numpy())
    expected = [cells.key(*cells.discretise(space, each)) for each in values]
    assert [arch.key for arch in found] == expected


@pytest.mark.parametrize("round_to", [None, 1.0], ids=["distinct", "ties"])
def test_nasbench201_decodes_to_the_same_cell(round_to):
    network = nasbench201.Network(2, 1)
    values = drawn(network, 300, round_to)
    found = product.space_of(network).decode(product.table([network], values).numpy())
    expected = [nasbench201.arch_string(nasbench201.discretise(alphas)) for (alphas,) in values]
    assert [arch.key for arch in found] == expected


@pytest.mark.parametrize("space", [1, 2, 3])
def test_oneshot_enumerates_what_can_be_reached(space):
    found = [arch.key for arch in product.space_of(oneshot.Network(space, 2, 1)).enumerate()]
    assert len(found) == len(set(found))
    assert set(found) == cells.reachable_keys(space)


def test_nasbench201_enumerates_every_string():
    space = product.space_of(nasbench201.Network(2, 1))
    found = {arch.key for arch in space.enumerate()}
    expected = {nasbench201.arch_string(list(choice)) for choice in np.ndindex(*[5] * 6)}
    assert found == expected
    assert len(found) == 15_625
