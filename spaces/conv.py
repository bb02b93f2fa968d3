"""Convolution of S seeds' maps with S kernels: one function, and the forms in which it can be computed.

All forms give the same numbers but for rounding. Which is fastest depends on device, shape and precision and is not
guessed but measured (``bench.conv_table``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

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
    pixels = x.reshape(-1, *x.shape[3:]).transpose(0, 1)  # (S, B * H * W, Cin)
    matrices = kernel.flatten(2).transpose(1, 2)  # (S, Cin, Cout)
    y = torch.bmm(pixels, matrices) if bias is None else torch.baddbmm(bias.unsqueeze(1), pixels, matrices)
    return y.transpose(0, 1).contiguous().view(*x.shape[:4], -1)


_COMPUTE: dict[ConvForm, Callable[[Tensor, Tensor, Tensor | None, int], Tensor]] = {
    "grouped": _grouped,
    "loop": _loop,
    "dense": _dense,
    "bmm": _bmm,
}
