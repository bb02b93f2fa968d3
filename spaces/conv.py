"""Convolution of S seeds' maps with S kernels: one function, and the forms in which it can be computed.

All forms give the same numbers but for rounding. Which is fastest depends on device, shape and precision and is not
guessed but measured (``bench.conv_table``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

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
    x: Tensor, kernel: Tensor, bias: Tensor | None = None, *, stride: int = 1, form: Forms = "grouped"
) -> Tensor:
    """Convolve each seed's map with its own kernel, padded so that odd kernels keep the size.

    Parameters
    ----------
    x : ``(B, H, W, S, Cin)``; the convolution is computed in its precision.
    kernel : ``(S, Cout, Cin, k, k)``.
    bias : ``(S, Cout)``.
    form : how the seeds are kept apart. "grouped" is one grouped convolution, "loop" a convolution a seed, "dense"
        one convolution with a block-diagonal kernel, "bmm" a batched matrix product for 1x1 kernels of stride 1
        (and "grouped" for others).

    Returns
    -------
    ``(B, H', W', S, Cout)``.
    """
    kernel = kernel.to(x.dtype)
    bias = None if bias is None else bias.to(x.dtype)
    chosen = form.of(shape_of(x, kernel, stride)) if isinstance(form, FormTable) else form
    if chosen == "bmm" and (kernel.shape[-1], stride) != (1, 1):
        chosen = "grouped"
    return _COMPUTE[chosen](x, kernel, bias, stride)


def seed_product(x: Tensor, matrices: Tensor, addend: Tensor | None = None) -> Tensor:
    """Multiply each pixel of each seed's map by the seed's matrix, and add.

    Parameters
    ----------
    x : ``(B, H, W, S, K)``.
    matrices : ``(S, K, M)``.
    addend : ``(B, H, W, S, M)``, or ``(1, S, M)`` for every pixel.

    Returns
    -------
    ``(B, H, W, S, M)``.
    """
    if addend is not None and addend.ndim == x.ndim:
        addend = addend.flatten(0, 2)
    return _Product.apply(x.flatten(0, 2), matrices, addend).view(*x.shape[:4], -1)


class _Product(torch.autograd.Function):
    """Does it without a change of memory order on the way in or out, and is differentiable to any order.

    ``(N, S, K), (S, K, M), (N or 1, S, M) -> (N, S, M)``.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, matrices: Tensor, addend: Tensor | None) -> Tensor:
        """Return ``pixels[:, s] @ matrices[s] + addend[:, s]`` for each seed s."""
        ctx.save_for_backward(pixels, matrices)
        ctx.everywhere = addend is not None and len(addend) == 1
        product = pixels.new_empty(*pixels.shape[:2], matrices.shape[2])
        by_seed, out = pixels.transpose(0, 1), product.transpose(0, 1)
        if addend is None:
            torch.bmm(by_seed, matrices, out=out)
        else:
            torch.baddbmm(addend.transpose(0, 1), by_seed, matrices, out=out)
        return product

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of pixels, matrices and addend."""
        (upstream,), (pixels, matrices), (first, second, third) = gradients, ctx.saved_tensors, ctx.needs_input_grad
        of_addend = upstream.sum(0, keepdim=True) if ctx.everywhere else upstream
        return (
            _Product.apply(upstream, matrices.transpose(1, 2), None) if first else None,
            torch.bmm(pixels.permute(1, 2, 0), upstream.transpose(0, 1)) if second else None,
            of_addend if third else None,
        )


def _grouped(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    flat = None if bias is None else bias.flatten()
    y = F.conv2d(to_nchw(x), kernel.flatten(0, 1), flat, stride, kernel.shape[-1] // 2, groups=len(kernel))
    return from_nchw(y, len(kernel))


def _loop(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    biases = [None] * len(kernel) if bias is None else list(bias)
    maps = [
        F.conv2d(one.permute(0, 3, 1, 2), k, b, stride, kernel.shape[-1] // 2).permute(0, 2, 3, 1)
        for one, k, b in zip(x.unbind(3), kernel.unbind(0), biases, strict=True)
    ]
    return torch.stack(maps, dim=3)


def _dense(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    own = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    blocks = kernel.unsqueeze(2) * own[:, None, :, None, None, None]  # (S, Cout, S, Cin, k, k)
    flat = None if bias is None else bias.flatten()
    y = F.conv2d(to_nchw(x), blocks.flatten(2, 3).flatten(0, 1), flat, stride, kernel.shape[-1] // 2)
    return from_nchw(y, len(kernel))


def _bmm(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    return seed_product(x, kernel.flatten(2).transpose(1, 2), None if bias is None else bias.unsqueeze(0))


_COMPUTE: dict[ConvForm, Callable[[Tensor, Tensor, Tensor | None, int], Tensor]] = {
    "grouped": _grouped,
    "loop": _loop,
    "dense": _dense,
    "bmm": _bmm,
}
