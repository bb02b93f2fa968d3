"""DrNAS's samples and their gradient: numbers worked out by hand, moments, and torch's own Dirichlet."""

import pytest
import torch
from torch.distributions import Dirichlet

from bench.methods import drnas
from bench.steps import bilevel

C = torch.tensor([[[0.9, 1.0, 1.2, 1.1, 0.8]]], dtype=torch.float64)
X = torch.tensor([[[0.1, 0.2, 0.3, 0.25, 0.15]]], dtype=torch.float64)
ALL = torch.ones(1, 5, dtype=torch.bool)


def alpha_of(concentration):
    """Return the alpha of a concentration: the inverse of elu + 1."""
    return torch.where(concentration < 1, concentration.log(), concentration - 1)


def proposals(count, entries, seed=0):
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(count, drnas.PROPOSALS, 1, entries, generator=generator, dtype=torch.float64)
    uniform = torch.rand(count, drnas.PROPOSALS + 1, 1, entries, generator=generator, dtype=torch.float64)
    return normal, uniform


def test_the_concentration_is_positive():
    alpha = torch.tensor([-1, -0.001, 0, 1], dtype=torch.float64)
    expected = torch.tensor([0.367879, 0.9990005, 1, 2], dtype=torch.float64)
    torch.testing.assert_close(drnas.concentration(alpha), expected, rtol=0, atol=1e-6)


def test_the_gradient_is_the_worked_example():
    """It is given in the concentration; the chain rule to alpha is a factor."""
    alpha = alpha_of(C)
    chain = torch.where(alpha < 0, alpha.exp(), 1)
    upstream = torch.zeros_like(C)
    upstream[..., 0] = 1
    found = drnas.pathwise(upstream, X, alpha, ALL) / chain
    expected = torch.tensor([[[0.1653, -0.0251, -0.0274, -0.0264, -0.0251]]], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=6e-5)


def test_the_gradient_is_that_of_torch_s_dirichlet():
    alpha = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    torch.manual_seed(1)
    drawn = Dirichlet(drnas.concentration(alpha)).rsample()
    upstream = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (expected,) = torch.autograd.grad((drawn * upstream).sum(), alpha)
    found = drnas.pathwise(upstream, drawn.detach(), alpha.detach(), torch.ones(4, 5, dtype=torch.bool))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_samples_have_the_moments_of_a_dirichlet():
    count = 20_000
    alpha = alpha_of(C).expand(count, 1, 5)
    drawn = drnas.sample(alpha, ALL, *proposals(count, 5))
    torch.testing.assert_close(drawn.sum(-1), torch.ones(count, 1, dtype=torch.float64))
    total = C.sum()
    mean, variance = C[0, 0] / total, C[0, 0] * (total - C[0, 0]) / (total**2 * (total + 1))
    assert ((drawn.mean(0)[0] - mean).abs() < 5 * (variance / count).sqrt()).all()
    fourth = ((drawn[:, 0] - mean) ** 4).mean(0)
    assert ((drawn[:, 0].var(0) - variance).abs() < 5 * ((fourth - variance**2) / count).sqrt()).all()


@pytest.mark.parametrize("shape", [0.05, 0.7, 1.0, 3.0, 40.0])
def test_gamma_variables_have_the_distribution_of_their_shape(shape):
    """Against scipy's by the Kolmogorov-Smirnov distance, whose 1 in 10,000 level is 2.23 / sqrt(n)."""
    from scipy import stats

    count = 20_000
    drawn = drnas.gamma(torch.full((count, 1, 1), shape, dtype=torch.float64), *proposals(count, 1, seed=3))
    distance = stats.kstest(drawn.flatten().numpy(), stats.gamma(shape).cdf).statistic
    assert distance < 2.23 / count**0.5


def test_the_mean_gradient_is_that_of_the_mean():
    """Over many samples the pathwise gradient of x_0 averages to d(c_0 / sum c) / dc."""
    count = 20_000
    alpha = alpha_of(C).expand(count, 1, 5)
    drawn = drnas.sample(alpha, ALL, *proposals(count, 5, seed=4))
    upstream = torch.zeros(count, 1, 5, dtype=torch.float64)
    upstream[..., 0] = 1
    c = C.clone().requires_grad_()
    (expected,) = torch.autograd.grad((c / c.sum(-1, keepdim=True))[..., 0].sum(), c)
    found = drnas.pathwise(upstream, drawn, alpha, ALL) / torch.where(alpha < 0, alpha.exp(), 1)
    error = found.std(0) / count**0.5
    assert ((found.mean(0) - expected[0]).abs() < 5 * error).all()


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-2"])
def test_the_alphas_see_the_first_sample_and_the_weights_the_second(start, space):
    begun, plain = start(space, "drnas"), start(space, "drnas")
    (state, mask), batch = (plain.learner.state, plain.learner.mask), plain.batches()[0]
    begun.step(begun.batches()[0])

    def drawn(place):
        return drnas.sample(state.alpha, mask, batch.draws["normal"][:, place], batch.draws["uniform"][:, place])

    first = drawn(0)
    gradient = bilevel.mix_gradient(plain.learner, batch, first)
    plain.learner.alpha_step(drnas.pathwise(gradient, first, state.alpha, mask))
    plain.learner.weight_step(batch.train, drawn(1), batch.lr)
    assert torch.equal(begun.learner.state.alpha, state.alpha)
    assert torch.equal(begun.learner.state.weights, state.weights)


def test_where_no_proposal_is_accepted_the_last_one_counts():
    shape = torch.full((1, 1, 1), 2.0, dtype=torch.float64)
    normal = torch.full((1, drnas.PROPOSALS, 1, 1), -40.0, dtype=torch.float64)  # a negative cube: never accepted
    uniform = torch.full((1, drnas.PROPOSALS + 1, 1, 1), 0.5, dtype=torch.float64)
    found = drnas.gamma(shape, normal, uniform)
    assert found.isfinite().all()
    assert (found > 0).all()


def test_tiny_concentrations_stay_finite_in_float32():
    alpha = torch.full((2, 3, 4), -60.0)
    mask = torch.tensor([[True, True, True, False]] * 3)
    normal, uniform = proposals(2, 4)
    drawn = drnas.sample(alpha, mask, normal.float().expand(-1, -1, 3, -1), uniform.float().expand(-1, -1, 3, -1))
    gradient = drnas.pathwise(torch.ones_like(drawn), drawn, alpha, mask)
    assert drawn.isfinite().all()
    assert gradient.isfinite().all()
    assert not drawn[:, ~mask].any()
    assert not gradient[:, ~mask].any()
