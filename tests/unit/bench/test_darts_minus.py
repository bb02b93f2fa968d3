"""DARTS-'s auxiliary skip connection: numbers worked out by hand, its schedule, and its spaces."""

import pytest
import torch

import spaces
from bench.methods import darts_minus, method

ALPHA = torch.tensor([[[0.1, 0.0, -0.1, 0.2, 0.0]]], dtype=torch.float64)
BETA = torch.tensor(0.6, dtype=torch.float64)
ROWS = torch.tensor([True])


def test_beta_is_added_to_the_entry_of_the_skip_connection():
    mix = darts_minus.with_skip(torch.softmax(ALPHA, -1), BETA, 1, ROWS)
    expected = torch.tensor([[[0.2113, 0.7912, 0.1730, 0.2335, 0.1912]]], dtype=torch.float64)
    torch.testing.assert_close(mix, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("beta", [0.0, 0.6, 5.0])
def test_the_gradient_is_that_of_the_softmax_whatever_beta(beta):
    alpha = ALPHA.clone().requires_grad_()
    upstream = torch.tensor([[[0.5, -1.0, 2.0, 0.0, 1.0]]], dtype=torch.float64)
    mix = darts_minus.with_skip(torch.softmax(alpha, -1), torch.tensor(beta, dtype=torch.float64), 1, ROWS)
    (gradient,) = torch.autograd.grad((mix * upstream).sum(), alpha)
    expected = torch.tensor([[[0.0102, -0.2775, 0.2678, -0.1054, 0.1048]]], dtype=torch.float64)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=5e-5)


def test_beta_falls_to_its_last_part():
    values = [darts_minus.decay(darts_minus.Params(), epoch, 100)["beta"] for epoch in (0, 1, 99)]
    assert values == pytest.approx([1.0, 0.99, 0.01], abs=1e-12)


@pytest.mark.parametrize("name", spaces.names())
def test_a_space_without_a_skip_connection_is_refused_with_the_reason(name):
    reason = method.find("darts-minus").spaces(spaces.find(name))
    one_each = {"nasbench201", "darts", "darts-no-none", "darts-s2", "darts-s3", "darts-1skip", "darts-3skip"}
    assert (reason == "") == (name in one_each)
    assert not reason or "skip connection" in reason


def test_the_weights_of_edges_have_no_skip_connection(start):
    begun = start("darts", "darts-minus", "space.darts.supernet.edge_weights=true")
    seen, rows = [], begun.learner.operation_rows
    loss = begun.learner.loss

    def noted(weights, mix, samples, **how):
        seen.append(mix.detach().sum(-1))
        return loss(weights, mix, samples, **how)

    begun.learner.loss = noted
    begun.step(begun.batches()[0])
    assert len(seen) == 2
    for sums in seen:
        torch.testing.assert_close(sums[:, rows], torch.full_like(sums[:, rows], 2.0))
        torch.testing.assert_close(sums[:, ~rows], torch.ones_like(sums[:, ~rows]))
