"""The reference networks against golden numbers and against cells whose output is known by hand."""

import copy

import numpy as np
import pytest
import torch
from nasbench_pytorch.model import ModelSpec
from nasbench_pytorch.model import Network as TableNetwork
from torch import nn

from . import reference_nasbench1shot1 as oneshot
from . import reference_nasbench101 as nasbench101
from . import reference_nasbench201 as nasbench201
from .reference_cells import discretise

CONV3, CONV1, POOL = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"


def count(module):
    return sum(each.numel() for each in module.parameters())


def norms(module):
    return [each for each in module.modules() if isinstance(each, nn.BatchNorm2d)]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_nasbench201_parameter_counts():
    assert count(nasbench201.Network()) == 1_686_106
    assert count(nasbench201.Network(conv_bias=True)) == 1_692_826
    assert count(nasbench201.Network(conv_bias=True, last_affine=False)) == 1_692_698
    assert nasbench201.Network(channels=2, cells=1).alphas.numel() == 30


def test_nasbench201_feature_maps():
    network = nasbench201.Network()
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        shapes = [tuple(each.shape[1:]) for each in network.features(x, network.alphas.softmax(-1))]
    assert shapes == [(16, 32, 32)] * 6 + [(32, 16, 16)] * 6 + [(64, 8, 8)] * 6


def test_nasbench201_batch_norm_switches():
    network = nasbench201.Network(channels=2, cells=2)
    cells = [each for layer in network.layers if isinstance(layer, nasbench201.Cell) for each in norms(layer)]
    others = [each for each in norms(network) if not any(each is cell for cell in cells)]
    assert len(cells) == 6 * 12
    assert len(others) == 1 + 4 + 1
    assert all(each.affine is False and each.track_running_stats for each in cells)
    assert all(each.affine and each.momentum == 0.1 for each in others)
    untracked = nasbench201.Network(channels=2, cells=2, track=False)
    assert sum(each.running_mean is None for each in norms(untracked)) == 6 * 12


def test_nasbench201_cells_known_by_hand():
    cell = nasbench201.Cell(3, affine=False, track=True, conv_bias=False).double()
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    one_hot = torch.eye(5, dtype=torch.float64)
    skip = one_hot[[1] * 6]
    torch.testing.assert_close(cell(x, skip, None), 4 * x)  # 1 + 1 + 2 copies reach the output
    torch.testing.assert_close(cell(x, one_hot[[0] * 6], None), 0 * x)
    torch.testing.assert_close(cell(torch.ones_like(x), one_hot[[4] * 6], None), 4 * torch.ones_like(x))
    single = one_hot[[0, 0, 0, 3, 0, 0]]  # only the edge from node 0 to node 3
    torch.testing.assert_close(cell(x, single, None), cell.edges[3].operations[3](x))
    chain = one_hot[[2, 0, 3, 0, 0, 4]]
    expected = nn.functional.avg_pool2d(
        cell.edges[2].operations[3](cell.edges[0].operations[2](x)), 3, 1, 1, count_include_pad=False
    )
    torch.testing.assert_close(cell(x, chain, None), expected)


def test_nasbench201_strings():
    alphas = torch.zeros(6, 5)
    assert nasbench201.arch_string(nasbench201.discretise(alphas)) == (
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    )
    for row, column in enumerate([3, 1, 4, 2, 0, 3]):
        alphas[row, column] = 1.0
    assert nasbench201.arch_string(nasbench201.discretise(alphas)) == (
        "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|"
    )


@pytest.mark.parametrize(
    ("space", "weights", "alphas", "batch_norms"),
    [(1, 1_101_402, 24, 119), (2, 1_101_402, 26, 119), (3, 1_509_594, 35, 146)],
)
def test_oneshot_counts(space, weights, alphas, batch_norms):
    network = oneshot.Network(space)
    assert count(network) == weights
    assert sum(each.numel() for each in network.alphas) == alphas
    assert len(norms(network)) == batch_norms
    momenta = [(each.momentum, each.affine) for each in norms(network)]
    assert momenta == [(0.997, True)] * (batch_norms - 1) + [(0.1, False)]


@pytest.mark.parametrize(("space", "published"), [(1, False), (2, True), (3, False)])
def test_oneshot_feature_maps(space, published):
    network = oneshot.Network(space, published_cell=published)
    parts = oneshot.block_count(space) + published
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        outputs = network.features(x, [each.softmax(-1) for each in network.alphas])
    shapes = [tuple(each.shape[1:]) for each in outputs]
    expected = [(parts * 16, 32, 32)] * 3 + [(parts * 32, 17, 17)] * 3 + [(parts * 64, 9, 9)] * 3
    assert shapes == [(16, 32, 32), *expected]


def test_oneshot_shapes_of_the_architecture():
    shapes = {space: [tuple(each.shape) for each in oneshot.Network(space, 2, 1).alphas] for space in (1, 2, 3)}
    assert shapes[1] == [(4, 3), (1, 5), (1, 3), (1, 4)]
    assert shapes[2] == [(4, 3), (1, 5), (1, 2), (1, 3), (1, 4)]
    assert shapes[3] == [(5, 3), (1, 6), (1, 2), (1, 3), (1, 4), (1, 5)]


@pytest.mark.parametrize("published", [False, True])
def test_oneshot_cell_known_by_hand(published):
    cell = oneshot.Cell(1, 3, 2, 0.997, published).double()
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    weights = [
        torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]],
        torch.tensor([[0.5, 0.1, 0.2, 0.3, 0.4]], dtype=torch.float64),
        torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64),
        torch.tensor([[0.1, 0.2, 0.3, 0.4]], dtype=torch.float64),
    ]

    def projected(node):
        return cell.projections[node - 1](x)

    one = nn.functional.max_pool2d(projected(1), 3, 1, 1)
    two = cell.blocks[1].operations[1](projected(2) + one)  # no choice of parents, so no weights
    three = cell.blocks[2].operations[2](0.2 * projected(3) + 0.3 * one + 0.5 * two)
    four = nn.functional.max_pool2d(0.1 * projected(4) + 0.2 * one + 0.3 * two + 0.4 * three, 3, 1, 1)
    blocks = torch.cat([0.1 * one, 0.2 * two, 0.3 * three, 0.4 * four], dim=1)
    side = 0.5 * cell.output_projection(x)
    expected = torch.cat([side, blocks], dim=1) if published else side + blocks
    torch.testing.assert_close(cell(x, weights, None), expected)


def test_oneshot_node_two_is_weighted_where_it_chooses():
    assert oneshot.choosing_nodes(1) == [3, 4]
    assert oneshot.choosing_nodes(2) == [2, 3, 4]
    assert oneshot.choosing_nodes(3) == [2, 3, 4, 5]


def test_oneshot_running_statistics_are_those_of_the_last_batch():
    network = oneshot.Network(1, channels=2, cells_per_stack=1)
    x = torch.randn(4, 3, 6, 6, dtype=torch.float64)
    network(x)
    seen = network.stem.conv(x)
    torch.testing.assert_close(network.stem.norm.running_mean, 0.997 * seen.mean((0, 2, 3)))
    torch.testing.assert_close(network.stem.norm.running_var, 0.003 + 0.997 * seen.transpose(0, 1).flatten(1).var(1))


@pytest.mark.parametrize("family", ["nasbench201", "oneshot"])
def test_dropped_operations_are_as_good_as_zero_weights(family):
    if family == "nasbench201":
        network = nasbench201.Network(channels=2, cells=1)
    else:
        network = oneshot.Network(3, channels=2, cells_per_stack=1)
    alphas = network.arch_parameters()
    keep = torch.rand(alphas[0].shape) > 0.3
    mix = [each.softmax(-1) for each in alphas]
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(network(x, mix, keep), network(x, [mix[0] * keep, *mix[1:]]))


def test_copies_have_an_architecture_of_their_own():
    network = oneshot.Network(2, channels=2, cells_per_stack=1)
    twin = copy.deepcopy(network)
    twin.alphas[0].data.add_(1.0)
    assert network.alphas[0].abs().max() < 0.1
    assert not any(each is alpha for each in network.parameters() for alpha in network.alphas)


# The cell of the example in NAS-Bench-101's documentation, whose size the table gives.
INCEPTION = (
    [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    ["input", CONV1, CONV3, CONV3, CONV3, POOL, "output"],
)


def table_parameters(network):
    """Return the parameters of the package's network without the stand-ins where there is no operation."""
    return [each for name, each in network.named_parameters() if not name.endswith((".a", ".dev_param"))]


def test_nasbench101_parameter_count():
    assert count(nasbench101.Network(*INCEPTION)) == 2_694_282
    assert sum(each.numel() for each in table_parameters(TableNetwork(INCEPTION))) == 2_694_282


def random_cells():
    """Return cells that architecture parameters of each space choose."""
    generator = torch.Generator().manual_seed(3)
    found = [INCEPTION, ([[0, 1], [0, 0]], ["input", "output"])]
    for space in (1, 2, 3):
        for _ in range(4):
            shapes = [each.shape for each in oneshot.Network(space, 2, 1).alphas]
            found.append(discretise(space, [torch.randn(shape, generator=generator) for shape in shapes]))
    return found


@pytest.mark.parametrize("cell", random_cells())
def test_nasbench101_network_equals_the_packages(cell):
    matrix, labels = cell
    theirs = TableNetwork(
        ModelSpec(np.array(matrix), list(labels)), stem_out_channels=10, num_modules_per_stack=2
    ).double()
    # The package gives its momentum to the stem and the projections alone; operations have torch's default.
    ours = nasbench101.Network(matrix, labels, 10, 2, momenta=(0.997, 0.1))
    layers = [layer for layer in theirs.layers if hasattr(layer, "vertex_op")]
    cells = [layer for layer in ours.layers if isinstance(layer, nasbench101.Cell)]
    pairs = [(theirs.layers[0], ours.stem)]
    for layer, plain in zip(layers, cells, strict=True):
        assert layer.vertex_channels == plain.widths
        for kind, modules in ((layer.input_op, plain.projections), (layer.vertex_op, plain.operations)):
            for vertex, module in modules.items():
                pairs.append((kind[int(vertex)], module))
    for source, target in pairs:
        # Both hold a convolution and a batch norm, in this order.
        for given, taken in zip(source.buffers(), target.buffers(), strict=True):
            taken.copy_(given)
        for given, taken in zip(source.parameters(), target.parameters(), strict=True):
            given.data.add_(0.1 * torch.randn_like(given))
            taken.data.copy_(given)
    theirs.classifier.weight.data.normal_()
    ours.classifier.load_state_dict(theirs.classifier.state_dict())
    for training in (True, False):
        theirs.train(training)
        ours.train(training)
        x = torch.randn(3, 3, 12, 12, dtype=torch.float64)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-10, atol=1e-10)
    assert count(ours) == sum(each.numel() for each in table_parameters(theirs))
