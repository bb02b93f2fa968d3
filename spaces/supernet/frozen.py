"""The way through a supernet whose weights and running statistics are constants: only the mix has a gradient.

That is evaluation, and the many evaluations at one set of weights of an adversarial attack. A batch norm of constants
is an affine map and is folded into its convolution once, so that it costs no pass over the maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import folded, ops
from .conv import Forms, seed_conv
from .edge_maps import weighed_edges
from .edge_products import Convolved, edge_sums
from .folded import Folded, Folds
from .forward import Statistics, added_up, batch_norm, by_cell, multiplies
from .layout import Layout, Norm
from .noise import Noise
from .ops import BN_EPS, max_pool
from .weigh import weigh

#: Kernel ``(S, Cout, Cin, k, k)`` and bias ``(S, Cout)`` of each convolution.
Kernels = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class KernelSums:
    """The kernels of all summed pairs of one width, row after row.

    A row is an output of a pair and a seed: pair after pair, seed after seed; kernels of 1x1 are ``(rows, Cin)``,
    those of 3x3 ``(rows, 9 * Cin)``, inputs last, biases ``(rows, 1)``. ``sizes`` counts the rows of each pair,
    ``maps`` is the precision of what ``mixed`` returns.
    """

    pairs: tuple[tuple[str, str], ...]
    sizes: tuple[int, ...]
    small: Tensor
    large: Tensor
    small_bias: Tensor
    large_bias: Tensor
    maps: torch.dtype

    def mixed(self, factors: dict[str, Tensor]) -> Kernels:
        """Return one kernel and bias for each pair, under the name of its 3x3 convolution.

        Nothing stands between the two kernels of a pair and their sum, so their weighted sum is a kernel, and the
        pair costs one convolution. A few operations make the kernels of all pairs.
        """
        a, b = (
            torch.cat([factors[f"{pair[which]}.bn"].flatten() for pair in self.pairs]).unsqueeze(1) for which in (0, 1)
        )
        # rounded all at once to the precision of the maps
        kernels = _Summed.apply(self.small, self.large, a, b).to(self.maps).split(self.sizes)
        biases = torch.addcmul(self.small_bias * a, self.large_bias, b).to(self.maps).split(self.sizes)
        seeds = len(factors[f"{self.pairs[0][0]}.bn"])
        return {
            large: (kernel.view(seeds, rows // seeds, 3, 3, -1).permute(0, 1, 4, 2, 3), bias.view(seeds, -1))
            for (_, large), rows, kernel, bias in zip(self.pairs, self.sizes, kernels, biases, strict=True)
        }


class _Summed(torch.autograd.Function):
    """Adds weighted 1x1 kernels to the centres of weighted 3x3 kernels, and is differentiable to any order.

    ``(rows, Cin), (rows, 9 * Cin), (rows, 1), (rows, 1) -> (rows, 9 * Cin)``. Kernels are larger than the maps of the
    last stack: each operation on all of them that is saved counts.
    """

    @staticmethod
    def forward(ctx: Any, small: Tensor, large: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """Return ``a * small``, widened by zeros to 3x3, plus ``b * large``."""
        ctx.save_for_backward(small, large, a, b)
        kernels = large * b
        _centres(kernels).addcmul_(small, a)
        return kernels

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of both kernels and both weights."""
        (upstream,), (small, large, a, b), wanted = gradients, ctx.saved_tensors, ctx.needs_input_grad
        centres = _centres(upstream)
        return (
            centres * a if wanted[0] else None,
            upstream * b if wanted[1] else None,
            torch.linalg.vecdot(centres, small).unsqueeze(1) if wanted[2] else None,
            torch.linalg.vecdot(upstream, large).unsqueeze(1) if wanted[3] else None,
        )


def _centres(kernels: Tensor) -> Tensor:
    """View the middle of 3x3 kernels ``(rows, 9 * Cin)`` as ``(rows, Cin)``."""
    return kernels.unflatten(1, (9, -1))[:, 4]


@dataclass(frozen=True)
class FrozenWeights:
    """Weights and running statistics that stay as they are, and what follows from them.

    Attributes
    ----------
    kernels : of the convolutions whose batch norm is tracked, that folded in, but for those of summed pairs.
    sums : of the summed pairs among them.
    folds : of the rectified ones among them, for a GPU that needs no gradient of the weights.
    """

    pieces: dict[str, Tensor]
    statistics: Statistics
    kernels: Kernels
    sums: tuple[KernelSums, ...]
    folds: tuple[Folds, ...] = ()


def freeze(
    layout: Layout, pieces: dict[str, Tensor], statistics: Statistics, maps: torch.dtype | None = None
) -> FrozenWeights:
    """Fold the tracked batch norms into their convolutions, and round what is convolved with to ``maps``.

    What is still to be mixed is rounded after that.
    """
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
    to = maps or pieces["stem"].dtype
    sums = tuple(_sums(kernels, pairs, to) for pairs in by_width.values())
    for name in (name for each in sums for pair in each.pairs for name in pair):
        del kernels[name]
    rectified = [group for group in layout.rectified if all(name in kernels for name in group)]
    apart = ops.on_a_cpu(pieces["stem"]) or pieces["stem"].requires_grad
    folds = () if apart else tuple(Folds.of(kernels, rectified, to))
    kernels = {name: (kernel.to(to), bias.to(to)) for name, (kernel, bias) in kernels.items()}
    convolved = {name: piece.to(to) if piece.ndim == 5 else piece for name, piece in pieces.items()}
    return FrozenWeights(convolved, statistics, kernels, sums, folds)


def _sums(kernels: Kernels, pairs: list[tuple[str, str]], maps: torch.dtype) -> KernelSums:
    small, large = ([kernels[pair[which]] for pair in pairs] for which in (0, 1))
    return KernelSums(
        pairs=tuple(pairs),
        sizes=tuple(bias.numel() for _, bias in large),
        small=torch.cat([_rows(kernel) for kernel, _ in small]),
        large=torch.cat([_rows(kernel) for kernel, _ in large]),
        small_bias=torch.cat([bias.flatten() for _, bias in small]).unsqueeze(1),
        large_bias=torch.cat([bias.flatten() for _, bias in large]).unsqueeze(1),
        maps=maps,
    )


def _rows(kernel: Tensor) -> Tensor:
    """Return a kernel ``(S, Cout, Cin, k, k)`` as ``(S * Cout, k * k * Cin)``."""
    return kernel.permute(0, 1, 3, 4, 2).flatten(2).flatten(0, 1)


@dataclass(frozen=True)
class Frozen:
    """A pass at frozen weights; see ``spaces.supernet.forward.Pass``.

    The mix is multiplied in after activations: at a weight of exactly zero, as the adversarial projection makes them,
    riding on the batch norm would lose the weight's gradient.

    Attributes
    ----------
    kernels : those of ``FrozenWeights``, and of each summed pair the mixed one under the name of the 3x3 convolution.
    factors : mixing weight ``(S, C)`` of each channel of the mixed batch norms, those of summed pairs excepted.
    folded : rectified convolutions with their mixing weights, under the name of the first of each group.
    """

    norms: Mapping[str, Norm]
    pieces: Mapping[str, Tensor]
    statistics: Statistics
    kernels: Mapping[str, tuple[Tensor, Tensor]]
    factors: Mapping[str, Tensor]
    form: Forms
    counts: Mapping[str, tuple[int, ...]]
    noise: Noise
    folded: Mapping[str, Folded]

    @classmethod
    def at(cls, layout: Layout, frozen: FrozenWeights, factors: dict[str, Tensor], form: Forms, noise: Noise) -> Frozen:
        """Return the pass of a whole network at the mixing weights ``(S, C)`` of its mixed batch norms."""
        kernels, left = dict(frozen.kernels), dict(factors)
        for sums in frozen.sums:
            kernels |= sums.mixed(factors)
            for name in (name for pair in sums.pairs for name in pair):
                del left[f"{name}.bn"]
        found = {name: one for folds in frozen.folds for name, one in folds.at(factors).items()}
        return cls(layout.norms, frozen.pieces, frozen.statistics, kernels, left, form, layout.gathered, noise, found)

    def cells(self) -> Mapping[str, Frozen]:
        """See ``Pass``."""
        norms, pieces, statistics = by_cell(self.norms), by_cell(self.pieces), by_cell(self.statistics)
        kernels, factors, counts = by_cell(self.kernels), by_cell(self.factors), by_cell(self.counts)
        found = by_cell(self.folded)
        return {
            c: Frozen(
                norms[c],
                pieces[c],
                statistics[c],
                kernels[c],
                factors[c],
                self.form,
                counts[c],
                self.noise.of_cell(c),
                found[c],
            )
            for c in pieces
        }

    def conv(self, x: Tensor, name: str, *, stride: int = 1, dilation: int = 1) -> Tensor:
        """See ``Pass``."""
        return seed_conv(x, self.pieces[name], stride=stride, dilation=dilation, form=self.form)

    def conv_bn(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """See ``Pass``."""
        return self._weighed(self._normalised(x, name, stride=stride), f"{name}.bn")

    def rectified(self, x: Tensor, name: str, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """See ``Pass``."""
        if name in self.folded and not torch.compiler.is_compiling():
            return folded.rectified(x, self.folded[name], sizes, self.form)
        return self._activated(x, name).split(list(sizes), dim=-1)

    def mixed(self, x: Tensor, pair: tuple[str, str], pool: Tensor) -> Tensor:
        """See ``Pass``."""
        if pair[0] in self.folded and not torch.compiler.is_compiling():
            return folded.mixed(x, self.folded[pair[0]], pool, self.form)
        large, small = (self._activated(x, name) for name in pair)
        return weigh(large + small, (max_pool(x, kernel=3, stride=1, padding=1), pool))

    def _activated(self, x: Tensor, name: str) -> Tensor:
        return self._weighed(self.relu(self._normalised(x, name)), f"{name}.bn")

    def gathered(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``.

        Where each sum has equally many terms, nothing stands between them: they are one convolution, whose kernels the
        mix weighs.
        """
        counts = self.counts[name]
        if name not in self.kernels or len(set(counts)) != 1:
            return added_up(self.conv_bn(x, name), counts)
        (kernel, bias), factor = self.kernels[name], self.factors[f"{name}.bn"]
        mixed = (kernel * factor[:, :, None, None, None]).flatten(2)  # (S, terms * C, Cin)
        targets, terms = len(counts), counts[0]
        mixed = mixed.unflatten(1, (targets, terms, -1)).transpose(2, 3)  # (S, targets, C, terms, Cin)
        mixed = mixed.flatten(3).flatten(1, 2)[..., None, None]
        biases = (bias * factor).unflatten(1, (targets, terms, -1)).sum(2).flatten(1)
        return seed_conv(x, mixed.to(x.dtype), biases.to(x.dtype), form=self.form)

    def edge_sums(
        self, before: Tensor | None, node: Tensor, pair: tuple[str, str], skip: Tensor, pool: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See ``Pass``."""
        small, large = pair
        if f"{large}.bn" in self.factors:  # else mixed into one kernel
            x = F.relu(node)
            return weighed_edges(before, node, self.conv_bn(x, small) + self.conv_bn(x, large), skip, pool)
        kernel, bias = self.kernels[large]
        if multiplies(node, skip, kernel, self.form):
            return edge_sums(before, node, skip, pool, Convolved(kernel, bias))[:2]
        return weighed_edges(before, node, seed_conv(F.relu(node), kernel, bias, form=self.form), skip, pool)

    def relu(self, x: Tensor, *, readers: int = 1) -> Tensor:
        """See ``Pass``."""
        return F.relu(x)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        return self._weighed(self._norm(x, name), name)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        norm = self.norms[name]
        used = self.statistics[name] if norm.tracked else None
        return batch_norm(x, self.pieces, name, used, batch=not norm.tracked, momentum=0.0)

    def _normalised(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        if name in self.kernels:
            return seed_conv(x, *self.kernels[name], stride=stride, form=self.form)
        y = seed_conv(x, self.pieces[name], self.pieces.get(f"{name}.bias"), stride=stride, form=self.form)
        return self._norm(y, f"{name}.bn")

    def _weighed(self, y: Tensor, name: str) -> Tensor:
        factor = self.factors.get(name)
        return y if factor is None else weigh(None, (y, factor.unsqueeze(1)))
