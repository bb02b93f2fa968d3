"""The two kinds of cell, over S seeds at once: operations on edges, operations on nodes.

Convolutions that read the same map are one convolution with their outputs side by side, and one batch norm. What the
mix contributes beside them, shares by which whole maps are weighted, is laid out once a pass for each stack of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.base import EdgeCell, NodeCell, Space, SupernetConfig

from .forward import Pass
from .layout import Layout, Norm, Position
from .ops import avg_pool, max_pool
from .weigh import weigh

EDGE_CONVS = ("nor_conv_1x1", "nor_conv_3x3")
EDGE_SUMS = ("skip_connect", "avg_pool_3x3")
NODE_CONVS = {"conv3x3": 3, "conv1x1": 1}


def declare(layout: Layout, space: Space, config: SupernetConfig, name: str, inputs: int, channels: int) -> int:
    """Add the weights of one cell to a layout and return the width of its output."""
    if isinstance(space.cell, EdgeCell):
        return _declare_edges(layout, space, space.cell, config, name, channels)
    return _declare_nodes(layout, space, space.cell, config, name, inputs, channels)


def weighing(space: Space) -> list[Position]:
    """Return the entries of the mix by which a cell weighs whole maps, those that ride on no batch norm."""
    if isinstance(space.cell, EdgeCell):
        return _edge_entries(space, space.cell)
    return [entry for group in _node_entries(space, space.cell) for entry in group]


def shares(space: Space, entries: Tensor, cells: int, channels: int) -> Sequence[Shares]:
    """Lay out what the cells of one stack, ``channels`` wide, multiply their maps with.

    ``entries``, ``(S, len(weighing(space)))``, are picked out of the mix. Every cell gets tensors of its own, so that
    their gradients are gathered by one sum over the cells.
    """
    each = entries.expand(cells, *entries.shape)
    if isinstance(space.cell, EdgeCell):
        return _edge_shares(space.cell, each, channels)
    return _node_shares(space, space.cell, each, channels)


def forward(space: Space, config: SupernetConfig, pass_: Pass, x: Tensor, weights: Shares) -> Tensor:
    """Run one cell on ``(B, H, W, S, Cin)``; ``pass_`` is the cell's own."""
    if isinstance(space.cell, EdgeCell):
        assert isinstance(weights, EdgeShares)
        return _forward_edges(pass_, space.cell, x, weights)
    assert isinstance(weights, NodeShares)
    return _forward_nodes(pass_, space.cell, config, x, weights)


# --- operations on edges: NAS-Bench-201 -------------------------------------------------------------------------


@dataclass(frozen=True)
class EdgeShares:
    """For each node that edges leave, the shares ``(S, E, C)`` of its identity and of its average pool on E edges.

    A share is repeated for each channel, and lies edge by edge in memory, so that the maps of an edge are scaled in one
    contiguous loop over seeds and channels.
    """

    skip: tuple[Tensor, ...]
    pool: tuple[Tensor, ...]


def _rows_from(cell: EdgeCell, source: int) -> list[int]:
    """Return the rows of the edges that leave a node, targets ascending."""
    return [row for row, edge in enumerate(cell.edges) if edge[0] == source]


def _declare_edges(
    layout: Layout, space: Space, cell: EdgeCell, config: SupernetConfig, name: str, channels: int
) -> int:
    for source in range(cell.nodes - 1):
        rows = _rows_from(cell, source)
        for operation, kernel in zip(EDGE_CONVS, (1, 3), strict=True):
            conv, width = f"{name}.{source}.{operation}", len(rows) * channels
            owners: tuple[Position, ...] = tuple((row, space.operations.index(operation)) for row in rows)
            layout.conv(conv, width, channels, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(width, config.bn_momentum, config.bn_tracked, mix=owners)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
        layout.sum(*(f"{name}.{source}.{operation}" for operation in EDGE_CONVS))
    return channels


def _edge_entries(space: Space, cell: EdgeCell) -> list[Position]:
    rows = [row for source in range(cell.nodes - 1) for row in _rows_from(cell, source)]
    return [(row, space.operations.index(operation)) for row in rows for operation in EDGE_SUMS]


def _edge_shares(cell: EdgeCell, entries: Tensor, channels: int) -> Sequence[EdgeShares]:
    by_edge = entries.unflatten(-1, (-1, len(EDGE_SUMS))).permute(0, 3, 2, 1)  # (cells, 2, edges, S)
    repeated = by_edge.unsqueeze(-1).expand(*by_edge.shape, channels).flatten(0, 2)
    sizes = list(range(cell.nodes - 1, 0, -1))
    parts = repeated.split(sizes * (len(EDGE_SUMS) * len(entries)))  # split once: so are their gradients joined
    left = iter([part.transpose(0, 1) for part in parts])
    return [EdgeShares(*(tuple(next(left) for _ in sizes) for _ in EDGE_SUMS)) for _ in range(len(entries))]


def _forward_edges(pass_: Pass, cell: EdgeCell, x: Tensor, weights: EdgeShares) -> Tensor:
    """Node j = sum over earlier nodes i and operations o of mix[i -> j, o] * o(node i); ``none`` adds nothing."""
    node, sums = x, None
    for source, (skip, pool) in enumerate(zip(weights.skip, weights.pool, strict=True)):
        edges = pass_.conv_sum(F.relu(node), *(f"{source}.{operation}" for operation in EDGE_CONVS))
        edges = weigh(edges, (node, skip), (avg_pool(node, kernel=3, stride=1, padding=1), pool))
        edges = edges.unflatten(-1, (cell.nodes - 1 - source, -1))  # (B, H, W, S, E, C), targets ascending
        sums = edges if sums is None else sums + edges
        node, sums = sums.split([1, cell.nodes - 2 - source], dim=-2)
        node = node.squeeze(-2)
    return node


# --- operations on nodes: NAS-Bench-1Shot1 -----------------------------------------------------------------------


@dataclass(frozen=True)
class NodeShares:
    """Weights of earlier blocks in each block's input, of the max pool, and of blocks in the output.

    Each is ``(S, 1, C)``, the weight repeated, so that maps are scaled in one contiguous loop over seeds and channels;
    in ``output`` those of all blocks stand side by side, ``(S, 1, blocks * C)``. ``parents[i]`` is empty where block
    i + 1 has no choice of parents and sums them.
    """

    parents: tuple[tuple[Tensor, ...], ...]
    pool: tuple[Tensor, ...]
    output: Tensor


def _declare_nodes(
    layout: Layout,
    space: Space,
    cell: NodeCell,
    config: SupernetConfig,
    name: str,
    inputs: int,
    channels: int,
) -> int:
    published = config.cell == "published"
    to_output = (space.site_rows(cell.output).start, 0)
    to_blocks = [None if site is None else (space.site_rows(site).start, 0) for site in cell.inputs]
    shares = (*to_blocks, *[to_output] * (1 if published else cell.blocks))
    width = len(shares) * channels
    layout.conv(f"{name}.project", width, inputs, 1)
    norm = Norm(width, config.bn_momentum, config.bn_tracked, mix=shares)
    layout.norm(f"{name}.project.bn", norm, affine=config.bn_affine)
    for block in range(cell.blocks):
        for operation, kernel in NODE_CONVS.items():
            conv, owners = f"{name}.{block}.{operation}", ((block, space.operations.index(operation)),)
            layout.conv(conv, channels, channels, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(channels, config.bn_momentum, config.bn_tracked, mix=owners)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
    return (cell.blocks + published) * channels


def _node_entries(space: Space, cell: NodeCell) -> list[list[Position]]:
    """Return the entries that weigh each block's parents, the blocks' max pools, and the blocks in the output."""
    starts = [None if site is None else space.site_rows(site).start for site in cell.inputs]
    parents = [[] if row is None else [(row, j) for j in range(1, i + 1)] for i, row in enumerate(starts)]
    pool = [(block, space.operations.index("maxpool3x3")) for block in range(cell.blocks)]
    output = [(space.site_rows(cell.output).start, j) for j in range(1, cell.blocks + 1)]
    return [*parents, pool, output]


def _node_shares(space: Space, cell: NodeCell, entries: Tensor, channels: int) -> Sequence[NodeShares]:
    groups = _node_entries(space, cell)
    repeated = entries.unsqueeze(-1).expand(*entries.shape, channels)  # (cells, S, entries, C)
    maps = repeated[:, :, : -cell.blocks].transpose(1, 2).contiguous()
    outputs = repeated[:, :, -cell.blocks :].flatten(2)
    found = []
    for one, output in zip(maps.unsqueeze(3).unbind(0), outputs.unsqueeze(2).unbind(0), strict=True):
        left = iter(one.unbind(0))
        *parents, pool = [tuple(next(left) for _ in group) for group in groups[:-1]]
        found.append(NodeShares(tuple(parents), pool, output))
    return found


def _forward_nodes(pass_: Pass, cell: NodeCell, config: SupernetConfig, x: Tensor, weights: NodeShares) -> Tensor:
    """Block i = mixed operation of its weighted parents; the output concatenates all blocks, weighted.

    Every block has a 1x1 projection of its own of the cell's input, and so has the output: they are one convolution.
    The cell of before 2020-02-27 concatenates the output's projection, one block wide, instead of adding it.
    """
    published = config.cell == "published"
    parts = cell.blocks + (1 if published else cell.blocks)
    projected = pass_.activated(x, "project").unflatten(-1, (parts, -1))
    *inputs, to_output = projected.split([*[1] * cell.blocks, parts - cell.blocks], dim=-2)

    blocks: list[Tensor] = []
    for index, (z, shares, pool) in enumerate(zip(inputs, weights.parents, weights.pool, strict=True)):
        z = z.squeeze(-2)
        for earlier, block in enumerate(blocks):
            z = weigh(z, (block, shares[earlier])) if shares else z + block
        large, small = (pass_.activated(z, f"{index}.{operation}") for operation in NODE_CONVS)
        blocks.append(weigh(large + small, (max_pool(z, kernel=3, stride=1, padding=1), pool)))

    if published:
        ones = weights.output.new_ones(len(weights.output), 1, blocks[0].shape[-1])
        joined = torch.cat([*blocks, to_output.squeeze(-2)], dim=-1)
        return weigh(None, (joined, torch.cat([weights.output, ones], dim=-1)))
    return weigh(to_output.flatten(-2), (torch.cat(blocks, dim=-1), weights.output))


Shares = EdgeShares | NodeShares
