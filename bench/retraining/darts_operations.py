"""The operations of the DARTS spaces in a network of its own weights: batch norms with an affine part.

quark0/darts cnn/operations.py at f276dd3; the noise of S4 from SmoothDARTS sota/cnn/operations.py at d3dbfed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spaces.supernet.ops import window_means


def operation(name: str, width: int, stride: int, *, pool_norm: bool) -> nn.Module:
    """Return an operation that keeps the width; ``pool_norm`` says whether a batch norm follows a pool."""
    kind, _, rest = name.partition("_")
    kernel = int(rest[-1]) if rest[-1:].isdigit() else 0
    match kind:
        case "noise":
            return Noise(stride)
        case "skip":
            return nn.Identity() if stride == 1 else halving(width, width)
        case "max" | "avg":
            pool = nn.MaxPool2d(kernel, stride, kernel // 2) if kind == "max" else _Means(kernel, stride)
            return nn.Sequential(pool, nn.BatchNorm2d(width)) if pool_norm else pool
        case "sep":
            return nn.Sequential(*_separable(width, kernel, stride), *_separable(width, kernel, 1))
        case "dil":
            return nn.Sequential(*_separable(width, kernel, stride, dilation=2))
        case _:
            raise ValueError(f"'{name}' is no operation of the DARTS spaces")


def conv(inputs: int, outputs: int) -> nn.Module:
    """Return ReLU, pointwise convolution, batch norm."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def halving(inputs: int, outputs: int) -> nn.Module:
    """Return the factorized reduce, which halves a map of even sides."""
    return _Halving(inputs, outputs)


class Noise(nn.Module):
    """Standard normal noise in the shape of the map, drawn anew in each pass, in training and in evaluation."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the noise; no gradient reaches ``x``."""
        like = x[:, :, :: self.stride, :: self.stride]
        return torch.randn(like.shape, generator=generator, device=x.device, dtype=x.dtype)


class _Means(nn.Module):
    """The mean of each window, its padding not counted."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return window_means(x, self.kernel, stride=self.stride, padding=self.kernel // 2)


class _Halving(nn.Module):
    """ReLU; two pointwise convolutions, of which the second sees what the first leaves out; batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = x.relu()
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], dim=1))


def _separable(width: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    """Return ReLU, depthwise convolution, pointwise convolution, batch norm."""
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, stride, padding, dilation, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    ]
