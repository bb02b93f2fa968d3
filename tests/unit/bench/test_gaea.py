"""GAEA's exponentiated gradient: a number worked out by hand, and what it leaves alone."""

import pytest
import torch

from bench.methods import gaea

GRADIENT = torch.tensor([[[0.5, -1.0, 2.0, 0.0, 1.0]]], dtype=torch.float64)


def test_the_step_is_the_worked_example():
    even = torch.full((1, 1, 5), 0.2, dtype=torch.float64)
    found = gaea.moved(even, GRADIENT, torch.ones(1, 5, dtype=torch.bool), 0.1)
    expected = torch.tensor([[[0.1990, 0.2312, 0.1713, 0.2092, 0.1893]]], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-5)


def test_a_mix_never_leaves_the_simplex_or_reaches_its_edge():
    mask = torch.tensor([[True, True, True, True, False]])
    mix = torch.tensor([[[1.0, 0.0, 0.0, 0.0, 0.0]]], dtype=torch.float64)
    found = gaea.moved(mix, 1e4 * GRADIENT.clamp(min=0), mask, 0.1)
    assert found.sum().item() == pytest.approx(1)
    assert (found[..., :4] > 0).all()
    assert found[..., 4] == 0


def test_the_alphas_hold_the_logarithm_of_the_mix(start):
    begun = start("nasbench1shot1-2", "gaea")
    learner, batch = begun.learner, begun.batches()[0]
    from bench.steps import bilevel

    before = learner.mix()
    twin = start("nasbench1shot1-2", "gaea")
    gradient = bilevel.mix_gradient(twin.learner, batch, before)
    begun.step(batch)
    expected = gaea.moved(before, gradient, learner.mask, 0.1)
    torch.testing.assert_close(learner.mix(), expected, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(learner.state.alpha[:, learner.mask].exp(), expected[:, learner.mask])
    assert not learner.state.steps.any()
