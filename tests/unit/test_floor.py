"""The floors against sums made by hand, and against the convolutions that really run."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch.overrides import TorchFunctionMode

import spaces
from bench.experiments import reading
from bench.methods import method
from spaces.supernet import ops
from spaces.supernet.network import Supernet
from tests.performance import floor

MEGA = 1e6
TRAINED = [name for name in method.names() if method.find(name).levels]


def net_of(space, **changes):
    found = spaces.find(space)
    return Supernet(found, replace(found.supernet, **changes))


def test_arithmetic_of_a_small_edge_cell_by_hand():
    convs = floor.convolutions(net_of("nasbench201", channels=2, cells=1), 8)

    def macs(width, side):
        return 6 * 10 * width * width * side * side  # six edges, a 1x1 and a 3x3 kernel each

    cells = macs(2, 8) + macs(4, 4) + macs(8, 2)
    downs = (4 * 2 * 9 + 4 * 4 * 9 + 4 * 2) * 16 + (8 * 4 * 9 + 8 * 8 * 9 + 8 * 4) * 4
    stem = 3 * 2 * 9 * 64
    assert sum(conv.flops for conv in convs) == 2 * (cells + downs + stem)
    both = floor.training(convs, weights=True)
    assert both.flops == 6 * (cells + downs + stem) - 2 * stem
    assert floor.training(convs, weights=False).flops == 4 * (cells + downs + stem) - 2 * stem


@pytest.mark.parametrize(
    ("space", "alpha", "weights", "attack", "mflop"),
    [
        ("nasbench201", 52, 61, 242, 1461),
        ("nasbench1shot1-1", 50, 58, 322, 1065),
        ("nasbench1shot1-3", 62, 73, 401, 1456),
    ],
)
def test_the_numbers_of_the_docstring(space, alpha, weights, attack, mflop):
    convs = floor.convolutions(net_of(space), 32)
    passes = [floor.training(convs, weights=False), floor.training(convs, weights=True), floor.attack(convs, 7)]
    assert [round(each.bytes * 4 / MEGA) for each in passes] == [alpha, weights, attack]
    assert round(passes[1].flops / MEGA) == mflop
    for number in (alpha, weights, attack):
        assert f" {number}" in floor.__doc__
    assert f"{mflop:,}" in floor.__doc__


class Convolved(TorchFunctionMode):
    """Counts the operations of the convolutions that run, by the shape of the kernel."""

    def __init__(self):
        super().__init__()
        self.shapes = Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if func is torch.conv2d:
            kernel = args[1]
            self.shapes[tuple(kernel.shape)] += 2 * kernel.numel() * made.shape[-1] * made.shape[-2]
        return made


@pytest.mark.parametrize("space", spaces.names())
def test_what_is_declared_is_what_runs(space, monkeypatch):
    monkeypatch.setattr(ops, "on_a_cpu", lambda _: False)  # there, products of matrices stand for some convolutions
    net = net_of(space, channels=4, cells=1)
    mix = torch.full((1, *net.space.mask.shape), 0.2)
    weights, running = torch.zeros(1, net.size), net.statistics(1, dtype=torch.float32, device="cpu")
    with torch.no_grad(), Convolved() as ran:
        net.forward(weights, running, torch.zeros(1, 16, 16, 1, 3), mix, training=True, update=False)
    declared = Counter()
    pieces = [piece for piece in net.layout.pieces if len(piece.shape) == 4]
    for piece, conv in zip(pieces, floor.convolutions(net, 16), strict=True):
        declared[piece.shape] += conv.flops
    for shape in declared | ran.shapes:
        if shape[-1] == 3:
            assert ran.shapes[shape] == declared[shape], shape
        else:  # products with multiples of the identity, which are sums, run beside the declared ones
            assert ran.shapes[shape] >= declared[shape], shape


def test_an_attack_folds_the_small_kernels_of_edges():
    convs = floor.convolutions(net_of("nasbench201"), 32)
    assert sum(conv.folded for conv in convs) == 3 * 5 * 3  # three nodes that edges leave, five cells, three stacks
    untracked = floor.convolutions(net_of("nasbench201", bn_tracked=False), 32)
    assert not any(conv.folded for conv in untracked)
    assert not any(conv.folded for conv in floor.convolutions(net_of("nasbench1shot1-1"), 32))
    assert floor.attack(convs, 7).flops < floor.attack(convs, 8).flops


@pytest.mark.parametrize("name", TRAINED)
def test_a_step_is_its_passes(name):
    protocol = reading.load("paper").arm("nasbench201", name).protocol
    net = Supernet(spaces.find("nasbench201"), protocol.supernet)
    step = floor.of_step(net, name, protocol.params, side=32, batch=64, width=4)
    convs = floor.convolutions(net, 32)
    alpha, weights = floor.training(convs, weights=False), floor.training(convs, weights=True)
    expected = {
        "darts": alpha + weights,
        "sdarts-rs": alpha + weights,
        "sdarts-adv": alpha + weights + floor.attack(convs, 7),
        "pc-sdarts-adv": alpha + weights + floor.attack(convs, 7),
        "darts-2nd": alpha * 2 + weights * 3,
        "darts-hessian": alpha + weights * 5,
        "darts-pt-fixed": weights,
    }.get(name, alpha + weights if method.find(name).levels == 2 else weights)
    assert step.flops == pytest.approx(64 * expected.flops)
    assert step.bytes == pytest.approx(64 * 4 * expected.bytes)
    half = floor.of_step(net, name, protocol.params, side=32, batch=64, width=2)
    assert (half.bytes, half.flops) == (step.bytes / 2, step.flops)


def test_every_method_that_trains_has_its_passes_and_others_none():
    assert set(TRAINED) == {name for name in method.names() if method.find(name).passes}
    assert floor.of_step(net_of("nasbench201"), "random", None, side=8, batch=2, width=4) is None
