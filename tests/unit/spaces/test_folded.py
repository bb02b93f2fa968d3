"""Convolutions with folded weights against the way that a CPU takes."""

from dataclasses import replace

import pytest
import torch

import spaces
from bench.steps.learner import initial_state
from spaces.supernet import ops
from spaces.supernet.conv import CONV_FORMS, seed_conv, seed_conv_gradient
from spaces.supernet.network import Supernet

SEEDS = 2


def found(monkeypatch, space, config, form, *, on_a_cpu):
    """Return logits and the gradient of a mix of which a part is exactly zero, at frozen weights."""
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: on_a_cpu)
    generator = torch.Generator().manual_seed(1)
    random = lambda *size: torch.rand(size, generator=generator, dtype=torch.float64)  # noqa: E731
    net = Supernet(space, config, form=form)
    state = initial_state(net, tuple(range(SEEDS)), torch.float64, "cpu")
    for mean, variance in state.statistics.values():
        mean.copy_(random(*mean.shape) - 0.5)
        variance.add_(random(*variance.shape))
    images, mix = random(3, 6, 6, SEEDS, 3) - 0.5, random(SEEDS, *net.space.mask.shape)
    mix = torch.where(random(*mix.shape) < 0.4, 0, mix).requires_grad_()
    with torch.no_grad():
        frozen = net.freeze(state.weights, state.statistics)
    assert bool(frozen.folds) is not on_a_cpu
    logits = net.forward_frozen(frozen, images, mix)
    return logits.detach(), torch.autograd.grad((logits * random(*logits.shape)).sum(), mix)[0]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("changes", [{}, {"partial": 2}, {"cell": "published"}, {"conv_bias": True}])
def test_folded_weights_change_neither_values_nor_gradients(monkeypatch, number, changes):
    space = spaces.find(f"nasbench1shot1-{number}")
    config = replace(space.supernet, channels=4, cells=1, **changes)
    (logits, gradient), (plain, expected) = (
        found(monkeypatch, space, config, "grouped", on_a_cpu=on_a_cpu) for on_a_cpu in (False, True)
    )
    torch.testing.assert_close(logits, plain, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-13)
    assert torch.equal(gradient != 0, expected != 0)  # the attack climbs by the sign


@pytest.mark.parametrize("form", CONV_FORMS)
def test_the_gradient_of_a_map_needs_no_forward_pass(form):
    generator = torch.Generator().manual_seed(2)
    for side in (1, 3):
        x = torch.randn(2, 4, 4, SEEDS, 3, generator=generator, dtype=torch.float64, requires_grad=True)
        kernel = torch.randn(SEEDS, 5, 3, side, side, generator=generator, dtype=torch.float64)
        y = seed_conv(x, kernel, form=form)
        upstream = torch.randn(y.shape, generator=generator, dtype=torch.float64)
        expected = torch.autograd.grad(y, x, upstream)[0]
        torch.testing.assert_close(seed_conv_gradient(upstream, x.detach(), kernel, form=form), expected)
