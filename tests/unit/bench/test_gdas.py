"""GDAS's draws and gradients: numbers worked out by hand, frequencies, and the temperature."""

import pytest
import torch

from bench.methods import gdas
from bench.steps import bilevel, sampling

ALPHA = torch.tensor([[[0.1, 0.0, -0.1]]], dtype=torch.float64)
NOISE = torch.tensor([[[0.2, 0.5, 0.1]]], dtype=torch.float64)
UPSTREAM = torch.tensor([[[3.0, -1.0, 2.0]]], dtype=torch.float64)
ALL = torch.ones(1, 3, dtype=torch.bool)
OPERATIONS = torch.ones(1, dtype=torch.bool)


def close(actual, expected):
    torch.testing.assert_close(actual, torch.tensor([[expected]], dtype=torch.float64), rtol=0, atol=1e-6)


def test_the_relaxed_mix_is_the_worked_example():
    close(sampling.relaxed(ALPHA, ALL, NOISE, torch.tensor(2.0)), [0.337168, 0.372628, 0.290203])


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [("straight-through", [0.300201, -0.413484, 0.113283]), ("chosen", [0.062819, -0.116888, 0.054069])],
)
def test_the_gradient_is_the_worked_example(gradient, expected):
    alpha = ALPHA.clone().requires_grad_()
    mix = gdas.hard(sampling.relaxed(alpha, ALL, NOISE, torch.tensor(2.0)), ALL, OPERATIONS, gradient)
    assert mix.tolist() == [[[0.0, 1.0, 0.0]]]
    (found,) = torch.autograd.grad((mix * UPSTREAM).sum(), alpha)
    close(found, expected)
    assert found.sum().item() == pytest.approx(0, abs=1e-12)


def test_tau_falls_to_its_end():
    values = [gdas.temperature(gdas.Params(), epoch, 250)["tau"] for epoch in (0, 124, 249)]
    assert values == pytest.approx([10, 5.0699, 0.1], abs=1e-4)
    assert gdas.temperature(gdas.Params(), 0, 1) == {"tau": 10.0}


@pytest.mark.parametrize("tau", [0.1, 10.0])
def test_an_operation_is_drawn_as_often_as_its_share(tau):
    count = 100_000
    alpha = torch.tensor([1.0, 0.0, -1.0, 0.5], dtype=torch.float64).expand(count, 1, 4)
    mask = torch.tensor([[True, True, True, False]])
    noise = sampling.gumbel(torch.Generator().manual_seed(0), count, 1, 4)
    mix = gdas.hard(sampling.relaxed(alpha, mask, noise, torch.tensor(tau)), mask, OPERATIONS, "chosen")
    share = torch.softmax(alpha[0, 0, :3], -1)
    limit = 5 * (share * (1 - share) / count).sqrt()
    assert ((mix.mean(0)[0, :3] - share).abs() < limit).all()
    assert not mix[..., 3].any()
    assert set(mix.flatten().tolist()) == {0.0, 1.0}


def test_parents_stay_soft(start):
    learner = start("nasbench1shot1-2", "gdas").learner
    noise = sampling.gumbel(torch.Generator().manual_seed(0), *learner.state.alpha.shape)
    relaxed = sampling.relaxed(learner.state.alpha, learner.mask, noise, torch.tensor(1.0))
    mix = gdas.hard(relaxed, learner.mask, learner.operation_rows, "chosen")
    assert torch.equal(mix[:, ~learner.operation_rows], relaxed[:, ~learner.operation_rows])
    assert (mix[:, learner.operation_rows].max(-1).values == 1).all()
    assert not mix[:, ~learner.mask].any()


def test_the_noise_is_finite_at_both_ends(monkeypatch):
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: ends.clone())
    assert sampling.gumbel(torch.Generator(), 2).isfinite().all()


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-2"])
def test_the_alphas_see_the_first_draw_and_the_weights_the_second(start, space):
    begun, plain = start(space, "gdas"), start(space, "gdas")
    learner, batch = plain.learner, plain.batches()[0]
    begun.step(begun.batches()[0])

    def drawn(alpha, place):
        noise, tau = batch.draws["gumbel"][:, place], batch.scalars["tau"]
        mix = sampling.relaxed(alpha, learner.mask, noise, tau)
        return gdas.hard(mix, learner.mask, learner.operation_rows, begun.protocol.params.gradient)

    learner.alpha_step(bilevel.gradient_through(learner, batch, lambda alpha: drawn(alpha, 0)))
    learner.weight_step(batch.train, drawn(learner.state.alpha, 1), batch.lr)
    assert torch.equal(begun.learner.state.alpha, learner.state.alpha)
    assert torch.equal(begun.learner.state.weights, learner.state.weights)


def test_both_halves_of_a_step_draw_anew(start):
    noise = start("nasbench201", "gdas").batches()[0].draws["gumbel"]
    assert not torch.equal(noise[:, 0], noise[:, 1])
