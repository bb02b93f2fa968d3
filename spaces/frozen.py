"""The way through a supernet whose weights and running statistics are constants: only the mix has a gradient.

That is evaluation, and the many evaluations at one set of weights of an adversarial attack. A batch norm of constants
is an affine map and is folded into its convolution once, so that it costs no pass over the maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .conv import Forms, seed_conv
from .forward import Statistics, batch_norm
from .layout import Layout
from .ops import BN_EPS

#: Kernel ``(S, Cout, Cin, k, k)`` and bias ``(S, Cout)`` of each convolution.
Kernels = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Sums:
    """The kernels of all summed pairs of one width, 1x1 (inside 3x3) and 3x3, row after row.

    A row is an output of a pair and a seed: pair after pair, seed after seed, ``(rows, Cin * 9)``; biases
    ``(rows, 1)``. ``sizes`` counts the rows of each pair.
    """

    pairs: tuple[tuple[str, str], ...]
    sizes: tuple[int, ...]
    small: Tensor
    large: Tensor
    small_bias: Tensor
    large_bias: Tensor

    def mixed(self, factors: dict[str, Tensor]) -> Kernels:
        """Return one kernel and bias for each pair, under the name of its 3x3 convolution.

        Nothing stands between the two kernels of a pair and their sum, so their weighted sum is a kernel, and the
        pair costs one convolution. A few operations make the kernels of all pairs.
        """
        a, b = (
            torch.cat([factors[f"{pair[which]}.bn"].flatten() for pair in self.pairs]).unsqueeze(1) for which in (0, 1)
        )
        kernels = torch.addcmul(self.small * a, self.large, b).split(self.sizes)
        biases = torch.addcmul(self.small_bias * a, self.large_bias, b).split(self.sizes)
        seeds = len(factors[f"{self.pairs[0][0]}.bn"])
        return {
            large: (kernel.view(seeds, rows // seeds, -1, 3, 3), bias.view(seeds, -1))
            for (_, large), rows, kernel, bias in zip(self.pairs, self.sizes, kernels, biases, strict=True)
        }


@dataclass(frozen=True)
class FrozenWeights:
    """Weights and running statistics that stay as they are, with what follows from them alone.

    Attributes
    ----------
    kernels : of the convolutions whose batch norm is tracked, that folded in; those of summed pairs are in ``sums``.
    """

    pieces: dict[str, Tensor]
    statistics: Statistics
    kernels: Kernels
    sums: tuple[Sums, ...]


def freeze(layout: Layout, pieces: dict[str, Tensor], statistics: Statistics) -> FrozenWeights:
    """Fold the tracked batch norms into their convolutions."""
    kernels: Kernels = {}
    for name, norm in layout.norms.items():
        conv = name.removesuffix(".bn")
        if not norm.tracked or conv not in pieces:
            continue
        mean, variance = statistics[name]
        factor = torch.rsqrt(variance + BN_EPS) * pieces.get(f"{name}.scale", 1.0)
        bias = (pieces.get(f"{conv}.bias", 0.0) - mean) * factor + pieces.get(f"{name}.shift", 0.0)
        kernels[conv] = (pieces[conv] * factor[:, :, None, None, None], bias)
    by_width: dict[int, list[tuple[str, str]]] = {}
    for pair in layout.sums:
        if pair[0] in kernels and pair[1] in kernels:
            by_width.setdefault(kernels[pair[1]][0].shape[2], []).append(pair)
    return FrozenWeights(pieces, statistics, kernels, tuple(_sums(kernels, pairs) for pairs in by_width.values()))


def _sums(kernels: Kernels, pairs: list[tuple[str, str]]) -> Sums:
    small, large = ([kernels[pair[which]] for pair in pairs] for which in (0, 1))
    return Sums(
        pairs=tuple(pairs),
        sizes=tuple(bias.numel() for _, bias in large),
        small=torch.cat([F.pad(kernel, (1, 1, 1, 1)).flatten(2).flatten(0, 1) for kernel, _ in small]),
        large=torch.cat([kernel.flatten(2).flatten(0, 1) for kernel, _ in large]),
        small_bias=torch.cat([bias.flatten() for _, bias in small]).unsqueeze(1),
        large_bias=torch.cat([bias.flatten() for _, bias in large]).unsqueeze(1),
    )


class Frozen:
    """A pass at frozen weights; see ``spaces.forward.Pass``.

    The mix is multiplied in after activations: at a weight of exactly zero, as the adversarial projection makes them,
    riding on the batch norm would lose the weight's gradient.

    Parameters
    ----------
    factors : mixing weight ``(S, C)`` of each channel of the mixed batch norms.
    """

    def __init__(self, layout: Layout, frozen: FrozenWeights, factors: dict[str, Tensor], form: Forms) -> None:
        self.pieces = frozen.pieces
        self.form: Forms = form
        self._layout, self._frozen, self._factors = layout, frozen, factors
        self._mixed: Kernels = {}
        for sums in frozen.sums:
            self._mixed |= sums.mixed(factors)

    def conv_bn(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """See ``Pass``."""
        return self._weighed(self._normalised(x, name, stride=stride), name)

    def activated(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        return self._weighed(F.relu(self._normalised(x, name)), name)

    def conv_sum(self, x: Tensor, small: str, large: str) -> Tensor:
        """See ``Pass``."""
        if large in self._mixed:
            return seed_conv(x, *self._mixed[large], form=self.form)
        return self.conv_bn(x, small) + self.conv_bn(x, large)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        norm = self._layout.norms[name]
        used = self._frozen.statistics[name] if norm.tracked else None
        return batch_norm(x, self.pieces, name, used, batch=not norm.tracked, momentum=0.0)

    def _normalised(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        if name in self._frozen.kernels:
            return seed_conv(x, *self._frozen.kernels[name], stride=stride, form=self.form)
        y = seed_conv(x, self.pieces[name], self.pieces.get(f"{name}.bias"), stride=stride, form=self.form)
        return self.norm(y, f"{name}.bn")

    def _weighed(self, y: Tensor, name: str) -> Tensor:
        factor = self._factors.get(f"{name}.bn")
        return y if factor is None else y * factor.to(y.dtype)
