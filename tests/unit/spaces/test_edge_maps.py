"""What edges carry, map by map, against the plain sum."""

import pytest
import torch
import torch.nn.functional as F

from spaces.supernet import ops
from spaces.supernet.edge_maps import weighed_edges

SEEDS, CHANNELS = 2, 2


def parts(edges, *, before, side=3):
    generator = torch.Generator().manual_seed(1)
    random = lambda *size: torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_()  # noqa: E731
    maps = (1, side, side, SEEDS)
    shares = [random(SEEDS, edges, CHANNELS) for _ in range(2)]
    return [
        random(*maps, edges * CHANNELS) if before else None,
        random(*maps, CHANNELS),
        random(*maps, edges * CHANNELS),
        *shares,
    ]


def plain(before, node, edges, skip, pool):
    pooled = ops.from_nchw(F.avg_pool2d(ops.to_nchw(node), 3, 1, 1, count_include_pad=False), SEEDS)
    weighed = [torch.einsum("bhwsc,sec->bhwsec", one, share) for one, share in ((node, skip), (pooled, pool))]
    total = edges + sum(weighed).flatten(-2)
    return total if before is None else total + before


@pytest.mark.parametrize("edges", [1, 2, 3])
@pytest.mark.parametrize("before", [False, True])
def test_sums_and_gradients(monkeypatch, edges, before):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    given = parts(edges, before=before)
    first, others = weighed_edges(*given)
    assert first.is_contiguous()
    expected = plain(*given)
    torch.testing.assert_close(torch.cat([first, others], dim=-1), expected)
    upstream = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).view_as(expected)
    asked = [one for one in given if one is not None]
    ours = torch.autograd.grad((torch.cat([first, others], dim=-1) * upstream).sum(), asked)
    for one, there in zip(ours, torch.autograd.grad((expected * upstream).sum(), asked), strict=True):
        torch.testing.assert_close(one, there)


@pytest.mark.parametrize("edges", [1, 2])
def test_second_derivatives(monkeypatch, edges):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    given = tuple(parts(edges, before=True, side=2))

    def compute(*given):
        return torch.cat(weighed_edges(*given), dim=-1)

    assert torch.autograd.gradcheck(compute, given)
    assert torch.autograd.gradgradcheck(compute, given)


def test_maps_of_less_precision_are_weighed_by_shares_as_they_are(monkeypatch):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    _, node, edges, skip, pool = parts(3, before=False)
    first, others = weighed_edges(None, node.bfloat16(), edges.bfloat16(), skip.float(), pool.float())
    assert first.dtype == others.dtype == torch.bfloat16
    gradients = torch.autograd.grad(first.sum() + others.sum(), [node, edges, skip, pool])
    expected = torch.autograd.grad(plain(None, node, edges, skip, pool).sum(), [node, edges, skip, pool])
    for one, there in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one.double(), there, rtol=0.05, atol=0.1)
