import pytest
import torch

from spaces.supernet import conv, edge_products
from spaces.supernet.edge_products import Convolved, Normalised, edge_sums

SEEDS, CHANNELS, EDGES = 2, 2, 2
WIDTH = EDGES * CHANNELS


def parts_of(*, normalised, affine=True):
    """Return what edges are computed from, in the order of the arguments; what is None is missing."""
    generator = torch.Generator().manual_seed(3)

    def random(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64).requires_grad_()

    shares = [random(SEEDS, EDGES, CHANNELS) for _ in range(2)]
    found = [random(2, 3, 4, SEEDS, WIDTH), random(2, 3, 4, SEEDS, CHANNELS), *shares]
    found += [random(SEEDS, WIDTH, CHANNELS, 3, 3), random(SEEDS, WIDTH) if affine else None]
    if not normalised:
        return [*found, *[None] * 5]
    scales, shifts = ([random(SEEDS, WIDTH) for _ in range(2)] for _ in range(2))
    shifts = shifts if affine else [None, None]
    return [*found, random(SEEDS, WIDTH, CHANNELS, 1, 1), scales[0], shifts[0], scales[1], shifts[1]]


def products(before, node, skip, pool, large, bias, *norms):
    norms = None if norms[0] is None else Normalised(*norms)
    return torch.cat(edge_sums(before, node, skip, pool, Convolved(large, bias), norms)[:2], dim=-1)


def test_maps_may_lie_in_any_order():
    parts = parts_of(normalised=True)
    outcomes = []
    for node in (parts[1], parts[1].permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)):
        outcomes.append(torch.autograd.grad(products(parts[0], node, *parts[2:]).sin().sum(), parts))
    for one, other in zip(*outcomes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("normalised", "affine"), [(True, True), (True, False), (False, True)])
def test_products_are_what_operations_one_by_one_give(normalised, affine, before):
    parts = parts_of(normalised=normalised, affine=affine)
    parts = parts if before else [None, *parts[1:]]
    there = [part for part in parts if part is not None]
    ours, plain = products(*parts), edge_products._plain(*parts)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)
    upstream = torch.linspace(-1, 2, plain.numel(), dtype=torch.float64).view_as(plain)
    for found, expected in zip(*(torch.autograd.grad(y, there, upstream) for y in (ours, plain)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


def test_second_derivatives_are_those_of_operations_one_by_one():
    parts = [*parts_of(normalised=True)]
    found = []
    for compute in (products, edge_products._plain):
        y = compute(*parts).sin().sum()
        first = torch.autograd.grad(y, parts[2:4], create_graph=True)
        found.append(torch.autograd.grad(sum(one.square().sum() for one in first), parts))
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-11)


def test_statistics_are_those_of_the_convolutions_that_were_not_made():
    _, node, skip, pool, large, bias, *norms = parts_of(normalised=True)
    running = torch.zeros(SEEDS, WIDTH, dtype=torch.float64), torch.ones(SEEDS, WIDTH, dtype=torch.float64)
    *_, moments = edge_sums(None, node, skip, pool, Convolved(large, bias), Normalised(*norms), running, 0.25)
    x = node.relu()
    for kernel, own, (mean, variance) in (
        (norms[0], None, moments),
        (large, bias, (running[0] / 0.25, (running[1] - 0.75) / 0.25)),
    ):
        y = conv.seed_conv(x, kernel, own).flatten(0, 2)
        torch.testing.assert_close(mean, y.mean(0), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(variance, y.var(0), rtol=1e-12, atol=1e-12)


def test_in_float32_the_variance_of_a_map_far_from_zero_is_not_lost():
    node = (100 + torch.rand(8, 4, 4, 1, 2, generator=torch.Generator().manual_seed(0))).requires_grad_()
    kernel, one, nothing = torch.ones(1, 2, 2, 1, 1), torch.ones(1, 2), torch.zeros(1, 1, 2)
    large = Convolved(torch.ones(1, 2, 2, 3, 3), None)
    *_, moments = edge_sums(None, node, nothing, nothing, large, Normalised(kernel, one, None, one, None))
    expected = conv.seed_conv(node.double(), kernel.double()).flatten(0, 2).var(0)
    torch.testing.assert_close(moments[1].double(), expected, rtol=1e-4, atol=0)
