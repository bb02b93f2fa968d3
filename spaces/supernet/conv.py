"""Convolution of S seeds' maps with S kernels: one function, and the forms in which it can be computed.

All forms give the same numbers but for rounding. Which is fastest depends on device, shape and precision and is not
guessed but measured (``bench.machine.conv_table``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def seed_products(addend: Tensor | None, *terms: tuple[Tensor, Tensor]) -> Tensor:
    """Multiply each pixel of each seed's maps by the seed's matrices, and add all up.

    Parameters
    ----------
    addend : ``(B, H, W, S, M)``, or ``(1, S, M)`` for every pixel, or None.
    terms : maps ``(B, H, W, S, K)`` and matrices ``(S, K, M)``, at least one of each.

    Returns
    -------
    ``(B, H, W, S, M)``.
    """
    if addend is not None and addend.ndim == 5:
        addend = addend.flatten(0, 2)
    flat = [part for x, matrices in terms for part in (x.flatten(0, 2), matrices)]
    total = _compiled_products if torch.compiler.is_compiling() else _Products.apply
    return total(addend, *flat).view(*terms[0][0].shape[:4], -1)


def _compiled_products(addend: Tensor | None, *terms: Tensor) -> Tensor:
    """Do as ``_Products`` where a compiler chooses the memory order."""
    products = [torch.einsum("nsk,skm->nsm", pixels, matrices).contiguous() for pixels, matrices in _in_twos(terms)]
    return sum(products[1:], start=products[0] if addend is None else addend + products[0])


class _Products(torch.autograd.Function):
    """Does it without a change of memory order on the way in or out, and is differentiable to any order.

    ``(N or 1, S, M), (N, S, K), (S, K, M), ... -> (N, S, M)``.
    """

    @staticmethod
    def forward(ctx: Any, addend: Tensor | None, *terms: Tensor) -> Tensor:
        """Return the sum over all terms of ``pixels[:, s] @ matrices[s]``, plus ``addend[:, s]``, for each seed s."""
        ctx.save_for_backward(*terms)
        ctx.everywhere = addend is not None and len(addend) == 1
        total = terms[0].new_empty(*terms[0].shape[:2], terms[1].shape[2])
        out, before = total.transpose(0, 1), None if addend is None else addend.transpose(0, 1)
        for pixels, matrices in _in_twos(terms):
            if before is None:
                torch.bmm(pixels.transpose(0, 1), matrices, out=out)
            else:
                torch.baddbmm(before, pixels.transpose(0, 1), matrices, out=out)
            before = out
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the addend and of each term's pixels and matrices."""
        (upstream,), (of_addend, *wanted) = gradients, ctx.needs_input_grad
        found: list[Tensor | None] = [None]
        if of_addend:
            found = [upstream.sum(0, keepdim=True) if ctx.everywhere else upstream]
        for (pixels, matrices), (first, second) in zip(_in_twos(ctx.saved_tensors), _in_twos(wanted), strict=True):
            found.append(_Products.apply(None, upstream, matrices.transpose(1, 2)) if first else None)
            found.append(torch.bmm(pixels.permute(1, 2, 0), upstream.transpose(0, 1)) if second else None)
        return tuple(found)


def _in_twos(values: Sequence[Any]) -> zip[tuple[Any, Any]]:
    """Return first and second, third and fourth, and so on."""
    return zip(values[::2], values[1::2], strict=True)


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
    return seed_products(None if bias is None else bias.unsqueeze(0), (x, kernel.flatten(2).transpose(1, 2)))


_COMPUTE: dict[ConvForm, Callable[[Tensor, Tensor, Tensor | None, int], Tensor]] = {
    "grouped": _grouped,
    "loop": _loop,
    "dense": _dense,
    "bmm": _bmm,
}
