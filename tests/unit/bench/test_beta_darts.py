"""β-DARTS's regulariser: numbers worked out by hand, and its schedule."""

from types import SimpleNamespace

import pytest
import torch

from bench.methods import beta_darts

ROWS = torch.tensor([[[0.0, 1.0, 2.0], [0.5, 0.5, -1.0]]], dtype=torch.float64)
ALL = torch.ones(2, 3, dtype=torch.bool)


def regulariser(alpha, mask):
    """Return the mean over rows of log sum exp(alpha), ``(S,)``."""
    return alpha.masked_fill(~mask, -float("inf")).logsumexp(-1).mean(-1)


def test_the_regulariser_is_the_mean_log_sum_exp():
    assert regulariser(ROWS, ALL).item() == pytest.approx(1.8532610746, abs=1e-9)
    even = torch.zeros(1, 6, 5, dtype=torch.float64)
    everything = torch.ones(6, 5, dtype=torch.bool)
    assert regulariser(even, everything).item() == pytest.approx(1.609438, abs=1e-6)
    gradient = beta_darts.regulariser_gradient(even, everything)
    torch.testing.assert_close(gradient, torch.full_like(even, 1 / 30), rtol=0, atol=1e-15)


def test_its_gradient_is_that_of_autograd_and_of_the_worked_example():
    alpha = ROWS.clone().requires_grad_()
    (expected,) = torch.autograd.grad(regulariser(alpha, ALL).sum(), alpha)
    gradient = beta_darts.regulariser_gradient(ROWS, ALL)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=0)
    printed = torch.tensor([[[0.0450, 0.1224, 0.3326], [0.2249, 0.2249, 0.0502]]], dtype=torch.float64)
    torch.testing.assert_close(gradient, printed, rtol=0, atol=5e-5)
    torch.testing.assert_close(gradient.sum(-1), torch.full((1, 2), 0.5, dtype=torch.float64))


def test_the_padding_neither_counts_nor_moves():
    mask = torch.tensor([[True, True, False], [True, True, True]])
    alpha = torch.where(mask, ROWS, 0)
    wide = torch.cat([alpha, torch.full((1, 2, 2), 7.0, dtype=torch.float64)], dim=-1)
    padded = torch.cat([mask, torch.zeros(2, 2, dtype=torch.bool)], dim=-1)
    assert torch.equal(regulariser(alpha, mask), regulariser(wide, padded))
    gradient = beta_darts.regulariser_gradient(wide, padded)
    assert not gradient[:, ~padded].any()
    torch.testing.assert_close(gradient[..., :3], beta_darts.regulariser_gradient(alpha, mask), rtol=1e-15, atol=0)


def test_lambda_grows_by_epoch():
    values = [beta_darts.decay(beta_darts.Params(), epoch, 100)["lambda"] for epoch in (0, 1, 99)]
    assert values == pytest.approx([0.0, 0.5, 49.5], abs=1e-12)
    assert beta_darts.decay(beta_darts.Params(), 0, 1) == {"lambda": 0.0}


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-2"])
def test_the_alpha_gradient_is_that_of_the_whole_loss(start, space):
    begun = start(space, "beta-darts")
    learner, batch = begun.learner, begun.batches(epoch=1)[0]
    alpha = learner.state.alpha.clone().requires_grad_()
    mix = torch.softmax(alpha.masked_fill(~learner.mask, -torch.inf), -1)
    loss = learner.loss(learner.state.weights, mix, batch.valid, update=False).loss
    whole = loss + batch.scalars["lambda"] * regulariser(alpha, learner.mask)
    (expected,) = torch.autograd.grad(whole.sum(), alpha)
    assert batch.scalars["lambda"] == 25
    torch.testing.assert_close(beta_darts.alpha_gradient(learner, batch), expected, rtol=1e-9, atol=1e-12)


def test_the_first_epoch_is_that_of_darts(start):
    """Lambda is zero in it."""
    ends = []
    for name in ("beta-darts", "darts"):
        begun = start("nasbench201", name)
        for batch in begun.batches(epoch=0):
            begun.step(batch)
        ends.append(begun.learner.state)
    assert torch.equal(ends[0].alpha, ends[1].alpha)
    assert torch.equal(ends[0].weights, ends[1].weights)


def test_deviations_are_stated_where_they_hold():
    slope, rows = beta_darts.DEVIATIONS
    protocol = SimpleNamespace(params=beta_darts.Params(), training=SimpleNamespace(epochs=100))
    arm = SimpleNamespace(space=SimpleNamespace(operation_rows=torch.ones(6, dtype=torch.bool)), protocol=protocol)
    assert not slope.holds(arm)
    protocol.training.epochs = 25
    assert slope.holds(arm)
    assert not rows.holds(arm)
    arm.space.operation_rows[0] = False
    assert rows.holds(arm)
