"""Pairs of convolutions whose outputs are only ever added up: the mix turns both kernels of a pair into one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from .frozen_edges import Pair

#: Kernel ``(S, Cout, Cin, k, k)`` and bias ``(S, Cout)`` of each convolution.
Kernels = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class KernelSums:
    """The kernels of all summed pairs of one width, row after row.

    A row is an output of a pair and a seed: pair after pair, seed after seed; kernels of 1x1 are ``(rows, Cin)``,
    those of 3x3 ``(rows, 9 * Cin)``, inputs last, biases ``(rows, 1)``. ``sizes`` counts the rows of each pair,
    ``maps`` is the precision of what ``mixed`` returns.
    """

    seeds: int
    pairs: tuple[tuple[str, str], ...]
    sizes: tuple[int, ...]
    small: Tensor
    large: Tensor
    small_bias: Tensor
    large_bias: Tensor
    maps: torch.dtype

    @classmethod
    def of(cls, kernels: Kernels, pairs: list[tuple[str, str]], maps: torch.dtype) -> KernelSums:
        """Lay out the kernels of pairs of one width."""
        small, large = ([kernels[pair[which]] for pair in pairs] for which in (0, 1))
        return cls(
            seeds=len(large[0][1]),
            pairs=tuple(pairs),
            sizes=tuple(bias.numel() for _, bias in large),
            small=torch.cat([_rows(kernel) for kernel, _ in small]),
            large=torch.cat([_rows(kernel) for kernel, _ in large]),
            small_bias=torch.cat([bias.flatten() for _, bias in small]).unsqueeze(1),
            large_bias=torch.cat([bias.flatten() for _, bias in large]).unsqueeze(1),
            maps=maps,
        )

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
        seeds, inputs = self.seeds, self.small.shape[1]
        return {
            large: (kernel.view(seeds, -1, 3, 3, inputs).permute(0, 1, 4, 2, 3), bias.view(seeds, -1))
            for (_, large), kernel, bias in zip(self.pairs, kernels, biases, strict=True)
        }

    @cached_property
    def apart(self) -> dict[str, Pair]:
        """The kernels and biases of each pair, under the name of its 3x3 convolution."""
        columns = self.small, self.small_bias, self.large, self.large_bias
        parts = zip(*(column.split(self.sizes) for column in columns), strict=True)
        return {large: Pair.of_rows(self.seeds, *own) for (_, large), own in zip(self.pairs, parts, strict=True)}


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


def _rows(kernel: Tensor) -> Tensor:
    """Return a kernel ``(S, Cout, Cin, k, k)`` as ``(S * Cout, k * k * Cin)``."""
    return kernel.permute(0, 1, 3, 4, 2).flatten(2).flatten(0, 1)
