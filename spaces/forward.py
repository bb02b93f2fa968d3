"""The two ways through a supernet, with one interface: ``Training`` and ``Frozen``.

A cell asks a pass for convolutions with their batch norm by name; how the mix gets in differs between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from .conv import Forms, seed_conv
from .layout import Layout
from .ops import BN_EPS, from_nchw, to_nchw

#: Running mean and variance of each batch norm, ``(S, C)`` each.
Statistics = dict[str, tuple[Tensor, Tensor]]


class Pass(Protocol):
    """What a cell reads during one pass; maps are ``(B, H, W, S, C)``."""

    @property
    def pieces(self) -> dict[str, Tensor]:
        """Named weights ``(S, *shape)``."""
        ...

    @property
    def form(self) -> Forms:
        """How convolutions keep seeds apart."""
        ...

    def conv_bn(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """Convolve, normalise, and weigh where the batch norm is mixed."""
        ...

    def activated(self, x: Tensor, name: str) -> Tensor:
        """Return weight * relu(bn(conv(x))); the weight is one where the batch norm is not mixed."""
        ...

    def conv_sum(self, x: Tensor, small: str, large: str) -> Tensor:
        """Return the sum of a weighted 1x1 and a weighted 3x3 convolution, a batch norm each."""
        ...

    def norm(self, x: Tensor, name: str) -> Tensor:
        """Normalise."""
        ...


@dataclass(frozen=True)
class Training:
    """A pass with the batch's statistics; the mix rides on the batch norms (see ``spaces.unpack``).

    ``update`` says whether running statistics are moved, in place.
    """

    layout: Layout
    pieces: dict[str, Tensor]
    statistics: Statistics
    update: bool
    form: Forms

    def conv_bn(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """See ``Pass``."""
        y = seed_conv(x, self.pieces[name], self.pieces.get(f"{name}.bias"), stride=stride, form=self.form)
        return self.norm(y, f"{name}.bn")

    def activated(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        return F.relu(self.conv_bn(x, name))

    def conv_sum(self, x: Tensor, small: str, large: str) -> Tensor:
        """See ``Pass``."""
        return self.conv_bn(x, small) + self.conv_bn(x, large)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        norm = self.layout.norms[name]
        moved = self.statistics[name] if self.update and norm.tracked else None
        return _batch_norm(x, self.pieces, name, moved, batch=True, momentum=norm.momentum)


@dataclass(frozen=True)
class Frozen:
    """A pass with running statistics, which are constants like the weights: only the mix has a gradient.

    A batch norm of constants is an affine map and is folded into its convolution, so that it costs no pass over the
    maps. The mix is multiplied in after activations: at a weight of exactly zero, as the adversarial projection makes
    them, riding on the batch norm would lose the weight's gradient.

    Attributes
    ----------
    kernels : folded kernel ``(S, Cout, Cin, k, k)`` and bias ``(S, Cout)`` of each convolution whose batch norm is
        tracked.
    factors : mixing weight ``(S, C)`` of each channel of the mixed batch norms.
    """

    layout: Layout
    pieces: dict[str, Tensor]
    statistics: Statistics
    kernels: dict[str, tuple[Tensor, Tensor]]
    factors: dict[str, Tensor]
    form: Forms

    def conv_bn(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """See ``Pass``."""
        y = self._normalised(x, name, stride=stride)
        factor = self.factors.get(f"{name}.bn")
        return y if factor is None else y * factor.to(y.dtype)

    def activated(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        y = F.relu(self._normalised(x, name))
        factor = self.factors.get(f"{name}.bn")
        return y if factor is None else y * factor.to(y.dtype)

    def conv_sum(self, x: Tensor, small: str, large: str) -> Tensor:
        """See ``Pass``.

        Nothing stands between the two kernels and their sum, so both are one 3x3 kernel and cost one convolution.
        """
        if small not in self.kernels or large not in self.kernels:
            return self.conv_bn(x, small) + self.conv_bn(x, large)
        (small_kernel, small_bias), (large_kernel, large_bias) = self.kernels[small], self.kernels[large]
        a, b = self.factors[f"{small}.bn"], self.factors[f"{large}.bn"]
        kernel = large_kernel * b[:, :, None, None, None] + F.pad(
            small_kernel * a[:, :, None, None, None], (1, 1, 1, 1)
        )
        return seed_conv(x, kernel, small_bias * a + large_bias * b, form=self.form)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        norm = self.layout.norms[name]
        used = self.statistics[name] if norm.tracked else None
        return _batch_norm(x, self.pieces, name, used, batch=not norm.tracked, momentum=0.0)

    def _normalised(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        if name in self.kernels:
            return seed_conv(x, *self.kernels[name], stride=stride, form=self.form)
        y = seed_conv(x, self.pieces[name], self.pieces.get(f"{name}.bias"), stride=stride, form=self.form)
        return self.norm(y, f"{name}.bn")


def fold(layout: Layout, pieces: dict[str, Tensor], statistics: Statistics) -> dict[str, tuple[Tensor, Tensor]]:
    """Fold the tracked batch norms into their convolutions; see ``Frozen.kernels``."""
    kernels = {}
    for name, norm in layout.norms.items():
        conv = name.removesuffix(".bn")
        if not norm.tracked or conv not in pieces:
            continue
        mean, variance = statistics[name]
        factor = torch.rsqrt(variance + BN_EPS) * pieces.get(f"{name}.scale", 1.0)
        bias = (pieces.get(f"{conv}.bias", 0.0) - mean) * factor + pieces.get(f"{name}.shift", 0.0)
        kernels[conv] = (pieces[conv] * factor[:, :, None, None, None], bias)
    return kernels


def _batch_norm(
    x: Tensor,
    pieces: dict[str, Tensor],
    name: str,
    statistics: tuple[Tensor, Tensor] | None,
    *,
    batch: bool,
    momentum: float,
) -> Tensor:
    scale, shift = pieces.get(f"{name}.scale"), pieces.get(f"{name}.shift")
    y = F.batch_norm(
        to_nchw(x),
        None if statistics is None else statistics[0].view(-1),
        None if statistics is None else statistics[1].view(-1),
        None if scale is None else scale.view(-1),
        None if shift is None else shift.view(-1),
        training=batch,
        momentum=momentum,
        eps=BN_EPS,
    )
    return from_nchw(y, x.shape[3])
