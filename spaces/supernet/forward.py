"""The two ways through a supernet have one interface; the one in training is here, the other in ``frozen.py``.

A cell asks a pass for convolutions with their batch norm by name; how the mix gets in differs between the two. What
belongs to a cell is named ``cellI.J.NAME``; the cell itself sees a pass of its own, in which it is ``NAME``, so that
all cells of one kind are the same function of different tensors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from . import ops
from .conv import TWICE, Forms, FormTable, seed_conv
from .edge_maps import weighed_edges
from .edge_products import Normalised, edge_sums
from .edge_rows import Maps
from .layout import Norm
from .noise import Noise
from .norm_twice import batch_norm_twice
from .ops import BN_EPS, from_nchw, max_pool, relu_in_parts, to_nchw
from .weigh import weigh

#: Running mean and variance of each batch norm, ``(S, C)`` each.
Statistics = Mapping[str, tuple[Tensor, Tensor]]

#: What edges carry to nodes that are still to come: ``(B, H, W, S, E * C)``, or as ``edge_products`` has it.
Sums = Tensor | Maps

T = TypeVar("T")


def by_cell(named: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """Return each cell's own tensors, by cell (``cellI.J``), under the names that the cell uses.

    The entry of a cell without such tensors is empty.
    """
    found: dict[str, dict[str, T]] = defaultdict(dict)
    for name, value in named.items():
        if name.startswith("cell"):
            stack, index, own = name.split(".", 2)
            found[f"{stack}.{index}"][own] = value
    return found


class Pass(Protocol):
    """What a cell reads during one pass; maps are ``(B, H, W, S, C)``."""

    @property
    def pieces(self) -> Mapping[str, Tensor]:
        """Named weights ``(S, *shape)``."""
        ...

    @property
    def form(self) -> Forms:
        """How convolutions keep seeds apart."""
        ...

    def cells(self) -> Mapping[str, Self]:
        """Return a pass for each cell."""
        ...

    @property
    def noise(self) -> Noise:
        """Draws of this pass."""
        ...

    def conv(self, x: Tensor, name: str, *, stride: int = 1, dilation: int = 1) -> Tensor:
        """Convolve, without a batch norm."""
        ...

    def conv_bn(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """Convolve, normalise, and weigh where the batch norm is mixed."""
        ...

    def gathered(self, x: Tensor, name: str) -> Tensor:
        """Do as ``conv_bn``, and add up the groups; see ``Layout.gathered``. Returns the sums side by side."""
        ...

    def rectified(self, x: Tensor, name: str, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """Return weight * relu(bn(conv(x))) in parts of so many channels; the weight is one without a mix."""
        ...

    def mixed(self, x: Tensor, pair: tuple[str, str], pool: Tensor) -> Tensor:
        """Return the sum of two weight * relu(bn(conv(x))) and of the max pool of x weighted by ``pool``."""
        ...

    def edge_sums(
        self, before: Sums | None, node: Tensor, pair: tuple[str, str], skip: Tensor, pool: Tensor
    ) -> tuple[Tensor, Sums]:
        """Return the map of the next node, and what edges carry to those after it.

        The E edges that leave a node add to what earlier ones carry, ``before``: the node's map and its average pool,
        weighted by ``skip`` and ``pool``, ``(S, E, C)``, and a pair of a weighted 1x1 and a weighted 3x3 convolution
        of the rectified map, a batch norm each; see ``Layout.sum``.
        """
        ...

    def norm(self, x: Tensor, name: str) -> Tensor:
        """Normalise, and weigh where the batch norm is mixed."""
        ...

    def relu(self, x: Tensor, *, readers: int = 1) -> Tensor:
        """Return relu(x); ``readers`` says how many operations read it, each of which has a ReLU of its own in the
        networks that the authors write."""
        ...


@dataclass(frozen=True)
class TrainingPass:
    """A pass with the batch's statistics; the mix rides on the batch norms (see ``spaces.supernet.unpack``).

    ``update`` says whether running statistics are moved, in place.
    """

    norms: Mapping[str, Norm]
    pieces: Mapping[str, Tensor]
    statistics: Statistics
    update: bool
    form: Forms
    counts: Mapping[str, tuple[int, ...]]
    noise: Noise

    def cells(self) -> dict[str, TrainingPass]:
        """See ``Pass``."""
        norms, pieces, statistics = by_cell(self.norms), by_cell(self.pieces), by_cell(self.statistics)
        counts = by_cell(self.counts)
        return {
            c: TrainingPass(
                norms[c], pieces[c], statistics[c], self.update, self.form, counts[c], self.noise.of_cell(c)
            )
            for c in pieces
        }

    def conv(self, x: Tensor, name: str, *, stride: int = 1, dilation: int = 1) -> Tensor:
        """See ``Pass``."""
        return seed_conv(x, self.pieces[name], stride=stride, dilation=dilation, form=self.form)

    def conv_bn(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """See ``Pass``."""
        y = seed_conv(x, self.pieces[name], self.pieces.get(f"{name}.bias"), stride=stride, form=self.form)
        return self.norm(y, f"{name}.bn")

    def rectified(self, x: Tensor, name: str, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """See ``Pass``."""
        return relu_in_parts(self.conv_bn(x, name), sizes)

    def mixed(self, x: Tensor, pair: tuple[str, str], pool: Tensor) -> Tensor:
        """See ``Pass``."""
        large, small = (F.relu(self.conv_bn(x, name)) for name in pair)
        return weigh(large + small, (max_pool(x, kernel=3, stride=1, padding=1), pool))

    def gathered(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        return added_up(self.conv_bn(x, name), self.counts[name])

    def edge_sums(
        self, before: Sums | None, node: Tensor, pair: tuple[str, str], skip: Tensor, pool: Tensor
    ) -> tuple[Tensor, Sums]:
        """See ``Pass``."""
        small, large = pair
        if not by_maps(node, skip, self.form):
            x = F.relu(node)
            return weighed_edges(before, node, self.conv_bn(x, small) + self.conv_bn(x, large), skip, pool)
        pieces, norms = self.pieces, [f"{name}.bn" for name in pair]
        convs = Normalised(
            *(pieces[name] for name in (*pair, *(f"{norm}.scale" for norm in norms))),
            *(pieces.get(f"{norm}.shift") for norm in norms),
        )
        first, others, found = edge_sums(() if before is None else (*before,), node, skip, pool, convs)
        for name, norm, (mean, variance) in zip(pair, norms, found, strict=True):
            bias, momentum = pieces.get(f"{name}.bias"), self.norms[norm].momentum
            if running := self._moved(norm):
                with torch.no_grad():
                    running[0].lerp_(mean if bias is None else mean + bias, momentum)
                    running[1].lerp_(variance, momentum)
        return first, others

    def _moved(self, name: str) -> tuple[Tensor, Tensor] | None:
        """Return the running statistics that this pass moves."""
        return self.statistics[name] if self.update and self.norms[name].tracked else None

    def norm(self, x: Tensor, name: str) -> Tensor:
        """See ``Pass``."""
        momentum = self.norms[name].momentum
        return batch_norm(x, self.pieces, name, self._moved(name), batch=True, momentum=momentum)

    def relu(self, x: Tensor, *, readers: int = 1) -> Tensor:
        """See ``Pass``."""
        return F.relu(x)


def added_up(y: Tensor, counts: tuple[int, ...]) -> Tensor:
    """Add up the first ``counts[0]`` equal groups of channels, the next ``counts[1]``, and so on.

    ``(B, H, W, S, sum(counts) * C) -> (B, H, W, S, len(counts) * C)``; a sum of nothing is zero.
    """
    parts = y.unflatten(-1, (sum(counts), -1))
    if len(set(counts)) == 1:
        return parts.unflatten(-2, (len(counts), -1)).sum(-2).flatten(-2)
    return torch.cat([each.sum(-2) for each in parts.split(counts, dim=-2)], dim=-1)


#: How many numbers a node's map must have for a CPU to gain by computing edges map by map, which takes more calls.
LEAST = 2**17


def by_maps(node: Tensor, share: Tensor, form: Forms) -> bool:
    """Whether the edges of a node are computed map by map."""
    return node.numel() >= LEAST and may_go_by_maps(node, share, form)


def may_go_by_maps(x: Tensor, share: Tensor, form: Forms) -> bool:
    """Whether edges of large maps are computed map by map, as a CPU does it fastest in one precision."""
    if torch.compiler.is_compiling() or TWICE.get() or share.dtype != x.dtype or not ops.on_a_cpu(x):
        return False
    return isinstance(form, FormTable) or form == "grouped"


def batch_norm(
    x: Tensor,
    pieces: Mapping[str, Tensor],
    name: str,
    statistics: tuple[Tensor, Tensor] | None,
    *,
    batch: bool,
    momentum: float,
) -> Tensor:
    """Normalise each channel of each seed; with the batch's statistics where ``batch``, else with the given ones."""
    own = [pieces.get(f"{name}.{part}") for part in ("scale", "shift")]
    scale, shift = (None if one is None else one.view(-1) for one in own)
    if batch and statistics is None and TWICE.get():
        return from_nchw(batch_norm_twice(to_nchw(x), scale, shift, BN_EPS), x.shape[3])
    y = F.batch_norm(
        to_nchw(x),
        None if statistics is None else statistics[0].view(-1),
        None if statistics is None else statistics[1].view(-1),
        scale,
        shift,
        training=batch,
        momentum=momentum,
        eps=BN_EPS,
    )
    return from_nchw(y, x.shape[3])
