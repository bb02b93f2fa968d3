"""The evaluation network of the DARTS spaces against numbers of the authors' codes: weights counted, losses to 1e-9.

The weights of a golden network are sines of their places, as ``test_darts_supernet`` says.
"""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import spaces
from bench.retraining import networks
from bench.retraining.darts_operations import Noise, _Halving
from results.published import cells
from tests.parity.test_darts_supernet import OPERATIONS, batch, wave

GOLDEN = Path(__file__).parent / "goldens" / "parameters.txt"
ROWS = [line.split() for line in GOLDEN.read_text().splitlines() if not line.startswith("#")]
ROW_OF_EDGE = {(source, target): row for row, (source, target) in enumerate(spaces.find("darts").cell.edges)}


def built(name, **options):
    cell = cells()[name]
    return networks.build(spaces.find(cell.space), cell.arch, seed=0, **options)


def weights_of(name, **options):
    with torch.device("meta"):  # counted, not drawn
        return sum(parameter.numel() for parameter in built(name, **options).parameters())


@pytest.mark.parametrize("row", ROWS, ids=[" ".join(row[:4]) for row in ROWS])
def test_weights_of_published_cells(row):
    name, channels, layers, classes, pool_norm, weights = row[0], *map(int, row[1:])
    assert weights_of(name, channels=channels, cells=layers, classes=classes, pool_norm=bool(pool_norm)) == weights


@pytest.mark.parametrize(("channels", "classes", "weights"), [(36, 10, 476_426), (36, 100, 545_636), (16, 10, 435_466)])
def test_weights_of_the_auxiliary_head(channels, classes, weights):
    options = {"channels": channels, "cells": 8, "classes": classes}
    with_head, without = (weights_of("darts-v2", auxiliary=each, **options) for each in (True, False))
    assert with_head - without == weights


@pytest.mark.parametrize(("name", "weights"), [("darts-v2", 432_344), ("darts-v1", 431_056)])
def test_weights_of_the_golden_networks(name, weights):
    assert weights_of(name, channels=4, cells=8, auxiliary=True) == weights


def convolutions(module):
    """Return the convolutions of an operation in the order in which they see a map."""
    return [each for each in module.modules() if isinstance(each, nn.Conv2d)]


def fill(conv, number):
    out, inputs, kernel, _ = conv.weight.shape
    conv.weight.data = torch.from_numpy(wave(number, out, inputs, kernel))


def fill_all(network):
    network.double()
    fill(network.stem[0], 1)
    fill(network.auxiliary.first, 3)
    fill(network.auxiliary.second, 4)
    for number, linear in ((2, network.classify), (5, network.auxiliary.classify)):
        linear.weight.data = torch.from_numpy(wave(number, *linear.weight.shape, 1))[:, :, 0, 0]
        linear.bias.data.zero_()
    for k, cell in enumerate(network.cells):
        for number, each in ((10, cell.older), (12, cell.newer)):
            for place, conv in enumerate(convolutions(each)):
                fill(conv, number + 100 * k + place)
        for (source, target, name), operation in zip(cell.edges, cell.operations, strict=True):
            for place, conv in enumerate(convolutions(operation)):
                row = ROW_OF_EDGE[source, target]
                fill(conv, 1000 + 10000 * k + 500 * row + 40 * OPERATIONS.index(name) + place)


@pytest.mark.parametrize(
    ("name", "loss", "auxiliary"),
    [("darts-v2", 2.287393161035, 2.618775611773), ("darts-v1", 2.416296820678, 2.700990539284)],
)
def test_golden_losses(name, loss, auxiliary):
    network = built(name, channels=4, cells=8, auxiliary=True).train()
    fill_all(network)
    x, labels = batch()
    logits = network.logits(x.squeeze(3).permute(0, 3, 1, 2))
    found = [cross_entropy(each, labels).item() for each in logits]
    assert found == pytest.approx([loss, auxiliary], abs=1e-9)


def small(name="darts-v2", **options):
    return built(name, channels=4, cells=3, **options).double()


def images(count=6, side=8):
    return torch.randn(count, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_no_auxiliary_logits_outside_training():
    network = small(auxiliary=True)
    assert network.eval().logits(images(side=32))[1] is None
    assert network.train().logits(images(side=32))[1].shape == (6, 10)
    assert small().train().logits(images())[1] is None


def test_drop_path_drops_whole_operations_image_by_image_and_grows_the_others():
    network = small().eval()
    seen = []
    cell = network.cells[0]
    for place in cell.dropped:
        cell.operations[place].register_forward_hook(lambda _, __, y: seen.append(y))
    out = {}
    cell.register_forward_hook(lambda _, __, y: out.update(y=y))
    generator = torch.Generator().manual_seed(3)
    network.logits(images(), drop_path=0.5, generator=generator)
    drawn = torch.rand(network.paths, 6, 1, 1, 1, generator=torch.Generator().manual_seed(3))
    kept = (drawn >= 0.5).double() * 2
    first = [place for place, (_, target, _) in enumerate(cell.edges) if target == 2]
    assert [cell.dropped.index(place) for place in first] == [0, 1]
    torch.testing.assert_close(out["y"][:, :4], seen[0] * kept[0] + seen[1] * kept[1])
    assert {0.0, 2.0} == set(kept.flatten().tolist())


def test_drop_path_zero_is_none():
    network, x = small().train(), images()
    torch.testing.assert_close(network.logits(x, drop_path=0.0)[0], network(x), rtol=0, atol=0)
    assert not torch.equal(network.logits(x, drop_path=0.2, generator=torch.Generator().manual_seed(0))[0], network(x))


def test_the_identity_is_never_dropped():
    """Of DARTS_V2's 8 edges two normal ones are the identity; in reductions those from node 2 are."""
    network = small()
    assert [len(cell.dropped) for cell in network.cells] == [6, 5, 5]
    assert network.paths == 16
    for cell in network.cells:
        left = set(range(8)) - set(cell.dropped)
        assert all(isinstance(cell.operations[place], nn.Identity) for place in left)


def test_a_skip_that_halves_the_map_has_weights():
    network = small("sdarts-adv-s2-c10")
    halving = [each for each in network.cells[1].operations if isinstance(each, _Halving)]
    assert len(halving) == 2
    assert [tuple(conv.weight.shape) for conv in convolutions(halving[0])] == [(4, 8, 1, 1)] * 2


def test_noise_comes_from_the_generator_in_training_and_evaluation():
    space = spaces.find("darts-s4")
    arch = space.parse(cells()["sdarts-rs-s4-c10"].arch.replace("sep_conv_3x3~1", "noise~1")).key
    network, x = networks.build(space, arch, seed=0, channels=4, cells=3).double(), images()
    noisy = [each for cell in network.cells for each in cell.operations if isinstance(each, Noise)]
    assert noisy
    for mode in (True, False):
        network.train(mode)
        one, same, other = (network(x, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


def test_batch_norms_follow_pools_in_dropnas_network_alone():
    pools = [small("darts-v2", pool_norm=each).cells[1].operations for each in (False, True)]
    assert isinstance(pools[0][0], nn.MaxPool2d)
    assert [type(each) for each in pools[1][0]] == [nn.MaxPool2d, nn.BatchNorm2d]


def test_every_cell_of_the_collection_is_a_key_of_its_space():
    assert len(cells()) == 30
    for cell in cells().values():
        assert spaces.find(cell.space).parse(cell.arch).key == cell.arch


def test_images_of_every_even_side_pass():
    for side in (4, 8, 16):
        assert small().eval()(images(side=side)).shape == (6, 10)
