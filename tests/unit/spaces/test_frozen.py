from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from spaces import find
from spaces.supernet.frozen import Frozen
from spaces.supernet.kernel_sums import KernelSums, _Summed
from spaces.supernet.layout import Norm
from spaces.supernet.network import Supernet
from spaces.supernet.noise import Noise
from spaces.supernet.unpack import Unpack

SEEDS, WIDTH, OUT = 2, 3, 4
PAIRS = (("a1", "a3"), ("b1", "b3"))


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def test_a_pair_of_weighted_convolutions_is_one_convolution():
    small, large = random(len(PAIRS), SEEDS, OUT, WIDTH, 1, 1), random(len(PAIRS), SEEDS, OUT, WIDTH, 3, 3)
    biases = random(2, len(PAIRS), SEEDS, OUT)
    rows = len(PAIRS) * SEEDS * OUT
    sums = KernelSums(
        seeds=SEEDS,
        pairs=PAIRS,
        sizes=(SEEDS * OUT,) * len(PAIRS),
        small=small.reshape(rows, WIDTH),
        large=large.permute(0, 1, 2, 4, 5, 3).reshape(rows, 9 * WIDTH),
        small_bias=biases[0].reshape(rows, 1),
        large_bias=biases[1].reshape(rows, 1),
        maps=torch.float64,
    )
    factors = {f"{name}.bn": random(SEEDS, OUT) + index for index, name in enumerate(sum(PAIRS, ()))}
    x = random(2, WIDTH, 5, 5)
    for index, (one, three) in enumerate(PAIRS):
        kernel, bias = sums.mixed(factors)[three]
        for seed in range(SEEDS):
            a, b = factors[f"{one}.bn"][seed][:, None, None], factors[f"{three}.bn"][seed][:, None, None]
            plain = a * F.conv2d(x, small[index, seed], biases[0, index, seed])
            plain = plain + b * F.conv2d(x, large[index, seed], biases[1, index, seed], padding=1)
            mixed = F.conv2d(x, kernel[seed], bias[seed], padding=1)
            torch.testing.assert_close(mixed, plain, rtol=1e-12, atol=1e-12)


def test_the_mixed_kernel_has_first_and_second_derivatives():
    parts = random(3, WIDTH), random(3, 9 * WIDTH), random(3, 1), random(3, 1)
    parts = tuple(part.requires_grad_() for part in parts)
    assert torch.autograd.gradcheck(_Summed.apply, parts)
    assert torch.autograd.gradgradcheck(_Summed.apply, parts)


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-1"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_kernels_lie_as_convolutions_of_channels_last_maps_read_them(space, seeds):
    net = Supernet(find(space), find(space).supernet)
    weights = torch.randn(seeds, net.size, generator=torch.Generator().manual_seed(0))
    mix = torch.full((seeds, *net.space.mask.shape), 0.2)
    for pieces in (net.pieces(weights), Unpack(net.layout, *net.space.mask.shape).mixed(weights, mix)):
        kernels = {name: piece for name, piece in pieces.items() if piece.ndim == 5}
        assert len(kernels) > 10
        for name, kernel in kernels.items():
            assert kernel.flatten(0, 1).is_contiguous(memory_format=torch.channels_last), name


def test_a_pair_without_running_statistics_is_normalised_by_the_batch_and_then_weighed():
    names = ("small", "large")
    node, width = random(3, 4, 4, 1, WIDTH), 2 * WIDTH
    pieces = {name: random(1, width, WIDTH, k, k) for name, k in zip(names, (1, 3), strict=True)}
    factors = {f"{name}.bn": random(1, width) for name in names}
    norms = {f"{name}.bn": Norm(width, 0.1, tracked=False) for name in names}
    pass_ = Frozen(norms, pieces, {}, {}, {}, factors, "grouped", {}, Noise(), {})
    seen = F.relu(node[:, :, :, 0].permute(0, 3, 1, 2))
    plain = 0.0
    for name, pad in zip(names, (0, 1), strict=True):
        normalised = F.batch_norm(F.conv2d(seen, pieces[name][0], padding=pad), None, None, training=True)
        plain = plain + factors[f"{name}.bn"][0][:, None, None] * normalised
    nothing = torch.zeros(1, 2, WIDTH, dtype=torch.float64)
    edges = torch.cat(pass_.edge_sums(None, node, names, nothing, nothing), dim=-1)
    ours = edges[:, :, :, 0].permute(0, 3, 1, 2)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


def test_what_is_still_to_be_mixed_is_rounded_once():
    """The last convolutions of a DARTS cell are added up at the mix; the others are rounded when they are frozen."""
    space = find("darts-s2")
    net = Supernet(space, replace(space.supernet, channels=4, layers=3), maps=torch.bfloat16)
    weights = torch.randn(1, net.size, generator=torch.Generator().manual_seed(0))
    frozen = net.freeze(weights, net.statistics(1, dtype=torch.float32, device="cpu"))
    gathered = {name: kernel.dtype for name, (kernel, _) in frozen.kernels.items() if name.endswith(".last")}
    assert set(gathered.values()) == {torch.float32}
    assert {kernel.dtype for name, (kernel, _) in frozen.kernels.items() if name not in gathered} == {torch.bfloat16}
    mix = torch.softmax(torch.zeros(1, *space.mask.shape).masked_fill(~torch.from_numpy(space.mask), -torch.inf), 2)
    logits = net.forward_frozen(frozen, torch.randn(2, 16, 16, 1, 3).bfloat16(), mix)
    assert logits.isfinite().all()
