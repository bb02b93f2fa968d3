"""DSNAS's credit of a drawn path: a number worked out by hand, and its mean over all draws."""

import pytest
import torch

from bench.methods import dsnas
from bench.steps import sampling

ALPHA = torch.tensor([[[0.1, 0.0, -0.1]]], dtype=torch.float64)
ALL = torch.ones(1, 3, dtype=torch.bool)
OPERATIONS = torch.ones(1, dtype=torch.bool)


def one_hot(place):
    return torch.nn.functional.one_hot(torch.tensor([[place]]), 3).double()


def test_the_gradient_is_the_worked_example():
    reward = torch.tensor([[[9.0, 0.7, 9.0]]], dtype=torch.float64)  # only the chosen entry's counts
    found = dsnas.credit(reward, one_hot(1), ALPHA, ALL, OPERATIONS)
    expected = torch.tensor([[[-0.2570, 0.4674, -0.2104]]], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-5)
    assert found.sum().item() == pytest.approx(0, abs=1e-12)


def test_a_row_without_reward_is_left_alone():
    assert not dsnas.credit(torch.zeros(1, 1, 3, dtype=torch.float64), one_hot(2), ALPHA, ALL, OPERATIONS).any()


def test_its_mean_over_the_draws_is_the_gradient_of_the_mean_reward():
    rewards = torch.tensor([0.3, -0.8, 1.7], dtype=torch.float64)
    alpha = ALPHA.clone().requires_grad_()
    (expected,) = torch.autograd.grad((torch.softmax(alpha, -1) * rewards).sum(), alpha)
    share = torch.softmax(ALPHA, -1)[0, 0]
    each = [dsnas.credit(rewards.expand(1, 1, 3), one_hot(i), ALPHA, ALL, OPERATIONS) for i in range(3)]
    found = sum(p * gradient for p, gradient in zip(share, each, strict=True))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_rows_of_parents_have_the_gradient_of_the_softmax():
    alpha = ALPHA.clone().requires_grad_()
    upstream = torch.tensor([[[0.3, -0.8, 1.7]]], dtype=torch.float64)
    mix = torch.softmax(alpha, -1)
    (expected,) = torch.autograd.grad((mix * upstream).sum(), alpha)
    found = dsnas.credit(upstream, mix.detach(), ALPHA, ALL, ~OPERATIONS)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_weights_descend_the_gradient_of_the_drawn_path_and_alphas_its_credit(start):
    """One step is a step of either of the loss at the drawn mix, on the batch of the weights."""
    begun, plain = start("nasbench1shot1-2", "dsnas"), start("nasbench1shot1-2", "dsnas")
    batch = begun.batches()[0]
    learner = plain.learner
    drawn = sampling.largest(learner.state.alpha + batch.draws["gumbel"], learner.mask)
    mix = torch.where(learner.operation_rows[:, None], drawn, learner.mix())
    seen = mix.clone().requires_grad_()
    loss = learner.loss(learner.state.weights, seen, batch.train, update=False).loss
    (gradient,) = torch.autograd.grad(loss.sum(), seen)
    learner.weight_step(batch.train, mix, batch.lr)
    learner.alpha_step(dsnas.credit(gradient, mix, learner.state.alpha, learner.mask, learner.operation_rows))
    begun.step(batch)
    assert torch.equal(begun.learner.state.weights, learner.state.weights)
    torch.testing.assert_close(begun.learner.state.alpha, learner.state.alpha, rtol=1e-12, atol=0)
