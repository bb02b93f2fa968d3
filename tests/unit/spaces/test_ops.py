import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from spaces.supernet import ops

SEEDS, BATCH, SIDE = 3, 2, 6


def maps(channels, *, seed=0, side=SIDE):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, side, side, SEEDS, channels, generator=generator, dtype=torch.float64)


def of_seed(x, seed):
    """One seed's maps in PyTorch's own order."""
    return x[:, :, :, seed].permute(0, 3, 1, 2)


def test_seeds_stand_one_after_the_other_in_the_channels():
    x = maps(2)
    nchw = ops.to_nchw(x)
    assert nchw.shape == (BATCH, SEEDS * 2, SIDE, SIDE)
    assert torch.equal(nchw[:, 2:4], of_seed(x, 1))
    assert torch.equal(ops.from_nchw(nchw, SEEDS), x)


def test_the_change_of_view_copies_nothing():
    x = maps(2)
    assert ops.to_nchw(x).data_ptr() == x.data_ptr()
    assert ops.to_nchw(x).is_contiguous(memory_format=torch.channels_last)


def test_the_padding_of_an_average_does_not_count():
    ones = torch.ones(1, 4, 4, 2, 1, dtype=torch.float64)
    assert torch.equal(ops.avg_pool(ones, kernel=3, stride=1, padding=1), ones)


def test_pooling_treats_every_seed_on_its_own():
    x = maps(2, side=5)
    highest = ops.max_pool(x, kernel=2, stride=2, padding=1)
    mean = ops.avg_pool(x, kernel=2, stride=2, padding=0)
    for seed in range(SEEDS):
        assert torch.equal(of_seed(highest, seed), F.max_pool2d(of_seed(x, seed), 2, 2, 1))
        assert torch.equal(of_seed(mean, seed), F.avg_pool2d(of_seed(x, seed), 2, 2))


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (5, 1, 2), (2, 2, 0)])
def test_means_on_a_gpu_are_pytorchs_own_to_the_second_derivative(monkeypatch, kernel, stride, padding):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    x = ops.to_nchw(maps(2, side=7)).requires_grad_()
    found = ops.window_means(x, kernel, stride=stride, padding=padding)
    expected = F.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    upstream = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype).requires_grad_()

    def derivatives(y):
        (first,) = torch.autograd.grad(y, x, upstream, create_graph=True)
        (second,) = torch.autograd.grad((first**3).sum(), upstream)
        return first, second

    for ours, theirs in zip(derivatives(found), derivatives(expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_means_on_a_gpu_use_no_gradient_of_a_padded_pool(monkeypatch):
    monkeypatch.setattr(ops, "on_a_cpu", lambda maps: False)
    x = ops.to_nchw(maps(2)).requires_grad_()

    def paddings(means):
        with Called() as called:
            means.square().sum().backward()
        return [args[4] for name, args in called.calls if name == "aten::avg_pool2d_backward"]

    assert paddings(F.avg_pool2d(x, 3, 1, 1)) == [[1, 1]]
    assert paddings(ops.window_means(x, 3, stride=1, padding=1)) == []
    assert paddings(ops.window_means(x, 3, stride=2, padding=1)) == [[0, 0]]


class Called(TorchDispatchMode):
    """Notes each operation with its arguments."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls.append((func.overloadpacket._qualified_op_name, args))
        return func(*args, **(kwargs or {}))
