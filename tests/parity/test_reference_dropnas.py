"""The reference's DropNAS against closed forms and the consequences that the authors' code has."""

import random

import pytest
import torch

from . import reference_dropnas as dropnas
from . import reference_methods as methods
from . import reference_nasbench1shot1 as oneshot
from . import reference_nasbench201 as nasbench201
from .small import SPACES, batch_of, furthest, network_of, values


def test_drop_probabilities():
    assert dropnas.drop_probability(3e-5, 4) == pytest.approx(0.0740, abs=5e-5)
    assert dropnas.drop_probability(1e-5, 4) == pytest.approx(0.0562, abs=5e-5)
    assert dropnas.drop_probability(1e-4, 4) == pytest.approx(0.1)
    assert dropnas.drop_probability(3e-5, 2) == pytest.approx(0.0055, abs=5e-5)
    assert dropnas.drop_probability(3e-5, 3) == pytest.approx(0.0311, abs=5e-5)


@pytest.mark.parametrize("groups", [nasbench201.GROUPS, oneshot.GROUPS, ((0, 1, 2, 3), (4, 5, 6, 7))])
def test_drawn_masks(groups):
    probability = 0.074
    keep = dropnas.draw_keep(20_000, groups, probability, random.Random(0))
    some = torch.zeros(20_000, dtype=torch.bool)
    for group in groups:
        kept = keep[:, list(group)]
        assert kept.any(1).all()
        if len(group) == 1:
            assert kept.all()
            continue
        expected = (probability - probability ** len(group)) / (1 - probability ** len(group))
        assert (~kept).double().mean().item() == pytest.approx(expected, abs=0.004)
        some |= ~kept.all(1)
    if len(groups[0]) == 4:
        assert some.double().mean().item() == pytest.approx(0.46, abs=0.01)


def dropnas_search(space):
    return methods.Search(network_of(space), rate=0.0375, weight_decay=0.0, alpha_decay=0.0, clip=3.0)


def masks(search, count, seed=0):
    generator = random.Random(seed)
    groups = search.network.groups
    return [dropnas.draw_keep(len(search.alphas[0]), groups, 0.4, generator) for _ in range(count)]


@pytest.mark.parametrize("space", SPACES)
def test_kept_values_are_a_distribution(space):
    search = dropnas_search(space)
    (keep,) = masks(search, 1)
    mix = dropnas.kept_mix(search.alphas, keep)
    torch.testing.assert_close((mix[0] * keep).sum(-1), torch.ones(len(keep), dtype=torch.float64))
    for alpha, other in zip(search.alphas[1:], mix[1:], strict=True):
        torch.testing.assert_close(other, alpha.softmax(-1))


@pytest.mark.parametrize("space", SPACES)
def test_dropnas_restores_shares_and_moves_dropped_values(space):
    search = dropnas_search(space)
    steps = masks(search, 3)
    assert any((~keep).any() for keep in steps)
    moved = 0.0
    dropnas.dropnas_step(search, batch_of(0), keep=None)
    for step, keep in enumerate(steps):
        before = search.alphas[0].detach().clone()
        shares = [dropnas.kept_share(row, kept) for row, kept in zip(before, keep, strict=True)]
        dropnas.dropnas_step(search, batch_of(step), keep=keep)
        after = search.alphas[0].detach()
        for row, kept, share in zip(after, keep, shares, strict=True):
            # The dropped entries moved by Adam's momentum, and the share is what it was nevertheless.
            assert dropnas.kept_share(row, kept) == pytest.approx(share, abs=1e-9)
        moved = max(moved, (after - before)[~keep].abs().max().item())
    assert moved > 1e-5


def test_the_authors_test_of_activity_misfires_on_the_smallest_maps():
    """On a 2 x 2 map one position decides a 3 x 3 kernel's first gradient, and ReLU may zero it."""
    search = dropnas_search("nasbench201")
    search.loss(batch_of(0)).backward()
    assert any(each.grad.flatten()[0] == 0.0 for each in search.weights)
    search.clear()
    search.loss(batch_of(0, 8, 16)).backward()
    assert not any(each.grad.flatten()[0] == 0.0 for each in search.weights)


@pytest.mark.parametrize("space", SPACES)
def test_ways_to_write_dropnas_that_are_the_same(space):
    searches = [dropnas_search(space) for _ in range(3)]
    ways = [{}, {"active": "keep"}, {"skip": False}]
    for step, keep in enumerate(masks(searches[0], 4)):
        for search, options in zip(searches, ways, strict=True):
            dropnas.dropnas_step(search, batch_of(step, 8, 16), keep=keep, **options)
    assert furthest(values(searches[0]), values(searches[2])) < 1e-12
    assert furthest(values(searches[0]), values(searches[1])) < 1e-12


def test_nothing_dropped_is_the_one_level_step():
    first, second = dropnas_search("2"), dropnas_search("2")
    keep = torch.ones(4, 3, dtype=torch.bool)
    dropnas.dropnas_step(first, batch_of(0), keep=keep)
    dropnas.dropnas_step(second, batch_of(0))
    assert furthest(values(first), values(second)) == 0.0


def test_one_level_decay_is_twice_its_coefficient():
    search = dropnas_search("nasbench201")
    search.sgd.param_groups[0]["momentum"] = 0.0
    search.clip = None
    before = values(search)
    loss = search.loss(batch_of(0, 8, 16))
    gradients = torch.autograd.grad(loss, search.weights)
    dropnas.dropnas_step(search, batch_of(0, 8, 16))
    for start, gradient, weight in zip(before, gradients, search.weights, strict=False):
        once = start - 0.0375 * gradient
        torch.testing.assert_close(weight.detach(), once - 0.0375 * 6e-4 * once, rtol=1e-10, atol=1e-13)


def test_two_sub_steps_carry_adam_further():
    """The dropped gradient of every second step still leaves half of the first moment to move along."""
    for halves, expected in ((1, 0.060), (2, 0.084)):
        alpha = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        adam = torch.optim.Adam([alpha], lr=3e-4, betas=(0.5, 0.999))
        for _ in range(200):
            for half in range(halves):
                alpha.grad = torch.full_like(alpha, float(half == 0))
                adam.step()
        assert -alpha.item() == pytest.approx(expected, abs=0.001)


def test_dropped_weights_go_on_with_their_momentum():
    search = dropnas_search("nasbench201")
    dropnas.dropnas_step(search, batch_of(0))
    keep = torch.ones(6, 5, dtype=torch.bool)
    keep[3, 2] = False
    weight = search.network.operation_parameters(3, 2)[0]
    start = weight.detach().clone()
    buffer = search.sgd.state[weight]["momentum_buffer"].clone()
    dropnas.dropnas_step(search, batch_of(1), keep=keep)
    # Two sub-steps without a gradient and without decay.
    torch.testing.assert_close(weight.detach(), start - 0.0375 * (0.9 + 0.81) * buffer)
