"""The reference steps against closed forms, automatic differentiation and what they must leave alone."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from . import reference_methods as methods
from . import reference_sdarts as sdarts
from .small import SPACES, batch_of, furthest, network_of, noise_for, values


def test_learning_rates():
    assert methods.cosine_rate(0, 100) == 0.025
    assert methods.cosine_rate(0, 50, shifted=True) == pytest.approx(0.024976, abs=5e-7)
    assert methods.cosine_rate(0, 100, shifted=True) == pytest.approx(0.024994, abs=5e-7)
    assert methods.cosine_rate(49, 50, shifted=True) == pytest.approx(0.001, abs=1e-15)
    assert methods.cosine_rate(99, 100, shifted=True) == pytest.approx(0.001, abs=1e-15)
    assert methods.cosine_rate(25, 50, shifted=True) == pytest.approx(0.012247, abs=5e-7)
    assert methods.unroll_rate(25, 50) == pytest.approx(0.011540, abs=5e-7)


def test_shifted_rates_are_those_of_a_scheduler_stepped_first():
    weight = nn.Parameter(torch.zeros(()))
    optimiser = torch.optim.SGD([weight], lr=0.025)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 20, eta_min=0.001)
    optimiser.step()
    for epoch in range(20):
        assert optimiser.param_groups[0]["lr"] == pytest.approx(methods.cosine_rate(epoch, 20), rel=1e-9)
        scheduler.step()
        rate = methods.cosine_rate(epoch, 20, shifted=True)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_each_half_of_a_step_leaves_the_other_half_alone(space):
    search = methods.Search(network_of(space))
    weights = [each.detach().clone() for each in search.weights]
    alphas = [each.detach().clone() for each in search.alphas]
    methods.alpha_step(search, batch_of(0))
    assert furthest(weights, search.weights) == 0.0
    first = [3e-4 * torch.sign(after - before) for before, after in zip(alphas, search.alphas, strict=True)]
    for before, after, move in zip(alphas, search.alphas, first, strict=True):
        torch.testing.assert_close(after, before + move, rtol=0, atol=1e-7)  # Adam's first step is its rate
    alphas = [each.detach().clone() for each in search.alphas]
    noise = noise_for(search, 0)
    methods.weight_step(search, batch_of(1), lambda there, _: sdarts.shake(there, 0.3, noise))
    assert furthest(alphas, search.alphas) == 0.0
    assert furthest(weights, search.weights) > 0.0
    assert all(each.grad is None for each in [*search.weights, *search.alphas])


@pytest.mark.parametrize("clip_over", ["weights", "mix", "alphas"])
def test_what_the_clip_norm_is_taken_over(clip_over):
    network = network_of("nasbench201")
    search = methods.Search(network, clip=0.01, clip_over=clip_over, momentum=0.0, weight_decay=0.0)
    train, valid = batch_of(0), batch_of(1)
    methods.alpha_step(search, valid)
    left = search.alphas[0].grad.clone()
    mix = network.alphas.detach().softmax(-1).requires_grad_()
    twin = copy.deepcopy(network)
    loss = cross_entropy(twin(train[0], mix), train[1])
    *gradients, over_mix = torch.autograd.grad(loss, [*twin.parameters(), mix])
    raw = torch.autograd.grad(cross_entropy(twin(train[0]), train[1]), twin.alphas)[0] + left
    counted = {"weights": [], "mix": [over_mix], "alphas": [raw]}[clip_over]
    norm = torch.cat([each.flatten() for each in [*gradients, *counted]]).norm()
    before = [each.detach().clone() for each in search.weights]
    methods.weight_step(search, train)
    for weight, start, gradient in zip(search.weights, before, gradients, strict=True):
        torch.testing.assert_close(
            weight.detach(), start - 0.025 * gradient * 0.01 / (norm + 1e-6), rtol=1e-10, atol=1e-12
        )


class Smooth(nn.Module):
    """A small smooth stand-in for a supernet: no batch norm and no kinks."""

    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(3, 4, 5, dtype=torch.float64))
        self.second = nn.Parameter(torch.randn(5, 6, dtype=torch.float64))
        self.alphas = [torch.randn(1, 3, dtype=torch.float64, requires_grad=True)]

    def arch_parameters(self):
        return self.alphas

    def forward(self, x, weights=None, keep=None):
        mix = (self.alphas[0].softmax(-1) if weights is None else weights[0])[0]
        return self.run(x, mix, self.first, self.second)

    @staticmethod
    def run(x, mix, first, second):
        return torch.tanh(x @ (mix[:, None, None] * torch.sin(first)).sum(0)) @ second


@pytest.mark.parametrize("steps", [0, 2])
def test_the_second_order_gradient_is_that_of_one_step_ahead(steps):
    torch.manual_seed(0)
    network = Smooth()
    search = methods.Search(network, rate=0.1)
    x = torch.randn(2, 8, 4, dtype=torch.float64)
    y = torch.randint(6, (2, 8))
    train, valid = (x[0], y[0]), (x[1], y[1])
    for _ in range(steps):
        methods.weight_step(search, train)
    rate = 0.07
    found, loss = methods.second_order_gradient(search, train, valid, rate)

    alpha = network.alphas[0]
    weights = [network.first, network.second]
    gradients = torch.autograd.grad(
        cross_entropy(network.run(x[0], alpha.softmax(-1)[0], *weights), y[0]), weights, create_graph=True
    )
    ahead = []
    for weight, gradient in zip(weights, gradients, strict=True):
        momentum = search.sgd.state[weight].get("momentum_buffer", torch.zeros_like(weight))
        ahead.append(weight - rate * (0.9 * momentum + gradient + 3e-4 * weight))
    expected = cross_entropy(network.run(x[1], alpha.softmax(-1)[0], *ahead), y[1])
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    exact = torch.autograd.grad(expected, alpha)[0]
    first_order = torch.autograd.grad(
        cross_entropy(network.run(x[1], alpha.softmax(-1)[0], *[each.detach() for each in ahead]), y[1]),
        alpha,
    )[0]
    error = (found[0] - exact).norm() / (first_order - exact).norm()
    assert error < 1e-3  # what is left of the second-order part is the finite difference's own error


@pytest.mark.parametrize("space", SPACES)
def test_the_second_order_step_keeps_the_weights_but_for_the_weight_step(space):
    first, second = methods.Search(network_of(space)), methods.Search(network_of(space))
    train, valid = batch_of(0), batch_of(1)
    methods.darts_step(first, train, valid)
    losses = methods.darts_second_order_step(second, train, valid, unroll=0.0)
    # With nothing unrolled the gradient is that of first order, so both make the same step.
    assert furthest(values(first), values(second)) < 1e-12
    assert set(losses) == {"train", "valid"}
    for a, b in zip(first.network.buffers(), second.network.buffers(), strict=True):
        if b.ndim:  # statistics differ: three more training batches, no validation batch
            assert a.shape == b.shape
        else:
            assert (int(a), int(b)) == (2, 4)
