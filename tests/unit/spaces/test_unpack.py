from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from spaces import find
from spaces.supernet.network import Supernet
from spaces.supernet.unpack import _Spread

SPACES = ["nasbench201", "nasbench1shot1-2"]
SEEDS = 2


def made(space, maps=None):
    net = Supernet(find(space), replace(find(space).supernet, channels=4, cells=1), maps=maps)
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(SEEDS, net.size, generator=generator)
    mix = torch.rand(SEEDS, *net.space.mask.shape, generator=generator)
    images = torch.randn(3, 8, 8, SEEDS, 3, generator=generator)
    return net, weights, mix, images


class Calls(TorchDispatchMode):
    """Counts changes of precision and products of matrices."""

    def __init__(self):
        super().__init__()
        self.casts, self.products = 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket._qualified_op_name.removeprefix("aten::")
        out = func(*args, **(kwargs or {}))
        self.casts += name == "_to_copy" and out.dtype != args[0].dtype and out.is_floating_point()
        self.products += name in ("mm", "matmul", "addmm")
        return out


@pytest.mark.parametrize("space", SPACES)
def test_each_channel_gets_its_share_as_it_is(space):
    net, _, mix, _ = made(space)
    factors = net._unpack.factors(mix)
    for name, norm in net.layout.mixed.items():
        groups = factors[name].unflatten(1, (len(norm.mix), -1))
        for group, at in zip(groups.unbind(1), norm.mix, strict=True):
            expected = torch.ones(SEEDS) if at is None else mix[:, at[0], at[1]]
            assert torch.equal(group, expected[:, None].expand_as(group)), name


def test_spreading_has_first_and_second_derivatives():
    owner = torch.tensor([2, 0, 0, 1, 2])
    ones = (owner == torch.arange(4)[:, None]).double()
    entries = torch.randn(2, 4, dtype=torch.float64).requires_grad_()
    compute = lambda entries: _Spread.apply(entries.square(), owner, ones)  # noqa: E731
    assert torch.autograd.gradcheck(compute, (entries,))
    assert torch.autograd.gradgradcheck(compute, (entries,))


@pytest.mark.parametrize("space", SPACES)
def test_no_product_of_matrices_touches_the_mix(space):
    net, weights, mix, _ = made(space)
    mix = mix.requires_grad_()
    with Calls() as calls:
        pieces = net._unpack.mixed(weights, mix)
        torch.autograd.grad(sum(pieces[f"{name}.scale"].sum() for name in net.layout.mixed), mix)
    assert calls.products == 0


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("training", [True, False])
def test_weights_are_rounded_to_the_precision_of_the_maps_all_at_once(space, training):
    net, weights, mix, images = made(space, torch.bfloat16)
    statistics = net.statistics(SEEDS, dtype=torch.float32, device="cpu")
    frozen = net.freeze(weights, statistics)
    limit = 2 if training else 1 + 2 * len(frozen.sums)  # images and kernels; kernels and biases mixed of each width
    for _ in range(2):  # the first one makes constant tensors
        with Calls() as calls:
            if training:
                net.forward(weights, statistics, images, mix, training=True)
            else:
                net.forward_frozen(frozen, images, mix)
    assert calls.casts == limit


@pytest.mark.parametrize("space", SPACES)
def test_rounding_all_at_once_rounds_as_one_by_one(space):
    (net, weights, mix, _), (rounded, *_) = made(space), made(space, torch.bfloat16)
    exact, found = net._unpack.mixed(weights, mix), rounded._unpack.mixed(weights, mix)
    assert exact.keys() == found.keys()
    for name, piece in exact.items():
        expected = piece.bfloat16() if piece.ndim == 5 or found[name].dtype == torch.bfloat16 else piece
        assert torch.equal(found[name], expected), name
    kernels = {name for name, piece in exact.items() if piece.ndim == 5}
    assert {name for name in found if found[name].dtype == torch.bfloat16} >= kernels
    assert all(found[name].dtype == torch.float32 for name in found if ".bn." in name or name.startswith("classify"))
