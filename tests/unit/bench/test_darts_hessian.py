"""The Hessian penalty against the exact Hessian, and its gradient against finite differences."""

import pytest
import torch

from bench.methods import darts_hessian
from bench.steps import bilevel
from bench.steps.simplex import softmax

#: The steps of the finite differences suit batches of this size.
BATCH = "training.batch=8"


@pytest.fixture
def begun(start):
    return start("nasbench201", "darts-hessian", BATCH)


def product(learner, batch, weights):
    """Return the exact product of the alpha Hessian with the direction, by double backward."""
    alpha = learner.state.alpha.detach().requires_grad_()
    loss = learner.loss(weights, softmax(alpha, learner.mask), batch.train, update=False).loss
    (gradient,) = torch.autograd.grad(loss.sum(), alpha, create_graph=True)
    return torch.autograd.grad((gradient * batch.draws["direction"]).sum(), alpha)[0]


def test_the_penalty_is_that_of_the_hessian(begun):
    learner, batch = begun.learner, begun.batches()[0]
    params = darts_hessian.Params(eta=3.0, h=1e-4)
    exact = product(learner, batch, learner.state.weights)
    expected = 3.0 / 2 * 30 * exact.square().sum((1, 2))
    found = darts_hessian.penalty(learner, learner.state.weights, batch, params)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)


def test_the_gradient_is_the_slope_of_the_penalty(begun):
    learner, batch, params = begun.learner, begun.batches()[0], darts_hessian.Params(eta=2.0, h=0.05)
    gradient = darts_hessian.penalty_gradient(learner, batch, params)
    way = gradient / gradient.norm(dim=1, keepdim=True)
    above, below = (
        darts_hessian.penalty(learner, learner.state.weights + sign * 1e-5 * way, batch, params) for sign in (1, -1)
    )
    torch.testing.assert_close((above - below).detach() / 2e-5, gradient.norm(dim=1), rtol=1e-4, atol=0)


def test_the_weights_descend_loss_and_penalty(start):
    begun, plain = (start("nasbench201", "darts-hessian", BATCH, "training.clip=0") for _ in range(2))
    learner, batch = plain.learner, plain.batches()[0]
    begun.step(begun.batches()[0])
    learner.alpha_step(bilevel.first_order(learner, batch))
    weights = learner.state.weights.clone().requires_grad_()
    loss = learner.loss(weights, learner.mix(), batch.train, update=False).loss
    (gradient,) = torch.autograd.grad(loss.sum(), weights)
    learner.descend(gradient + darts_hessian.penalty_gradient(learner, batch, plain.protocol.params), batch.lr)
    torch.testing.assert_close(begun.learner.state.weights, learner.state.weights, rtol=1e-9, atol=0)


def test_directions_are_of_length_one_and_leave_the_padding(start):
    begun = start("nasbench1shot1-2", "darts-hessian", BATCH)
    direction = begun.batches()[0].draws["direction"]
    torch.testing.assert_close(direction.norm(dim=(1, 2)), torch.ones(2, dtype=torch.float64))
    assert not direction[:, ~begun.learner.mask].any()


def test_statistics_move_as_in_darts(begun, start):
    plain = start("nasbench201", "darts", BATCH)
    for each in (begun, plain):
        each.step(each.batches()[0])
    for name, ours in begun.learner.state.statistics.items():
        assert torch.equal(ours[0], plain.learner.state.statistics[name][0])
