"""One forward pass: the weights, the running statistics and the mode, and the blocks that every space uses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .layout import Layout
from .ops import BN_EPS, ConvForm, from_nchw, per_channel, seed_conv, to_nchw

#: Running mean and variance of each batch norm, ``(S, C)`` each.
Statistics = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Forward:
    """What a cell reads during one pass.

    Attributes
    ----------
    pieces : named weights ``(S, *shape)``.
    statistics : read in evaluation; moved in place by a training pass with ``update``.
    training : whether batch norms use the batch's statistics.
    """

    layout: Layout
    pieces: dict[str, Tensor]
    statistics: Statistics
    training: bool
    update: bool
    form: ConvForm

    def conv_bn(self, x: Tensor, name: str, *, weight: Tensor | None = None, stride: int = 1) -> Tensor:
        """Convolve and normalise ``(B, H, W, S, Cin)``.

        ``weight``, ``(S, G)``, multiplies each of G equal groups of output channels; it rides on the batch norm's
        scale and shift, so that mixing costs no pass over the maps and its gradient is the batch norm's own.
        """
        if self._uses_batch(name):
            y = seed_conv(x, self.pieces[name], self.pieces.get(f"{name}.bias"), stride=stride, form=self.form)
            return self.norm(y, f"{name}.bn", weight=weight)
        kernel, bias = self.folded(name, weight)
        return seed_conv(x, kernel, bias, stride=stride, form=self.form)

    def activated(self, x: Tensor, name: str, *, weight: Tensor | None = None) -> Tensor:
        """Return weight * relu(bn(conv(x))), the weight as in ``conv_bn``.

        For weight > 0 it may ride on the batch norm, since w * relu(y) = relu(w * y). At weight = 0 that form loses
        the weight's gradient, so evaluation passes, among them the adversarial ones whose projection makes exact
        zeros, multiply after the activation.
        """
        if weight is None or self.training:
            return F.relu(self.conv_bn(x, name, weight=weight))
        y = F.relu(self.conv_bn(x, name))
        return y * per_channel(weight, y.shape[-1])

    def norm(self, x: Tensor, name: str, *, weight: Tensor | None = None) -> Tensor:
        """Normalise ``(B, H, W, S, C)``; ``weight`` as in ``conv_bn``."""
        norm = self.layout.norms[name]
        batch = self.training or not norm.tracked
        moves = self.training and self.update and norm.tracked
        mean, variance = self.statistics[name] if moves or not batch else (None, None)
        scale, shift = self._affine(name, weight)
        y = F.batch_norm(
            to_nchw(x),
            None if mean is None else mean.view(-1),
            None if variance is None else variance.view(-1),
            None if scale is None else scale.flatten(),
            None if shift is None else shift.flatten(),
            training=batch,
            momentum=norm.momentum,
            eps=BN_EPS,
        )
        return from_nchw(y, x.shape[3])

    def folded(self, name: str, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Fold a batch norm's constants into its convolution: kernel ``(S, Cout, Cin, k, k)``, bias ``(S, Cout)``.

        In evaluation with running statistics a batch norm is an affine map of constants, so it costs no pass over
        the maps at all. ``weight`` as in ``conv_bn``.
        """
        mean, variance = self.statistics[f"{name}.bn"]
        scale, shift = self._affine(f"{name}.bn", weight)
        factor = torch.rsqrt(variance + BN_EPS)
        if scale is not None:
            factor = factor * scale
        offset = -mean
        if (conv_bias := self.pieces.get(f"{name}.bias")) is not None:
            offset = offset + conv_bias
        bias = offset * factor
        if shift is not None:
            bias = bias + shift
        return self.pieces[name] * factor[:, :, None, None, None], bias

    def _uses_batch(self, name: str) -> bool:
        return self.training or not self.layout.norms[f"{name}.bn"].tracked

    def _affine(self, name: str, weight: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Return scale and shift ``(S, C)`` of a batch norm with the mixing weight in them."""
        scale, shift = self.pieces.get(f"{name}.scale"), self.pieces.get(f"{name}.shift")
        if weight is None:
            return scale, shift
        weight = per_channel(weight, self.layout.norms[name].channels)
        return (weight if scale is None else scale * weight), (None if shift is None else shift * weight)
