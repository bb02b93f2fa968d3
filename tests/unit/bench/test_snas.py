"""SNAS's smooth draws: the whole gradient, and the temperature."""

import pytest
import torch

from bench.methods import snas
from bench.steps import sampling


def test_the_gradient_is_the_whole_softmax_s():
    alpha = torch.tensor([[[0.1, 0.0, -0.1]]], dtype=torch.float64, requires_grad=True)
    noise = torch.tensor([[[0.2, 0.5, 0.1]]], dtype=torch.float64)
    mix = sampling.relaxed(alpha, torch.ones(1, 3, dtype=torch.bool), noise, torch.tensor(2.0))
    upstream = torch.tensor([[[3.0, -1.0, 2.0]]], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((mix * upstream).sum(), alpha)
    expected = torch.tensor([[[0.300201, -0.413484, 0.113283]]], dtype=torch.float64)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-6)


def test_tau_falls_and_ends_one_epoch_short():
    values = [snas.temperature(snas.Params(), epoch, 100)["tau"] for epoch in (0, 1, 99)]
    assert values == pytest.approx([10, 9.91, 1.09], abs=1e-12)


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-2"])
def test_the_weights_see_the_second_draw(start, space):
    begun, plain = start(space, "snas"), start(space, "snas")
    batch = begun.batches()[0]
    begun.step(batch)
    learner = plain.learner
    plain_batch = plain.batches()[0]
    from bench.steps import bilevel

    noise = plain_batch.draws["gumbel"]

    def drawn(alpha, place):
        return sampling.relaxed(alpha, learner.mask, noise[:, place], plain_batch.scalars["tau"])

    learner.alpha_step(bilevel.gradient_through(learner, plain_batch, lambda alpha: drawn(alpha, 0)))
    learner.weight_step(plain_batch.train, drawn(learner.state.alpha, 1), plain_batch.lr)
    assert torch.equal(begun.learner.state.weights, learner.state.weights)
    assert torch.equal(begun.learner.state.alpha, learner.state.alpha)
