"""Operations on nodes: the cell of NAS-Bench-1Shot1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from spaces.base import NodeCell, Space, SupernetConfig
from spaces.supernet.declare import NODE_CONVS, Place
from spaces.supernet.forward import Pass
from spaces.supernet.layout import Position
from spaces.supernet.partial import divided, joined
from spaces.supernet.weigh import beside, onward, weigh

from .kind import CellKind

POOL = "maxpool3x3"


@dataclass(frozen=True)
class NodeShares:
    """Weights of earlier blocks in each block's input, of the max pool, and of blocks in the output.

    Each is ``(S, 1, C)``, the weight repeated for each channel of its map, so that maps are scaled in one contiguous
    loop over seeds and channels; in ``output`` those of all blocks stand side by side, ``(S, 1, blocks * C)``.
    ``parents[i]`` is empty where block i + 1 has no choice of parents and sums them.
    """

    parents: tuple[tuple[Tensor, ...], ...]
    pool: tuple[Tensor, ...]
    output: Tensor


@final
class OnNodes(CellKind):
    """Block i = mixed operation of its weighted parents; the output concatenates all blocks, weighted.

    Every block has a 1x1 projection of its own of the cell's input, and so has the output: they are one convolution.
    The cell of before 2020-02-27 concatenates the output's projection, one block wide, instead of adding it.
    """

    def __init__(self, space: Space, config: SupernetConfig) -> None:
        assert isinstance(space.cell, NodeCell)
        super().__init__(space, config)
        self._cell, self._published = space.cell, config.cell == "published"

    def weighing(self) -> list[Position]:
        """See ``CellKind``."""
        return [entry for group in self._entries for entry in group]

    @cached_property
    def _entries(self) -> list[list[Position]]:
        """The entries that weigh each block's parents, the blocks' max pools, and the blocks in the output."""
        space, cell = self.space, self._cell
        starts = [None if site is None else space.site_rows(site).start for site in cell.inputs]
        parents = [[] if row is None else [(row, j) for j in range(1, i + 1)] for i, row in enumerate(starts)]
        pool = [(block, space.operations.index(POOL)) for block in range(cell.blocks)]
        output = [(space.site_rows(cell.output).start, j) for j in range(1, cell.blocks + 1)]
        return [*parents, pool, output]

    def shares(self, entries: Tensor, places: Sequence[Place]) -> Sequence[NodeShares]:
        """See ``CellKind``."""
        cells, channels = len(places), places[0].channels
        blocks, each = self._cell.blocks, entries.expand(cells, *entries.shape)
        repeated = each.unsqueeze(-1).expand(*each.shape, channels)  # (cells, S, entries, C)
        maps = repeated[:, :, :-blocks].transpose(1, 2).contiguous()
        outputs = repeated[:, :, -blocks:].flatten(2)
        found = []
        for one, output in zip(maps.unsqueeze(3).unbind(0), outputs.unsqueeze(2).unbind(0), strict=True):
            left = iter(one.unbind(0))
            *parents, pool = [tuple(next(left) for _ in group) for group in self._entries[:-1]]
            pool = tuple(divided(share, self.config.partial)[0] for share in pool)
            found.append(NodeShares(tuple(parents), pool, output))
        return found

    def forward(self, pass_: Pass, shares: NodeShares, *inputs: Tensor) -> Tensor:
        """See ``CellKind``."""
        (x,) = inputs
        count, partial = self._cell.blocks, self.config.partial
        channels = shares.output.shape[-1] // count
        sizes = [channels] * count + [channels * (1 if self._published else count)]
        *to_blocks, to_output = pass_.rectified(x, "project", sizes)

        blocks: list[Tensor] = []
        for index, (z, weights, pool) in enumerate(zip(to_blocks, shares.parents, shares.pool, strict=True)):
            for earlier, block in enumerate(blocks):
                if weights:
                    z, blocks[earlier] = onward(z, block, weights[earlier])
                else:
                    z = z + block
            seen, rest = divided(z, partial)
            large, small = (f"{index}.{operation}" for operation in NODE_CONVS)
            blocks.append(joined(pass_.mixed(seen, (large, small), pool), rest, partial))

        if self._published:
            ones = shares.output.new_ones(len(shares.output), 1, channels)
            whole = torch.cat([*blocks, to_output], dim=-1)
            return weigh(None, (whole, torch.cat([shares.output, ones], dim=-1)))
        return beside(to_output, blocks, shares.output)
