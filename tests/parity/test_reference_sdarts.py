"""The reference's perturbations against closed forms and what they must leave alone."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

from . import reference_methods as methods
from . import reference_sdarts as sdarts
from .small import SPACES, batch_of, furthest, network_of, noise_for, values


def test_perturbation_radii():
    radii = {epoch: sdarts.perturbation_radius(epoch, 100) for epoch in (0, 1, 50, 99)}
    assert radii == pytest.approx({0: 0.03, 1: 0.0327, 50: 0.165, 99: 0.2973})
    assert sdarts.perturbation_radius(49, 50) == pytest.approx(0.2946)


def test_projection():
    rows = torch.tensor([[-0.3, -0.1, -0.2], [0.2, 1.4, -0.4], [0.0, 0.0, 0.0]], dtype=torch.float64)
    sdarts.project(rows)
    expected = torch.tensor([[0.0, 1.0, 0.0], [0.2 / 1.2, 1 / 1.2, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(rows, expected)
    simplex = torch.rand(50, 5, dtype=torch.float64).softmax(-1)
    there = simplex.clone()
    sdarts.project(there)
    torch.testing.assert_close(there, simplex, rtol=1e-15, atol=1e-15)
    wild = torch.randn(200, 5, dtype=torch.float64)
    sdarts.project(wild)
    torch.testing.assert_close(wild.sum(-1), torch.ones(200, dtype=torch.float64))
    assert wild.min() >= 0.0


def test_the_projection_of_noise_on_uniform_rows():
    generator = torch.Generator().manual_seed(0)
    for size, zeroed, largest in ((5, 0.166, 0.42), (3, 0.0, 0.50), (2, 0.0, 0.60)):
        rows = torch.full((20_000, size), 1 / size, dtype=torch.float64)
        rows += 0.3 * (2 * torch.rand(rows.shape, generator=generator, dtype=torch.float64) - 1)
        sdarts.project(rows)
        assert (rows == 0.0).double().mean().item() == pytest.approx(zeroed, abs=0.005)
        assert rows.max(-1).values.mean().item() == pytest.approx(largest, abs=0.01)


@pytest.mark.parametrize(("space", "order"), list(zip(SPACES, ["alpha-weights", "weights-alpha"] * 2, strict=True)))
def test_perturbations_of_no_size_are_first_order_darts(space, order):
    searches = [methods.Search(network_of(space), clip_over="mix") for _ in range(3)]
    for step in range(2):
        train, valid = batch_of(2 * step), batch_of(2 * step + 1)
        options = {"radius": 1e-14, "noise": noise_for(searches[0], step), "order": order}
        plain = methods.darts_step(searches[0], train, valid, order=order)
        shaken = sdarts.sdarts_rs_step(searches[1], train, valid, **options)
        attacked = sdarts.sdarts_adv_step(searches[2], train, valid, **options)
        for other in (shaken, attacked):
            assert {key: other[key] for key in plain} == pytest.approx(plain, rel=1e-9)
    assert furthest(values(searches[0]), values(searches[1])) < 1e-9
    assert furthest(values(searches[0]), values(searches[2])) < 1e-9


def test_the_weight_step_uses_the_perturbed_values_as_they_are():
    search = methods.Search(network_of("2"))
    noise = noise_for(search, 5)
    mix = [each.softmax(-1).detach() for each in search.alphas]
    for rows, each in zip(mix, noise, strict=True):
        rows += 0.2 * each
        sdarts.project(rows)
    train = batch_of(0)
    expected = cross_entropy(search.network(train[0], mix), train[1]).item()
    assert methods.weight_step(search, train, lambda there, _: sdarts.shake(there, 0.2, noise)) == expected


@pytest.mark.parametrize("space", ["nasbench201", "3"])
def test_the_attack(space):
    search = methods.Search(network_of(space))
    network = search.network
    network(batch_of(9)[0])  # running statistics
    for alpha in search.alphas:
        alpha.data.copy_(alpha.softmax(-1))
    clean = [each.detach().clone() for each in search.alphas]
    batch = batch_of(0)
    modes, gradients = [], []
    network.register_forward_hook(lambda module, _, __: modes.append((module.training, torch.is_grad_enabled())))
    search.weights[0].register_hook(gradients.append)
    statistics = copy.deepcopy(dict(network.named_buffers()))
    met = sdarts.attack(search, batch, 0.1, noise_for(search, 1))
    assert modes == [(False, False)] + [(False, True)] * 7 + [(False, False)]
    assert len(gradients) == 7
    assert network.training
    assert all(torch.equal(each, statistics[name]) for name, each in network.named_buffers())
    assert met["attacked"] > met["clean"]
    assert met["restored"] == 0.0
    network.eval()
    found = cross_entropy(network(batch[0], search.alphas), batch[1]).item()
    assert found == met["attacked"]
    assert 0.01 < furthest(clean, search.alphas) < 0.2
    assert furthest([each.sum(-1) for each in search.alphas], [each.sum(-1) for each in clean]) < 1e-12


def test_an_attack_that_lowers_the_loss_is_undone():
    """Without steps only the noise is left, which sometimes lowers the loss."""
    restored = []
    for seed in range(12):
        search = methods.Search(network_of("1"))
        for alpha in search.alphas:
            alpha.data.copy_(alpha.softmax(-1))
        clean = [each.detach().clone() for each in search.alphas]
        met = sdarts.attack(search, batch_of(0), 0.1, noise_for(search, seed), steps=0)
        assert met["attacked"] >= met["clean"]
        assert (furthest(clean, search.alphas) == 0.0) == bool(met["restored"])
        restored.append(met["restored"])
    assert 0 < sum(restored) < 12


@pytest.mark.parametrize("space", ["nasbench201", "3"])
def test_steps_repeat_exactly_and_learn(space):
    def run():
        search = methods.Search(network_of(space), clip_over="mix" if space == "nasbench201" else "weights")
        losses = []
        for step in range(6):
            noise = noise_for(search, step)
            met = sdarts.sdarts_adv_step(search, batch_of(step % 2), batch_of(2), radius=0.1, noise=noise)
            losses.append(met["train"])
        return losses, values(search)

    (losses, first), (again, second) = run(), run()
    assert losses == again
    assert furthest(first, second) == 0.0
    assert sum(losses[-2:]) < sum(losses[:2])
