"""The two kinds of cell, over S seeds at once: operations on edges, operations on nodes.

Convolutions that read the same map are one convolution with their outputs side by side, and one batch norm. What the
mix contributes beside them, scalars by which whole maps are weighted, is picked out of it once a pass for all cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import EdgeCell, NodeCell, Space, SupernetConfig
from .forward import Pass
from .layout import Layout, Norm, Position
from .ops import avg_pool, max_pool

EDGE_CONVS = ("nor_conv_1x1", "nor_conv_3x3")
EDGE_SUMS = ("skip_connect", "avg_pool_3x3")
NODE_CONVS = {"conv3x3": 3, "conv1x1": 1}


def declare(layout: Layout, space: Space, config: SupernetConfig, name: str, inputs: int, channels: int) -> int:
    """Add the weights of one cell to a layout and return the width of its output."""
    if isinstance(space.cell, EdgeCell):
        return _declare_edges(layout, space, space.cell, config, name, channels)
    return _declare_nodes(layout, space, space.cell, config, name, inputs, channels)


def scalars(space: Space, mix: Tensor, cells: int) -> list[Scalars]:
    """Pick out of the mix ``(S, R, M)`` what each cell multiplies its maps with.

    Every cell gets tensors of its own, so that their gradients are gathered by one sum over the cells.
    """
    each = mix.expand(cells, *mix.shape)
    if isinstance(space.cell, EdgeCell):
        return _edge_scalars(space, space.cell, each)
    return _node_scalars(space, space.cell, each)


def forward(pass_: Pass, space: Space, config: SupernetConfig, name: str, x: Tensor, weights: Scalars) -> Tensor:
    """Run one cell on ``(B, H, W, S, Cin)``."""
    if isinstance(space.cell, EdgeCell):
        assert isinstance(weights, EdgeScalars)
        return _forward_edges(pass_, space.cell, name, x, weights)
    assert isinstance(weights, NodeScalars)
    return _forward_nodes(pass_, space.cell, config, name, x, weights)


# --- operations on edges: NAS-Bench-201 -------------------------------------------------------------------------


@dataclass(frozen=True)
class EdgeScalars:
    """Weights of the identity and of the average pool on the edges that leave each node, ``(S, E)`` each."""

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
    return channels


def _edge_scalars(space: Space, cell: EdgeCell, mixes: Tensor) -> list[Scalars]:
    by_source = [_rows_from(cell, source) for source in range(cell.nodes - 1)]
    sizes = [len(rows) for rows in by_source]
    ordered = mixes[:, :, [row for rows in by_source for row in rows]]
    skip, pool = ordered[..., [space.operations.index(o) for o in EDGE_SUMS]].unbind(-1)
    each = zip(*(part.unbind(0) for kind in (skip, pool) for part in kind.split(sizes, dim=-1)), strict=True)
    return [EdgeScalars(parts[: len(sizes)], parts[len(sizes) :]) for parts in each]


def _forward_edges(pass_: Pass, cell: EdgeCell, name: str, x: Tensor, weights: EdgeScalars) -> Tensor:
    """Node j = sum over earlier nodes i and operations o of mix[i -> j, o] * o(node i); ``none`` adds nothing."""
    nodes = [x]
    for source, (skip, pool) in enumerate(zip(weights.skip, weights.pool, strict=True)):
        here = nodes[source]
        edges = pass_.conv_sum(F.relu(here), *(f"{name}.{source}.{operation}" for operation in EDGE_CONVS))
        edges = edges.unflatten(-1, (skip.shape[1], -1))  # (B, H, W, S, E, C)
        pooled = avg_pool(here, kernel=3, stride=1, padding=1)
        edges = edges + here.unsqueeze(-2) * skip.unsqueeze(-1) + pooled.unsqueeze(-2) * pool.unsqueeze(-1)
        for target, edge in enumerate(edges.unbind(-2), start=source + 1):
            if target < len(nodes):
                nodes[target] = nodes[target] + edge
            else:
                nodes.append(edge)
    return nodes[-1]


# --- operations on nodes: NAS-Bench-1Shot1 -----------------------------------------------------------------------


@dataclass(frozen=True)
class NodeScalars:
    """Weights of earlier blocks in each block's input, of the max pool, and of blocks in the output, ``(S,)`` each.

    ``parents[i]`` is empty where block i + 1 has no choice of parents and sums them.
    """

    parents: tuple[tuple[Tensor, ...], ...]
    pool: tuple[Tensor, ...]
    output: tuple[Tensor, ...]


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


def _node_scalars(space: Space, cell: NodeCell, mixes: Tensor) -> list[Scalars]:
    starts = [None if site is None else space.site_rows(site).start for site in cell.inputs]
    parents = [[] if row is None else [(row, j) for j in range(1, i + 1)] for i, row in enumerate(starts)]
    pool = [(block, space.operations.index("maxpool3x3")) for block in range(cell.blocks)]
    output = [(space.site_rows(cell.output).start, j) for j in range(1, cell.blocks + 1)]
    groups = [*parents, pool, output]
    rows, columns = zip(*(position for group in groups for position in group), strict=True)
    each = zip(*(entry.unbind(0) for entry in mixes[:, :, list(rows), list(columns)].unbind(-1)), strict=True)
    found: list[Scalars] = []
    for entries in each:
        left = iter(entries)
        split = [tuple(next(left) for _ in group) for group in groups]
        found.append(NodeScalars(tuple(split[:-2]), split[-2], split[-1]))
    return found


def _forward_nodes(
    pass_: Pass, cell: NodeCell, config: SupernetConfig, name: str, x: Tensor, weights: NodeScalars
) -> Tensor:
    """Block i = mixed operation of its weighted parents; the output concatenates all blocks, weighted.

    Every block has a 1x1 projection of its own of the cell's input, and so has the output: they are one convolution.
    The cell of before 2020-02-27 concatenates the output's projection, one block wide, instead of adding it.
    """
    published = config.cell == "published"
    parts = cell.blocks + (1 if published else cell.blocks)
    projected = pass_.activated(x, f"{name}.project").unflatten(-1, (parts, -1))
    *inputs, to_output = projected.split([*[1] * cell.blocks, parts - cell.blocks], dim=-2)

    blocks: list[Tensor] = []
    for index, (z, shares, pool) in enumerate(zip(inputs, weights.parents, weights.pool, strict=True)):
        z = z.squeeze(-2)
        for earlier, block in enumerate(blocks):
            z = z + (block * shares[earlier].unsqueeze(-1) if shares else block)
        mixed = max_pool(z, kernel=3, stride=1, padding=1) * pool.unsqueeze(-1)
        for operation in NODE_CONVS:
            mixed = mixed + pass_.activated(z, f"{name}.{index}.{operation}")
        blocks.append(mixed)

    heavy = [block * weight.unsqueeze(-1) for block, weight in zip(blocks, weights.output, strict=True)]
    if published:
        return torch.cat([*heavy, to_output.squeeze(-2)], dim=-1)
    return (to_output + torch.stack(heavy, dim=-2)).flatten(-2)


Scalars = EdgeScalars | NodeScalars
