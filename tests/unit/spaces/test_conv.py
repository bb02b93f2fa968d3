import math

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from spaces.supernet import constant_conv, conv

SEEDS, BATCH, SIDE = 3, 2, 6


def maps(channels):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(BATCH, SIDE, SIDE, SEEDS, channels, generator=generator, dtype=torch.float64)


def of_seed(x, seed):
    """One seed's maps in PyTorch's own order."""
    return x[:, :, :, seed].permute(0, 3, 1, 2)


@pytest.mark.parametrize("form", conv.CONV_FORMS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_a_seeds_convolution_is_the_plain_one_with_its_own_kernel(form, stride, kernel, bias):
    x, weights = maps(2), torch.randn(SEEDS, 5, 2, kernel, kernel, dtype=torch.float64)
    biases = torch.randn(SEEDS, 5, dtype=torch.float64) if bias else None
    y = conv.seed_conv(x, weights, biases, stride=stride, form=form)
    for seed in range(SEEDS):
        own = None if biases is None else biases[seed]
        plain = F.conv2d(of_seed(x, seed), weights[seed], own, stride=stride, padding=kernel // 2)
        torch.testing.assert_close(of_seed(y, seed), plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", conv.CONV_FORMS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_depthwise_convolution_is_dilated_however_few_its_channels(form, channels):
    x, weights = maps(channels), torch.randn(SEEDS, channels, 1, 3, 3, dtype=torch.float64)
    y = conv.seed_conv(x, weights, dilation=2, form=form)
    for seed in range(SEEDS):
        plain = F.conv2d(of_seed(x, seed), weights[seed], padding=2, dilation=2, groups=channels)
        torch.testing.assert_close(of_seed(y, seed), plain, rtol=1e-12, atol=1e-12)
    with pytest.raises(AssertionError, match="only depthwise"):
        conv.seed_conv(maps(2), torch.randn(SEEDS, 4, 2, 3, 3, dtype=torch.float64), dilation=2)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
def test_all_forms_agree_with_their_gradients(stride, kernel):
    outcomes = []
    for form in conv.CONV_FORMS:
        x = maps(2).requires_grad_()
        size = (SEEDS, 4, 2, kernel, kernel)
        weights = torch.linspace(-1, 1, math.prod(size), dtype=torch.float64).view(size).requires_grad_()
        bias = torch.linspace(-1, 1, SEEDS * 4, dtype=torch.float64).view(SEEDS, 4).requires_grad_()
        y = conv.seed_conv(x, weights, bias, stride=stride, form=form)
        outcomes.append((y, *torch.autograd.grad(y.square().sum(), (x, weights, bias))))
    for grouped, *others in zip(*outcomes, strict=True):
        for other in others:
            torch.testing.assert_close(other, grouped, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("form", [form for form in conv.CONV_FORMS if not conv.mixes_seeds(form)])
def test_a_lost_seed_spoils_no_other(form):
    x, weights = maps(2), torch.ones(SEEDS, 4, 2, 1, 1, dtype=torch.float64)
    weights[1] = torch.nan
    lost = conv.seed_conv(x, weights, form=form).isnan().flatten(0, 2).all(-1).all(0)
    assert lost.tolist() == [False, True, False]


def test_a_block_diagonal_kernel_spoils_all_seeds_and_says_so():
    x, weights = maps(2), torch.ones(SEEDS, 4, 2, 1, 1, dtype=torch.float64)
    x[..., 1, :] = torch.inf
    assert conv.seed_conv(x, weights, form="dense").isnan().any(-1).flatten(0, 2).all(0).tolist() == [True, False, True]
    assert conv.mixes_seeds("dense")
    assert conv.mixes_seeds(conv.FormTable({conv.ConvShape(6, 2, 4, 1, 1): "dense"}))


def test_a_table_picks_the_form_of_each_shape(monkeypatch):
    taken = []
    for form, compute in conv._COMPUTE.items():
        spy = lambda *a, form=form, compute=compute: taken.append(form) or compute(*a)  # noqa: E731
        monkeypatch.setitem(conv._COMPUTE, form, spy)
    table = conv.FormTable({conv.ConvShape(SIDE, 2, 4, 1, 1): "bmm", conv.ConvShape(SIDE, 2, 4, 3, 2): "loop"})
    conv.seed_conv(maps(2), torch.ones(SEEDS, 4, 2, 1, 1, dtype=torch.float64), form=table)
    conv.seed_conv(maps(2), torch.ones(SEEDS, 4, 2, 3, 3, dtype=torch.float64), form=table, stride=2)
    conv.seed_conv(maps(2), torch.ones(SEEDS, 4, 2, 3, 3, dtype=torch.float64), form=table)
    conv.seed_conv(maps(2), torch.ones(SEEDS, 4, 2, 3, 3, dtype=torch.float64), form="bmm")
    assert taken == ["bmm", "loop", "grouped", "grouped"]


def test_a_convolution_is_computed_in_the_precision_of_its_maps():
    x, weights = maps(2), torch.randn(SEEDS, 4, 2, 3, 3, dtype=torch.float64)
    y = conv.seed_conv(x.bfloat16(), weights, torch.zeros(SEEDS, 4))
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), conv.seed_conv(x, weights), rtol=0.05, atol=0.05)


def test_products_of_pixels_have_first_and_second_derivatives():
    generator = torch.Generator().manual_seed(1)
    for bias in (None, torch.randn(2, 2, generator=generator, dtype=torch.float64).requires_grad_()):
        pixels = torch.randn(3, 2, 2, generator=generator, dtype=torch.float64).requires_grad_()
        matrices = torch.randn(2, 2, 2, generator=generator, dtype=torch.float64).requires_grad_()
        assert torch.autograd.gradcheck(conv._Products.apply, (bias, pixels, matrices))
        assert torch.autograd.gradgradcheck(conv._Products.apply, (bias, pixels, matrices))


class Convolutions(TorchDispatchMode):
    """Counts convolutions, and those that compute the gradient of a kernel."""

    def __init__(self):
        super().__init__()
        self.all = self.of_kernels = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket._qualified_op_name
        self.all += name in ("aten::convolution", "aten::convolution_backward")
        self.of_kernels += name == "aten::convolution_backward" and args[-1][1]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("form", conv.CONV_FORMS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_constant_kernel_has_the_derivatives_of_any_kernel(form, stride, kernel):
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(SEEDS, 4, 2, kernel, kernel, generator=generator, dtype=torch.float64)
    bias = torch.randn(SEEDS, 4, generator=generator, dtype=torch.float64)

    def derivatives(weights):
        x = maps(2).requires_grad_()
        with conv.differentiated_twice():
            y = conv.seed_conv(x.sin(), weights, bias, stride=stride, form=form)
        first = torch.autograd.grad(y.square().sum(), x, create_graph=True)[0]
        return y, first, torch.autograd.grad(first.square().sum(), x)[0]

    for ours, plain in zip(derivatives(weights), derivatives(weights.requires_grad_()), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("form", "each"), [("grouped", 1), ("dense", 1), ("loop", SEEDS)])
def test_the_second_derivative_at_a_constant_kernel_computes_no_gradient_of_it(form, each):
    x = maps(2).requires_grad_()
    weights = torch.ones(SEEDS, 4, 2, 3, 3, dtype=torch.float64)
    with Convolutions() as first, conv.differentiated_twice():
        y = conv.seed_conv(x.sin(), weights, form=form)
        gradient = torch.autograd.grad(y.square().sum(), x, create_graph=True)[0]
    with Convolutions() as second:
        torch.autograd.grad(gradient.square().sum(), x)
    assert (first.all, first.of_kernels) == (2 * each, 0)
    assert (second.all, second.of_kernels) == (2 * each, 0)  # one for the gradient of a gradient, one for what it is of


def test_a_constant_kernel_is_differentiated_to_any_order():
    kernel = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64).requires_grad_()
    compute = lambda x: constant_conv.ConstantConv.apply(x.square(), kernel, None, 2, 1, 1)  # noqa: E731
    assert torch.autograd.gradcheck(compute, (x,))
    assert torch.autograd.gradgradcheck(compute, (x,))
