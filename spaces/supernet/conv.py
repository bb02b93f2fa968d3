"""Convolution of S seeds' maps with S kernels: one function, and the forms in which it can be computed.

All forms give the same numbers but for rounding. Which is fastest depends on device, shape and precision and is not
guessed but measured (``bench.machine.conv_table``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .constant_conv import ConstantConv, input_gradient
from .ops import from_nchw, to_nchw

ConvForm = Literal["grouped", "loop", "dense", "bmm"]
CONV_FORMS: tuple[ConvForm, ...] = ("grouped", "loop", "dense", "bmm")


class ConvShape(NamedTuple):
    """What the fastest form of a convolution depends on, beside device, precision, seeds and batch."""

    side: int
    inputs: int
    outputs: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class FormTable:
    """A form for each shape; "grouped" for a shape that is not in it."""

    forms: Mapping[ConvShape, ConvForm]

    def of(self, shape: ConvShape) -> ConvForm:
        """Return the form of one shape."""
        return self.forms.get(shape, "grouped")


Forms = ConvForm | FormTable


def mixes_seeds(forms: Forms) -> bool:
    """Whether a seed that is no longer finite would spoil the others: zero times infinity is not zero."""
    return "dense" in (forms.forms.values() if isinstance(forms, FormTable) else (forms,))


def shape_of(x: Tensor, kernel: Tensor, stride: int) -> ConvShape:
    """Return the shape of the convolution of ``x`` with ``kernel``, both as in ``seed_conv``."""
    return ConvShape(x.shape[2], kernel.shape[2], kernel.shape[1], kernel.shape[-1], stride)


def seed_conv(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    dilation: int = 1,
    form: Forms = "grouped",
) -> Tensor:
    """Convolve each seed's map with its own kernel, padded so that odd kernels keep the size.

    Parameters
    ----------
    x : ``(B, H, W, S, G * Cin)``; the convolution is computed in its precision.
    kernel : ``(S, Cout, Cin, k, k)``; each of G equal groups of outputs reads as many inputs of its own. One whose
        groups have one input each is a depthwise convolution.
    bias : ``(S, Cout)``.
    dilation : of a depthwise convolution; one for all others.
    form : how the seeds are kept apart. "grouped" is one grouped convolution, "loop" a convolution a seed, "dense"
        one convolution with a block-diagonal kernel, "bmm" a batched matrix product for 1x1 kernels of stride 1
        (and "grouped" for others).

    Returns
    -------
    ``(B, H', W', S, Cout)``.
    """
    kernel = kernel.to(x.dtype)
    bias = None if bias is None else bias.to(x.dtype)
    groups = x.shape[4] // kernel.shape[2]
    if groups > 1 or dilation > 1:
        return _in_groups(x, kernel, bias, groups, stride, dilation, form)
    return _COMPUTE[_chosen(x, kernel, stride, form)](x, kernel, bias, stride)


def seed_conv_gradient(upstream: Tensor, x: Tensor, kernel: Tensor, *, form: Forms = "grouped") -> Tensor:
    """Return the gradient of the ``x`` of ``seed_conv`` at stride 1; its numbers do not count, only its size.

    ``upstream`` is ``(B, H, W, S, Cout)``, ``kernel`` is ``(S, Cout, Cin, k, k)`` for all of the channels of ``x``.
    """
    seeds, chosen = len(kernel), _chosen(x, kernel, 1, form)
    if chosen == "bmm":
        return _bmm(upstream, kernel.transpose(1, 2), None, 1)
    if chosen == "loop":
        order = (0, 3, 1, 2)
        parts = zip(upstream.unbind(3), x.unbind(3), kernel.unbind(0), strict=True)
        found = [input_gradient(g.permute(order), one.permute(order), k, 1, 1, 1) for g, one, k in parts]
        return torch.stack([each.permute(0, 2, 3, 1) for each in found], dim=3)
    flat, groups = (_blocks(kernel), 1) if chosen == "dense" else (kernel.flatten(0, 1), seeds)
    return from_nchw(input_gradient(to_nchw(upstream), to_nchw(x), flat, 1, groups, 1), seeds)


def _chosen(x: Tensor, kernel: Tensor, stride: int, form: Forms) -> ConvForm:
    """Return the form of a convolution, one that can compute it."""
    chosen = form.of(shape_of(x, kernel, stride)) if isinstance(form, FormTable) else form
    return "grouped" if chosen == "bmm" and (kernel.shape[-1], stride) != (1, 1) else chosen


def _in_groups(
    x: Tensor, kernel: Tensor, bias: Tensor | None, groups: int, stride: int, dilation: int, form: Forms
) -> Tensor:
    """Convolve as if each group were a seed; a depthwise convolution always in one grouped convolution."""
    seeds, outputs, inputs, *sides = kernel.shape
    if inputs == 1:
        flat = None if bias is None else bias.flatten()
        y = _conv2d(to_nchw(x), kernel.flatten(0, 1), flat, stride, seeds * groups, dilation)
        return from_nchw(y, seeds)
    assert dilation == 1, "only depthwise convolutions are dilated"
    kernel = kernel.reshape(seeds * groups, outputs // groups, inputs, *sides)
    bias = None if bias is None else bias.reshape(seeds * groups, -1)
    y = seed_conv(x.reshape(*x.shape[:3], seeds * groups, inputs), kernel, bias, stride=stride, form=form)
    return y.view(*y.shape[:3], seeds, outputs)


def _conv2d(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int, groups: int = 1, dilation: int = 1) -> Tensor:
    """Convolve in PyTorch's own order, padded by half the kernel."""
    wanted = kernel.requires_grad or (bias is not None and bias.requires_grad)
    if wanted or torch.compiler.is_compiling() or not TWICE.get():
        return F.conv2d(x, kernel, bias, stride, dilation * (kernel.shape[-1] // 2), dilation, groups)
    return ConstantConv.apply(x, kernel, bias, stride, groups, dilation)


#: Whether second derivatives are to come.
TWICE: ContextVar[bool] = ContextVar("twice", default=False)


@contextmanager
def differentiated_twice() -> Iterator[None]:
    """Convolve within by ``ConstantConv`` where the kernel is a constant, and normalise by ``batch_norm_twice``.

    Second derivatives are then cheap. First ones are the same, and a little slower: so it is said where it counts.
    """
    before = TWICE.set(True)
    try:
        yield
    finally:
        TWICE.reset(before)


def _grouped(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    flat = None if bias is None else bias.flatten()
    return from_nchw(_conv2d(to_nchw(x), kernel.flatten(0, 1), flat, stride, len(kernel)), len(kernel))


def _loop(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    biases = [None] * len(kernel) if bias is None else list(bias)
    maps = [
        _conv2d(one.permute(0, 3, 1, 2), k, b, stride).permute(0, 2, 3, 1)
        for one, k, b in zip(x.unbind(3), kernel.unbind(0), biases, strict=True)
    ]
    return torch.stack(maps, dim=3)


def _dense(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    flat = None if bias is None else bias.flatten()
    return from_nchw(_conv2d(to_nchw(x), _blocks(kernel), flat, stride), len(kernel))


def _blocks(kernel: Tensor) -> Tensor:
    """Return kernels ``(S, Cout, Cin, k, k)`` as one block-diagonal kernel ``(S * Cout, S * Cin, k, k)``."""
    own = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    return (kernel.unsqueeze(2) * own[:, None, :, None, None, None]).flatten(2, 3).flatten(0, 1)


def _bmm(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    pixels, matrices = x.flatten(0, 2), kernel.flatten(2).transpose(1, 2)
    compute = _compiled_products if torch.compiler.is_compiling() else _Products.apply
    return compute(bias, pixels, matrices).view(*x.shape[:4], -1)


def _compiled_products(bias: Tensor | None, pixels: Tensor, matrices: Tensor) -> Tensor:
    """Do as ``_Products`` where a compiler chooses the memory order."""
    product = torch.einsum("nsk,skm->nsm", pixels, matrices).contiguous()
    return product if bias is None else product + bias


class _Products(torch.autograd.Function):
    """Multiplies each pixel of each seed's maps by the seed's matrix, and is differentiable to any order.

    ``(S, M) or None, (N, S, K), (S, K, M) -> (N, S, M)``, without a change of memory order on the way in or out.
    """

    @staticmethod
    def forward(ctx: Any, bias: Tensor | None, pixels: Tensor, matrices: Tensor) -> Tensor:
        """Return ``pixels[:, s] @ matrices[s] + bias[s]`` for each seed s."""
        ctx.save_for_backward(pixels, matrices)
        total = pixels.new_empty(*pixels.shape[:2], matrices.shape[2])
        out, by_seed = total.transpose(0, 1), pixels.transpose(0, 1)
        if bias is None:
            torch.bmm(by_seed, matrices, out=out)
        else:
            torch.baddbmm(bias.unsqueeze(1), by_seed, matrices, out=out)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the bias, the pixels and the matrices, those that are wanted."""
        (upstream,), (pixels, matrices), wanted = gradients, ctx.saved_tensors, ctx.needs_input_grad
        return (
            upstream.sum(0) if wanted[0] else None,
            _Products.apply(None, upstream, matrices.transpose(1, 2)) if wanted[1] else None,
            torch.bmm(pixels.permute(1, 2, 0), upstream.transpose(0, 1)) if wanted[2] else None,
        )


_COMPUTE: dict[ConvForm, Callable[[Tensor, Tensor, Tensor | None, int], Tensor]] = {
    "grouped": _grouped,
    "loop": _loop,
    "dense": _dense,
    "bmm": _bmm,
}
