import pytest
import torch

from bench.steps import optim

SEEDS, SIZE, STEPS = 3, 7, 5


def gradients(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [10 * torch.randn(SEEDS, SIZE, generator=generator, dtype=torch.float64) for _ in range(STEPS)]


def start():
    return torch.linspace(-2, 2, SEEDS * SIZE, dtype=torch.float64).view(SEEDS, SIZE)


def pytorchs(make):
    """Where torch.optim brings each seed's weights on the same gradients."""
    weights = [torch.nn.Parameter(row.clone()) for row in start()]
    optimizers = [make([w]) for w in weights]
    for gradient in gradients():
        for weight, row, optimizer in zip(weights, gradient, optimizers, strict=True):
            weight.grad = row.clone()
            optimizer.step()
    return torch.stack([w.detach() for w in weights])


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.0, 3e-2])
def test_sgd_is_pytorchs(nesterov, decay):
    weights, momentum = start(), torch.zeros(SEEDS, SIZE, dtype=torch.float64)
    for gradient in gradients():
        lr = torch.tensor(0.025, dtype=torch.float64)
        optim.sgd(weights, momentum, gradient, lr=lr, mu=0.9, decay=decay, nesterov=nesterov)
    expected = pytorchs(lambda w: torch.optim.SGD(w, lr=0.025, momentum=0.9, weight_decay=decay, nesterov=nesterov))
    torch.testing.assert_close(weights, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("decay", [0.0, 1e-3])
@pytest.mark.parametrize("betas", [(0.5, 0.999), (0.9, 0.99)])
def test_adam_is_pytorchs(decay, betas):
    alpha = start()
    first, second, steps = torch.zeros_like(alpha), torch.zeros_like(alpha), torch.zeros((), dtype=torch.float64)
    for gradient in gradients():
        optim.adam(alpha, first, second, steps, gradient, lr=3e-2, betas=betas, decay=decay)
    expected = pytorchs(lambda w: torch.optim.Adam(w, lr=3e-2, betas=betas, weight_decay=decay))
    torch.testing.assert_close(alpha, expected, rtol=1e-12, atol=1e-12)
    assert steps.item() == STEPS


def test_adam_moves_by_momentum_alone():
    alpha = torch.zeros(1, 1, dtype=torch.float64)
    state = (torch.zeros_like(alpha), torch.zeros_like(alpha), torch.zeros((), dtype=torch.float64))
    optim.adam(alpha, *state, torch.ones_like(alpha), lr=0.1, betas=(0.5, 0.999))
    before = alpha.clone()
    optim.adam(alpha, *state, torch.zeros_like(alpha), lr=0.1, betas=(0.5, 0.999))
    # 0.25 / 0.75 over sqrt(0.000999 / 0.001999): about half a step
    assert float(before - alpha) == pytest.approx(0.1 / 3 / (0.000999 / 0.001999001) ** 0.5, rel=1e-3)


@pytest.mark.parametrize("limit", [0.5, 3.0, 1e6])
def test_clipping_is_pytorchs_for_each_seed_on_its_own(limit):
    gradient = gradients()[0] * torch.tensor([[1e-3], [1.0], [50.0]], dtype=torch.float64)
    clipped = optim.clip_norm(gradient, limit)
    for row, before in zip(clipped, gradient, strict=True):
        weight = torch.nn.Parameter(torch.zeros(SIZE, dtype=torch.float64))
        weight.grad = before.clone()
        torch.nn.utils.clip_grad_norm_([weight], limit)
        torch.testing.assert_close(row, weight.grad, rtol=1e-13, atol=0)


def test_others_count_in_the_norm_and_are_left_alone():
    gradient, other = gradients()[0], gradients(1)[0].view(SEEDS, 1, SIZE)
    kept = other.clone()
    clipped = optim.clip_norm(gradient, 5.0, other)
    assert torch.equal(other, kept)
    for row, before, beside in zip(clipped, gradient, other, strict=True):
        parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in (before, beside)]
        for parameter, value in zip(parameters, (before, beside), strict=True):
            parameter.grad = value.clone()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        torch.testing.assert_close(row, parameters[0].grad, rtol=1e-13, atol=0)


def test_steps_are_taken_in_place():
    weights, momentum = start(), torch.zeros(SEEDS, SIZE, dtype=torch.float64)
    place = weights.data_ptr(), momentum.data_ptr()
    optim.sgd(weights, momentum, gradients()[0], lr=torch.tensor(0.1, dtype=torch.float64), mu=0.9)
    assert (weights.data_ptr(), momentum.data_ptr()) == place
    assert not torch.equal(weights, start())
