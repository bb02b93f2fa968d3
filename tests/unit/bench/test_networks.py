import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

import spaces
from bench.retraining import nasbench101_network, nasbench201_network, networks
from results.errors import InputError

NASBENCH201, ONESHOT = spaces.find("nasbench201"), spaces.find("nasbench1shot1-1")
NONE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
MIXED = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"
LARGEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
#: A cell that divides a stack unevenly among three vertices, with an edge from a wider to a narrower one; one edge.
THREE = "111000010011011:conv3x3,maxpool3x3,conv1x1,conv3x3"
LINE = "1:"


def parameters_of(network):
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(("arch", "parameters"), [(NONE, 73_306), (LARGEST, 1_531_546)])
def test_nasbench201_parameters(arch, parameters):
    assert parameters_of(networks.build(NASBENCH201, arch, seed=0)) == parameters


@pytest.mark.data
def test_nasbench201_parameters_equal_the_table(data_dir):
    table = pq.read_table(data_dir / "nasbench201.parquet", filters=[("dataset", "==", "cifar10")]).to_pandas()
    for row in table.sample(40, random_state=0).itertuples():
        assert parameters_of(networks.build(NASBENCH201, row.arch, seed=0)) == row.parameters, row.arch


@pytest.mark.data
def test_nasbench101_parameters_equal_the_table(data_dir):
    names = {theirs: ours for ours, theirs in nasbench101_network.OPERATIONS.items()}
    table = pq.read_table(data_dir / "nasbench101-sample-20001.parquet").to_pandas()
    for row in table[table.ops.map(len) == 7].sample(15, random_state=0).itertuples():
        bits = row.adjacency.reshape(7, 7)[np.triu_indices(7, 1)]
        key = "".join(map(str, bits)) + ":" + ",".join(names[o] for o in row.ops[1:-1])
        assert parameters_of(networks.build(ONESHOT, key, seed=0)) == row.parameters, key


def test_nasbench201_cell_equals_its_formula():
    cell = nasbench201_network._Cell(NASBENCH201.drawing(NASBENCH201.parse(MIXED)), 4).double()
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    conv3, _, _, conv1, _ = cell.operations

    def conv(x, layers):
        return layers[2](nn.functional.conv2d(x.clamp(min=0), layers[1].weight, padding="same"))

    def average(x):
        ones = torch.ones_like(x)
        window = {"kernel_size": 3, "stride": 1, "padding": 1}
        return nn.functional.avg_pool2d(x, **window) / nn.functional.avg_pool2d(ones, **window)

    one = conv(x, conv3)
    two = average(one)
    torch.testing.assert_close(cell(x), x + conv(one, conv1) + average(two))


def test_nasbench201_halves_the_map_twice():
    network = networks.build(NASBENCH201, MIXED, seed=0, channels=4, cells=2, image_channels=1, classes=7)
    shapes = []
    for layer in network:
        layer.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 7)
    cells = shapes[2:10]
    assert cells == [(4, 8, 8)] * 2 + [(8, 4, 4)] * 3 + [(16, 2, 2)] * 3


def test_cell_of_nothing_is_the_same_for_every_image():
    network = networks.build(NASBENCH201, NONE, seed=0, channels=4, cells=1, image_channels=1).eval()
    logits = network(torch.rand(5, 1, 8, 8))
    assert torch.equal(logits, logits[:1].expand(5, -1))


def test_nasbench101_cell_equals_its_formula():
    """Input to 1, 2 and the output; 1 to 2; 2 to the output."""
    network = networks.build(ONESHOT, "111101:conv3x3,conv1x1", seed=0, channels=8)
    _, one, two = (network.layers[1].vertex_op[i] for i in range(3))
    _, to_one, to_two, to_output = network.layers[1].input_op
    x = torch.rand(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    expected = two(one(to_one(x)) + to_two(x)) + to_output(x)
    torch.testing.assert_close(network.layers[1](x), expected)


@pytest.mark.parametrize("arch", [THREE, LINE, "101:maxpool3x3"])
def test_nasbench101_small(arch):
    network = networks.build(ONESHOT, arch, seed=0, channels=8, cells=1, image_channels=1, classes=7)
    x = torch.rand(2, 1, 8, 8)
    assert network(x).shape == (2, 7)
    network(x).sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad and p.numel())


@pytest.mark.parametrize(("space", "arch", "own"), [(NASBENCH201, MIXED, 0.1), (ONESHOT, THREE, 0.003)])
def test_batch_norm_momentum_reaches_every_layer(space, arch, own):
    for options, momentum in [({}, own), ({"bn_momentum": 0.5}, 0.5)]:
        network = networks.build(space, arch, seed=0, channels=8, cells=1, **options)
        found = {m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)}
        assert list(found) == [pytest.approx(momentum)]


@pytest.mark.parametrize(("space", "arch"), [(NASBENCH201, MIXED), (ONESHOT, THREE)])
def test_initialisation_has_a_stream_of_its_own(space, arch):
    before = torch.get_rng_state()
    first, again, other = (networks.build(space, arch, seed=s, channels=8, cells=1) for s in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [nn.utils.parameters_to_vector(n.parameters()) for n in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("space", "arch", "message"),
    [
        (NASBENCH201, "|skip_connect~0|", "write |op~0|"),
        (NASBENCH201, MIXED.replace("avg_pool_3x3~2", "avg_pool_3x3~1"), "write |op~0|"),
        (NASBENCH201, MIXED.replace("avg", "max"), "unknown operation 'max_pool_3x3'"),
        (ONESHOT, "10:conv3x3", "3 are needed"),
        (ONESHOT, "101", "cannot be decoded"),
        (ONESHOT, "101:conv5x5", "unknown operation 'conv5x5'"),
        (ONESHOT, "110:conv3x3", "cannot decode to"),
    ],
)
def test_wrong_keys_say_how_to_fix_them(space, arch, message):
    with pytest.raises(InputError) as error:
        networks.check(space, arch)
    assert message in str(error.value)
