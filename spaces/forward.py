"""The two ways through a supernet have one interface; the one in training is here, the other in ``spaces.frozen``.

A cell asks a pass for convolutions with their batch norm by name; how the mix gets in differs between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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
        """Return the sum of a weighted 1x1 and a weighted 3x3 convolution, a batch norm each; see ``Layout.sum``."""
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
        return batch_norm(x, self.pieces, name, moved, batch=True, momentum=norm.momentum)


def batch_norm(
    x: Tensor,
    pieces: dict[str, Tensor],
    name: str,
    statistics: tuple[Tensor, Tensor] | None,
    *,
    batch: bool,
    momentum: float,
) -> Tensor:
    """Normalise each channel of each seed; with the batch's statistics where ``batch``, else with the given ones."""
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
