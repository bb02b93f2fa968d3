import pytest
import torch
import torch.nn.functional as F

from spaces import ops

SEEDS, BATCH, SIDE = 3, 2, 6


def maps(channels, *, seed=0, side=SIDE):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, side, side, SEEDS, channels, generator=generator, dtype=torch.float64)


def of_seed(x, seed):
    """One seed's maps in PyTorch's own order."""
    return x[:, :, :, seed].permute(0, 3, 1, 2)


@pytest.mark.parametrize("form", ops.CONV_FORMS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_a_seeds_convolution_is_the_plain_one_with_its_own_kernel(form, stride, kernel, bias):
    x, weights = maps(2), torch.randn(SEEDS, 5, 2, kernel, kernel, dtype=torch.float64)
    biases = torch.randn(SEEDS, 5, dtype=torch.float64) if bias else None
    y = ops.seed_conv(x, weights, biases, stride=stride, form=form)
    for seed in range(SEEDS):
        own = None if biases is None else biases[seed]
        plain = F.conv2d(of_seed(x, seed), weights[seed], own, stride=stride, padding=kernel // 2)
        torch.testing.assert_close(of_seed(y, seed), plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
def test_grouped_and_loop_agree_with_their_gradients(stride):
    outcomes = []
    for form in ops.CONV_FORMS:
        x = maps(2).requires_grad_()
        weights = torch.linspace(-1, 1, SEEDS * 4 * 2 * 9, dtype=torch.float64).view(SEEDS, 4, 2, 3, 3).requires_grad_()
        bias = torch.linspace(-1, 1, SEEDS * 4, dtype=torch.float64).view(SEEDS, 4).requires_grad_()
        y = ops.seed_conv(x, weights, bias, stride=stride, form=form)
        outcomes.append((y, *torch.autograd.grad(y.square().sum(), (x, weights, bias))))
    for grouped, loop in zip(*outcomes, strict=True):
        torch.testing.assert_close(grouped, loop, rtol=1e-12, atol=1e-11)


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
