"""The way through a supernet whose weights and running statistics are constants: only the mix has a gradient.

That is evaluation, and the many evaluations at one set of weights of an adversarial attack. A batch norm of constants
is an affine map and is folded into its convolution once, so that it costs no pass over the maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from . import folded, ops
from .conv import Forms, seed_conv
from .edge_maps import weighed_edges
from .folded import Folded, Folds
from .forward import Statistics, Sums, added_up, batch_norm, by_cell, by_maps, may_go_by_maps
from .frozen_edges import Pair, frozen_edge_sums, mixed_pair
from .kernel_sums import Kernels, KernelSums
from .layout import Layout, Norm
from .noise import Noise
from .ops import BN_EPS, max_pool
from .weigh import weigh


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
    sums = tuple(KernelSums.of(kernels, pairs, to) for pairs in by_width.values())
    for name in (name for each in sums for pair in each.pairs for name in pair):
        del kernels[name]
    rectified = [group for group in layout.rectified if all(name in kernels for name in group)]
    apart = ops.on_a_cpu(pieces["stem"]) or pieces["stem"].requires_grad
    folds = () if apart else tuple(Folds.of(kernels, rectified, to))
    kernels = {
        name: (kernel, bias) if name in layout.gathered else (kernel.to(to), bias.to(to))
        for name, (kernel, bias) in kernels.items()
    }
    convolved = {name: piece.to(to) if piece.ndim == 5 else piece for name, piece in pieces.items()}
    return FrozenWeights(convolved, statistics, kernels, sums, folds)


@dataclass(frozen=True)
class Frozen:
    """A pass at frozen weights; see ``spaces.supernet.forward.Pass``.

    The mix is multiplied in after activations: at a weight of exactly zero, as the adversarial projection makes them,
    riding on the batch norm would lose the weight's gradient.

    Attributes
    ----------
    kernels : those of ``FrozenWeights``, and of each summed pair the mixed one under the name of the 3x3 convolution.
    pairs : the summed pairs that are not mixed yet, as ``frozen_edges`` takes them, under the same name.
    factors : mixing weight ``(S, C)`` of each channel of the mixed batch norms, those of mixed pairs excepted.
    folded : rectified convolutions with their mixing weights, under the name of the first of each group.
    """

    norms: Mapping[str, Norm]
    pieces: Mapping[str, Tensor]
    statistics: Statistics
    kernels: Mapping[str, tuple[Tensor, Tensor]]
    pairs: Mapping[str, Pair]
    factors: Mapping[str, Tensor]
    form: Forms
    counts: Mapping[str, tuple[int, ...]]
    noise: Noise
    folded: Mapping[str, Folded]

    @classmethod
    def at(cls, layout: Layout, frozen: FrozenWeights, factors: dict[str, Tensor], form: Forms, noise: Noise) -> Frozen:
        """Return the pass of a whole network at the mixing weights ``(S, C)`` of its mixed batch norms."""
        kernels, pairs, left = dict(frozen.kernels), dict[str, Pair](), dict(factors)
        for sums in frozen.sums:
            constant = not sums.small.requires_grad and sums.small.dtype == sums.maps
            if constant and may_go_by_maps(sums.small, factors[f"{sums.pairs[0][0]}.bn"], form):
                pairs |= sums.apart
                continue
            kernels |= sums.mixed(factors)
            for name in (name for pair in sums.pairs for name in pair):
                del left[f"{name}.bn"]
        found = {name: one for folds in frozen.folds for name, one in folds.at(factors).items()}
        return cls(
            layout.norms, frozen.pieces, frozen.statistics, kernels, pairs, left, form, layout.gathered, noise, found
        )

    def cells(self) -> Mapping[str, Frozen]:
        """See ``Pass``."""
        names = (field.name for field in fields(Frozen) if field.name not in ("form", "noise"))
        parts = {name: by_cell(getattr(self, name)) for name in names}
        return {
            cell: replace(self, noise=self.noise.of_cell(cell), **{name: own[cell] for name, own in parts.items()})
            for cell in parts["pieces"]
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
        self, before: Sums | None, node: Tensor, pair: tuple[str, str], skip: Tensor, pool: Tensor
    ) -> tuple[Tensor, Sums]:
        """See ``Pass``."""
        small, large = pair
        if large in self.pairs:  # all channels of an edge have one weight
            a, b = (self.factors[f"{name}.bn"][:, :: node.shape[-1]] for name in pair)
            if by_maps(node, skip, self.form):
                earlier = () if before is None else (*before,)
                return frozen_edge_sums(earlier, node, skip, pool, (a, b), self.pairs[large])
            y = seed_conv(F.relu(node), *mixed_pair(a, b, self.pairs[large]), form=self.form)
            return weighed_edges(before, node, y, skip, pool)
        x = F.relu(node)
        if f"{large}.bn" in self.factors:  # else mixed into one kernel
            return weighed_edges(before, node, self.conv_bn(x, small) + self.conv_bn(x, large), skip, pool)
        return weighed_edges(before, node, seed_conv(x, *self.kernels[large], form=self.form), skip, pool)

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
