import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from spaces.supernet import conv, edge_products
from spaces.supernet.edge_products import Normalised, edge_sums
from spaces.supernet.frozen_edges import Pair, frozen_edge_sums
from spaces.supernet.ops import avg_pool

SEEDS, EDGES = 2, 2
CHANNELS = [2, 17]  # few are multiplied by convolutions, more by matrices


class Parts:
    """What edges are computed from, in the order of the arguments of both forms."""

    def __init__(self, channels, *, before=True, affine=True):
        self.generator = torch.Generator().manual_seed(3)
        size, width = (2, 3, 4, SEEDS, channels), EDGES * channels
        self.before = [self.random(*size) for _ in range(2 * EDGES)] if before else []
        self.node = self.random(*size)
        self.shares = [self.random(SEEDS, EDGES, channels) for _ in range(2)]
        self.kernels = [self.random(SEEDS, width, channels, side, side) for side in (1, 3)]
        self.scales, self.shifts, self.biases = ([self.random(SEEDS, width) for _ in range(2)] for _ in range(3))
        self.weights = [self.random(SEEDS, EDGES) for _ in range(2)]
        if not affine:
            self.shifts = [None, None]

    def random(self, *size):
        return torch.randn(*size, generator=self.generator, dtype=torch.float64).requires_grad_()

    @property
    def wanted(self):
        """What both forms have gradients of."""
        return [*self.before, self.node, *self.shares]


class Training(Parts):
    @property
    def wanted(self):
        return [*super().wanted, *self.kernels, *self.scales, *(one for one in self.shifts if one is not None)]

    def ours(self):
        convs = Normalised(*self.kernels, *self.scales, *self.shifts)
        first, others, _ = edge_sums(tuple(self.before), self.node, *self.shares, convs)
        return torch.cat([first, *others], dim=-1)

    def plain(self):
        return together(
            edge_products._plain(self.node, *self.shares, *self.kernels, *self.scales, *self.shifts), self.before
        )


class Frozen(Parts):
    @property
    def wanted(self):
        return [*super().wanted, *self.weights]

    def ours(self):
        (small, large), (small_bias, large_bias) = self.kernels, self.biases
        pair = Pair(*(one.detach() for one in (small, small_bias, large, large_bias)))
        first, others = frozen_edge_sums(tuple(self.before), self.node, *self.shares, tuple(self.weights), pair)
        return torch.cat([first, *others], dim=-1)

    def plain(self):
        x, channels, maps = self.node.relu(), self.node.shape[-1], []
        for edge in range(EDGES):
            own = slice(edge * channels, (edge + 1) * channels)
            total = self.node * self.shares[0][:, edge]
            for weight, kernel, bias in zip(self.weights, self.kernels, self.biases, strict=True):
                y = conv.seed_conv(x, kernel[:, own].detach(), bias[:, own].detach())
                total = total + weight[:, edge, None] * y
            maps.append(total)
        return together([*maps, *(self.node * share for share in self.shares[1].unbind(1))], self.before)


def together(maps, before):
    """Add what was carried before, and pool what enters the next node, as what our form returns."""
    maps = [a + b for a, b in zip(maps, before, strict=True)] if before else maps
    first = maps[0] + avg_pool(maps[EDGES], kernel=3, stride=1, padding=1)
    return torch.cat([first, *maps[1:EDGES], *maps[EDGES + 1 :]], dim=-1)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("form", [Training, Frozen])
def test_maps_may_lie_in_any_order(form, channels):
    parts = form(channels)
    node, outcomes = parts.node, []
    for parts.node in (node, node.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)):
        wanted = [node if one is parts.node else one for one in parts.wanted]
        outcomes.append(torch.autograd.grad(parts.ours().sin().sum(), wanted))
    for one, other in zip(*outcomes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("form", "affine"), [(Training, True), (Training, False), (Frozen, True)])
def test_edges_carry_what_operations_one_by_one_give(form, affine, before, channels):
    parts = form(channels, before=before, affine=affine)
    ours, plain = parts.ours(), parts.plain()
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)
    upstream = torch.linspace(-1, 2, plain.numel(), dtype=torch.float64).view_as(plain)
    for found, expected in zip(*(torch.autograd.grad(y, parts.wanted, upstream) for y in (ours, plain)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("form", [Training, Frozen])
def test_second_derivatives_are_those_of_operations_one_by_one(form):
    parts, found = form(2), []
    for compute in (parts.ours, parts.plain):
        first = torch.autograd.grad(compute().sin().sum(), [*parts.shares, parts.node], create_graph=True)
        found.append(torch.autograd.grad(sum(one.square().sum() for one in first), parts.wanted))
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("form", [Training, Frozen])
def test_what_was_carried_before_stays_as_it_is(form):
    parts = form(2)
    kept = [one.detach().clone() for one in parts.before]
    torch.autograd.grad(parts.ours().square().sum(), parts.wanted)
    for one, other in zip(parts.before, kept, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("channels", CHANNELS)
def test_statistics_are_those_of_the_convolutions(channels):
    parts = Training(channels)
    convs = Normalised(*parts.kernels, *parts.scales, *parts.shifts)
    _, _, moments = edge_sums((), parts.node, *parts.shares, convs)
    for kernel, (mean, variance) in zip(parts.kernels, moments, strict=True):
        y = conv.seed_conv(parts.node.relu(), kernel).flatten(0, 2)
        torch.testing.assert_close(mean, y.mean(0), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(variance, y.var(0), rtol=1e-12, atol=1e-12)


def test_in_float32_the_variance_of_a_map_far_from_zero_is_not_lost():
    node = (100 + torch.rand(8, 4, 4, 1, 2, generator=torch.Generator().manual_seed(0))).requires_grad_()
    kernels, one, nothing = [torch.ones(1, 2, 2, side, side) for side in (1, 3)], torch.ones(1, 2), torch.zeros(1, 1, 2)
    _, _, moments = edge_sums((), node, nothing, nothing, Normalised(*kernels, one, one, None, None))
    expected = conv.seed_conv(node.double(), kernels[0].double()).flatten(0, 2).var(0)
    torch.testing.assert_close(moments[0][1].double(), expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("form", [Training, Frozen])
def test_a_seed_that_is_no_longer_finite_leaves_the_others_alone(form):
    parts = form(2)
    with torch.no_grad():
        parts.node[:, :, :, 0] = torch.inf
        parts.kernels[0][0] = torch.nan
    y = parts.ours()
    assert not y[..., 0, :].isfinite().all()
    assert y[..., 1, :].isfinite().all()
    of_node, *of_shares = torch.autograd.grad(y[..., 1, :].sum(), [parts.node, *parts.shares])
    assert of_node[..., 1, :].isfinite().all()
    assert all(one[1].isfinite().all() for one in of_shares)


class Masks(TorchDispatchMode):
    """Notes which gradients each backward pass of a convolution makes: of the map, the kernel and the bias."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution_backward.default:
            self.found.append(tuple(args[10]))
        return func(*args, **(kwargs or {}))


def test_no_gradient_of_a_frozen_kernel_is_made():
    parts = Frozen(17)
    y = parts.ours().sum()
    with Masks() as masks:
        torch.autograd.grad(y, parts.wanted)
    assert masks.found == [(True, False, False)] * EDGES
