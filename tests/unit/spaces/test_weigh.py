import pytest
import torch

from spaces.supernet import ops
from spaces.supernet.weigh import beside, onward, weigh

SEEDS, CHANNELS = 3, 4


def terms(count, edges, *, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    found = []
    for _ in range(count):
        maps = torch.randn(2, 3, 3, SEEDS, CHANNELS, generator=generator, dtype=torch.float64).to(dtype)
        shares = torch.rand(SEEDS, edges, CHANNELS, generator=generator, dtype=torch.float64)
        found.append((maps.requires_grad_(), shares.requires_grad_()))
    return found


@pytest.fixture(params=["as on a CPU", "as on a GPU"])
def edges_are_computed(request, monkeypatch):
    """A CPU weighs one edge by operations of PyTorch: here both are computed on a CPU."""
    on_a_cpu = request.param == "as on a CPU"
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: on_a_cpu)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("edges", [1, 3])
@pytest.mark.parametrize("added", [False, True])
def test_maps_are_weighed_and_added_up(edges_are_computed, count, edges, added):
    size = (2, 3, 3, SEEDS, edges * CHANNELS)
    addend = torch.linspace(-1, 1, 54 * edges * CHANNELS, dtype=torch.float64).view(size) if added else None
    kept = None if addend is None else addend.clone()
    factors = terms(count, edges)
    plain = sum(torch.einsum("bhwsc,sec->bhwsec", maps, shares).flatten(-2) for maps, shares in factors)
    plain = plain if addend is None else plain + addend
    torch.testing.assert_close(weigh(addend, *factors), plain, rtol=1e-13, atol=1e-13)
    assert addend is None or torch.equal(addend, kept)


@pytest.mark.parametrize("edges", [1, 2])
@pytest.mark.parametrize("added", [False, True])
def test_weighing_has_first_and_second_derivatives(edges_are_computed, edges, added):
    generator = torch.Generator().manual_seed(2)
    random = lambda *size: torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_()  # noqa: E731
    parts = [random(1, 2, 1, 2, 2), random(2, edges, 2), random(1, 2, 1, 2, 2), random(2, edges, 2)]
    parts += [random(1, 2, 1, 2, 2 * edges)] if added else []

    def compute(a, b, c, d, addend=None):
        return weigh(addend, (a, b), (c, d))

    assert torch.autograd.gradcheck(compute, tuple(parts))
    assert torch.autograd.gradgradcheck(compute, tuple(parts))


@pytest.mark.parametrize("edges", [1, 3])
def test_shares_are_not_rounded_to_the_precision_of_the_maps(edges_are_computed, edges):
    generator = torch.Generator().manual_seed(1)
    maps = torch.rand(10, 10, 10, SEEDS, CHANNELS, generator=generator).bfloat16()
    share = float(torch.tensor(0.2).bfloat16()) + 0.45 * 2**-10  # almost in the middle of two neighbours in bfloat16
    found = weigh(None, (maps, torch.full((SEEDS, edges, CHANNELS), share)))
    assert found.dtype == torch.bfloat16
    assert float(found.double().mean() / maps.double().mean()) == pytest.approx(share, rel=1e-4)
    assert float(torch.tensor(share).bfloat16()) != pytest.approx(share, rel=2e-3)


def test_the_gradient_of_shares_has_their_precision(edges_are_computed):
    ((maps, shares),) = terms(1, 3, dtype=torch.bfloat16)
    shares = shares.detach().float().requires_grad_()
    of_maps, of_shares = torch.autograd.grad(weigh(None, (maps, shares)).sum(), (maps, shares))
    assert (of_maps.dtype, of_shares.dtype) == (torch.bfloat16, torch.float32)
    expected = maps.detach().float().sum((0, 1, 2))[:, None].expand_as(of_shares)
    torch.testing.assert_close(of_shares, expected, rtol=1e-6, atol=1e-6)


def test_no_product_of_matrices_takes_part():
    from torch.utils._python_dispatch import TorchDispatchMode

    names = set()

    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.add(func.overloadpacket._qualified_op_name)
            return func(*args, **(kwargs or {}))

    ((maps, shares),) = terms(1, 3)
    with Names():
        torch.autograd.grad(weigh(None, (maps, shares)).square().sum(), (maps, shares))
    assert not any(name.removeprefix("aten::").startswith(("mm", "bmm", "addmm", "baddbmm", "dot")) for name in names)
    assert "aten::mul" in names


@pytest.mark.parametrize("readers", [1, 2])
def test_maps_that_are_passed_on_gather_their_gradients(edges_are_computed, readers):
    generator = torch.Generator().manual_seed(3)
    random = lambda *size: torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_()  # noqa: E731
    parts = [random(1, 2, 1, 2, 3), *(random(1, 2, 1, 2, 3) for _ in range(readers)), random(2, 1, 3)]

    def compute(maps, *others):
        *addends, share = others
        total = 0
        for addend in addends:
            one, maps = onward(addend, maps, share)
            total = total + one.square()
        return total + maps

    def plain(maps, *others):
        *addends, share = others
        return sum((addend + maps * share.squeeze(1)).square() for addend in addends) + maps

    torch.testing.assert_close(compute(*parts), plain(*parts))
    for ours, theirs in zip(*(torch.autograd.grad(f(*parts).sum(), parts) for f in (compute, plain)), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(compute, tuple(parts))
    assert torch.autograd.gradgradcheck(compute, tuple(parts))


def test_maps_side_by_side(edges_are_computed):
    generator = torch.Generator().manual_seed(4)
    random = lambda *size: torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_()  # noqa: E731
    parts = [random(1, 2, 1, 2, 6), random(2, 1, 6), random(1, 2, 1, 2, 3), random(1, 2, 1, 2, 3)]

    def compute(addend, shares, *maps):
        return beside(addend, maps, shares)

    addend, shares, *maps = parts
    torch.testing.assert_close(compute(*parts), addend + torch.cat(maps, dim=-1) * shares.squeeze(1))
    assert torch.autograd.gradcheck(compute, tuple(parts))
    assert torch.autograd.gradgradcheck(compute, tuple(parts))


def test_relus_in_parts(edges_are_computed):
    generator = torch.Generator().manual_seed(5)
    y = torch.randn(1, 2, 1, 2, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(y.shape, generator=generator, dtype=torch.float64)

    def joined(y):
        return torch.cat(ops.relu_in_parts(y, (2, 1, 3)), dim=-1)

    assert torch.equal(joined(y), y.relu())
    assert torch.equal(*(torch.autograd.grad((f(y) * weights).sum(), y)[0] for f in (joined, torch.relu)))
    assert torch.autograd.gradcheck(joined, (y,))
    assert torch.autograd.gradgradcheck(joined, (y,))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_products_are_summed_in_the_precision_that_is_asked_for(edges_are_computed, dtype):
    generator = torch.Generator().manual_seed(6)
    a, b = (torch.rand(500, SEEDS, CHANNELS, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    wanted = torch.float64 if dtype == torch.float64 else torch.float32
    found = ops.products(a, b, wanted)
    assert found.dtype == wanted
    limit = 1e-13 if dtype == torch.float64 else 1e-2
    torch.testing.assert_close(found.double(), (a.double() * b.double()).sum(0), rtol=limit, atol=0)
