"""The suite's supernet against the reference network: outputs, gradients and running statistics, in float64."""

from functools import partial
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from bench.measure import measurements
from bench.steps.learner import Samples

from . import product
from . import reference_nasbench1shot1 as oneshot
from . import reference_nasbench201 as nasbench201
from .product import TRAINING
from .small import batch_of

SEEDS = 2
NETWORKS = {
    "nasbench201": partial(nasbench201.Network, 4, 2),
    "nasbench201 affine": partial(nasbench201.Network, 4, 1, affine=True),
    "nasbench201 conv bias": partial(nasbench201.Network, 4, 1, conv_bias=True),
    "nasbench201 untracked": partial(nasbench201.Network, 4, 1, track=False),
    "nasbench201 untracked head": partial(nasbench201.Network, 4, 1, track=False, last_track=False, last_affine=False),
    "nasbench201 affine conv bias": partial(nasbench201.Network, 2, 1, affine=True, conv_bias=True),
    **{f"oneshot {space}": partial(oneshot.Network, space, 4, 2) for space in (1, 2, 3)},
    **{f"oneshot {space} published": partial(oneshot.Network, space, 4, 2, published_cell=True) for space in (1, 2, 3)},
    "nasbench201 partial": partial(nasbench201.Network, 8, 2, partial=4),
    "nasbench201 partial untracked": partial(nasbench201.Network, 4, 1, track=False, partial=2),
    "oneshot 3 partial": partial(oneshot.Network, 3, 8, 1, partial=4),
    "oneshot 2 partial published": partial(oneshot.Network, 2, 4, 1, published_cell=True, partial=2),
    "oneshot 1 momentum": partial(oneshot.Network, 1, 4, 1, bn_momentum=0.003),
}


def networks_of(name):
    """Return reference networks of some seeds in which no weight is special, statistics included."""
    torch.manual_seed(0)
    networks = [NETWORKS[name]() for _ in range(SEEDS)]
    for network in networks:
        for each in network.parameters():
            each.data.add_(0.1 * torch.randn_like(each))
        for _ in range(2):
            network(torch.randn(4, 3, 8, 8, dtype=torch.float64))
    return networks


def mixes_of(networks, zeros):
    """Return mixing values, positive and not quite normalised; a third of them exactly zero if asked for."""
    mixes = []
    for network in networks:
        mix = [torch.rand_like(each) + 0.05 for each in network.arch_parameters()]
        if zeros:
            mix = [each * (torch.rand_like(each) > 0.3) for each in mix]
        mixes.append(mix)
    return mixes


def assert_close(found, expected, limit=1e-9):
    """Compare by the largest difference relative to the largest value."""
    assert found.shape == expected.shape
    assert torch.isfinite(expected).all()
    difference = (found - expected).abs().max().item()
    assert difference <= limit * expected.abs().max().item(), difference


#: Each two of training, zeros in the mix and the form of the convolutions meet.
WAYS = [(True, False, "grouped"), (False, True, "grouped"), (True, True, "loop"), (False, False, "loop")]
MAIN = ("nasbench201", "oneshot 1", "oneshot 2", "oneshot 3", "nasbench201 partial", "oneshot 3 partial")


@pytest.mark.parametrize(
    ("name", "training", "zeros", "form"),
    [(name, *way) for name in NETWORKS for way in (WAYS if name in MAIN else WAYS[:2])],
)
def test_one_pass(name, training, zeros, form):
    close = partial(assert_close, limit=1e-12 if "partial" in name else 1e-9)
    networks = networks_of(name)
    net = product.supernet(networks, form=form)
    mixes = mixes_of(networks, zeros)
    batches = [batch_of(seed, 4, 8) for seed in range(SEEDS)]
    weights = product.flat(net, networks).requires_grad_()
    mix = product.table(networks, mixes).requires_grad_()
    statistics = product.fresh_statistics(net, networks)

    logits = net.forward(weights, statistics, product.images([x for x, _ in batches]), mix, training=training)
    losses = torch.stack([cross_entropy(logits[s], batches[s][1]) for s in range(SEEDS)])
    weight_gradient, mix_gradient = torch.autograd.grad(losses.sum(), (weights, mix))

    expected_logits, expected_losses, gradients = [], [], []
    for network, (x, y), values in zip(networks, batches, mixes, strict=True):
        network.train(training)
        values = [each.requires_grad_() for each in values]
        expected_logits.append(network(x, values))
        loss = cross_entropy(expected_logits[-1], y)
        loss.backward()
        expected_losses.append(loss.detach())
        gradients.append([torch.zeros_like(each) if each.grad is None else each.grad for each in values])
    close(logits, torch.stack(expected_logits))
    close(losses, torch.stack(expected_losses))
    close(weight_gradient, product.flat(net, networks, product.gradient))
    expected_gradient = product.table(networks, gradients)
    # In a training pass the mix rides on the batch norm before the ReLU, where it exists, and its gradient is
    # lost where the mix is exactly zero. No training pass asks for it there: softmax makes no zeros, and the
    # weight step of these spaces takes no gradient of the mix.
    positive = mix > 0 if training and name.startswith("oneshot") else torch.ones_like(mix, dtype=torch.bool)
    present = torch.from_numpy(net.space.mask).expand_as(mix)
    close(mix_gradient * positive * present, expected_gradient * positive)
    for network in networks:
        network.zero_grad()

    expected = product.fresh_statistics(net, networks)
    assert set(expected) == set(statistics)
    for each, found in statistics.items():
        for there, one in zip(expected[each], found, strict=True):
            close(one, there)


@pytest.mark.parametrize("name", ["nasbench201", "oneshot 2"])
def test_passes_that_should_not_move_the_statistics(name):
    networks = networks_of(name)
    net = product.supernet(networks)
    mix = product.table(networks, mixes_of(networks, False))
    weights = product.flat(net, networks)
    x = product.images([batch_of(seed, 4, 16)[0] for seed in range(SEEDS)])
    statistics = product.fresh_statistics(net, networks)
    logits = net.forward(weights, statistics, x, mix, training=True, update=False)
    net.forward(weights, statistics, x, mix, training=False)
    for each, there in product.fresh_statistics(net, networks).items():
        assert torch.equal(statistics[each][0], there[0])
        assert torch.equal(statistics[each][1], there[1])
    assert_close(net.forward(weights, statistics, x, mix, training=True), logits)


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes(name):
    network = NETWORKS[name]()
    net = product.supernet([network])
    assert net.size == sum(each.numel() for each in network.parameters())
    assert net.space.alphas == sum(each.numel() for each in network.arch_parameters())


@pytest.mark.parametrize(
    ("network", "size", "maps"),
    [
        (nasbench201.Network, 1_686_106, [32, 16, 8]),
        (partial(nasbench201.Network, conv_bias=True), 1_692_826, [32, 16, 8]),
        (partial(oneshot.Network, 1), 1_101_402, [32, 17, 9]),
        (partial(oneshot.Network, 2), 1_101_402, [32, 17, 9]),
        (partial(oneshot.Network, 3), 1_509_594, [32, 17, 9]),
    ],
)
def test_the_full_networks(network, size, maps):
    net = product.supernet([network()])
    assert net.size == size
    assert net.space.skeleton.feature_maps(32) == maps
    # What a space has by default is what the authors' code has.
    assert net.config.channels == net.space.supernet.channels == 16
    assert net.config == net.space.supernet or net.config.conv_bias


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_know_their_operations(name):
    """The weights that the suite counts to an operation are the reference's."""
    network = NETWORKS[name]()
    net = product.supernet([network])
    rows, columns = net.space.mask.shape
    owners = net.layout.owners(columns, unowned=rows * columns)
    marks = {}
    for row in range(len(network.arch_parameters()[0])):
        for column in range(network.arch_parameters()[0].shape[1]):
            for weight in network.operation_parameters(row, column):
                marks[id(weight)] = row * columns + column

    def mark(weight):
        return torch.full_like(weight, marks.get(id(weight), rows * columns))

    assert torch.equal(product.flat(net, [network], mark)[0].long(), owners)


@pytest.mark.parametrize("network", [nasbench201.Network, partial(oneshot.Network, 3)])
def test_initial_weights_are_drawn_as_pytorch_draws_them(network):
    torch.manual_seed(0)
    networks = [network()]
    net = product.supernet(networks)
    ours = net.pieces(net.layout.initial(torch.Generator().manual_seed(0))[None])
    theirs = product.pieces(networks[0])
    for name, found in ours.items():
        expected = theirs[name]
        if expected.unique().numel() == 1:
            assert torch.equal(found[0], expected), name
        elif expected.numel() > 500:
            assert found.abs().max().item() == pytest.approx(expected.abs().max().item(), rel=0.03), name
            assert found.std().item() == pytest.approx(expected.std().item(), rel=0.1), name


@pytest.mark.parametrize("name", ["nasbench201", pytest.param("oneshot 1", marks=pytest.mark.slow)])
def test_the_eigenvalue_of_the_architecture_hessian(name, monkeypatch):
    """The largest eigenvalue by double differentiation, plus 1e-3, against a Hessian by rows."""
    networks = networks_of(name)
    for network in networks:
        for alpha in network.arch_parameters():
            alpha.data.normal_()
    batches = [batch_of(seed, 4, 8) for seed in range(SEEDS)]
    learner = product.learner(networks, TRAINING)
    samples = Samples(product.images([x for x, _ in batches]), torch.stack([y for _, y in batches]))
    monkeypatch.setattr(measurements, "_one_batch", lambda feed, epoch: samples)
    before = learner.state.weights.clone()
    found = measurements.eigenvalue(learner, Any, 0)
    assert torch.equal(before, learner.state.weights)
    for value, network, (x, y) in zip(found, networks, batches, strict=True):
        shapes = [each.shape for each in network.arch_parameters()]

        def loss(flat, network=network, x=x, y=y, shapes=shapes):
            parts = flat.split([shape.numel() for shape in shapes])
            mix = [part.view(shape).softmax(-1) for part, shape in zip(parts, shapes, strict=True)]
            return cross_entropy(network(x, mix), y)

        raw = torch.cat([each.detach().flatten() for each in network.arch_parameters()])
        hessian = torch.autograd.functional.hessian(loss, raw) + 1e-3 * torch.eye(len(raw), dtype=raw.dtype)
        expected = torch.linalg.eigvals(hessian).real.max().abs().item()
        assert value == pytest.approx(expected, rel=1e-8)
