"""The two kinds of cell, over S seeds at once: operations on edges, operations on nodes.

Convolutions that read the same map are one convolution with their outputs side by side, and one batch norm.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import EdgeCell, NodeCell, Space, SupernetConfig
from .forward import Forward
from .layout import Layout, Norm
from .ops import avg_pool, max_pool, per_map, seed_conv

EDGE_CONVS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
NODE_CONVS = {"conv3x3": 3, "conv1x1": 1}


def declare(layout: Layout, space: Space, config: SupernetConfig, name: str, inputs: int, channels: int) -> int:
    """Add the weights of one cell to a layout and return the width of its output."""
    if isinstance(space.cell, EdgeCell):
        return _declare_edges(layout, space, space.cell, config, name, channels)
    return _declare_nodes(layout, space, space.cell, config, name, inputs, channels)


def forward(pass_: Forward, space: Space, config: SupernetConfig, name: str, x: Tensor, mix: Tensor) -> Tensor:
    """Run one cell on ``(B, H, W, S, Cin)`` with the mix ``(S, R, M)``."""
    if isinstance(space.cell, EdgeCell):
        return _forward_edges(pass_, space, space.cell, name, x, mix)
    return _forward_nodes(pass_, space, space.cell, config, name, x, mix)


# --- operations on edges: NAS-Bench-201 -------------------------------------------------------------------------


def _rows_from(cell: EdgeCell, source: int) -> list[int]:
    """Return the rows of the edges that leave a node, targets ascending."""
    return [row for row, edge in enumerate(cell.edges) if edge[0] == source]


def _declare_edges(
    layout: Layout, space: Space, cell: EdgeCell, config: SupernetConfig, name: str, channels: int
) -> int:
    for source in range(cell.nodes - 1):
        rows = _rows_from(cell, source)
        for operation, kernel in EDGE_CONVS.items():
            conv, width = f"{name}.{source}.{operation}", len(rows) * channels
            owners = tuple((row, space.operations.index(operation)) for row in rows)
            layout.conv(conv, width, channels, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(width, config.bn_momentum, config.bn_tracked)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
    return channels


def _forward_edges(pass_: Forward, space: Space, cell: EdgeCell, name: str, x: Tensor, mix: Tensor) -> Tensor:
    """Node j = sum over earlier nodes i and operations o of mix[i -> j, o] * o(node i); ``none`` adds nothing."""
    skip, pool = (space.operations.index(o) for o in ("skip_connect", "avg_pool_3x3"))
    nodes: list[Tensor] = [x]
    for source in range(cell.nodes - 1):
        rows = _rows_from(cell, source)
        weights = mix[:, rows[0] : rows[-1] + 1] if _adjacent(rows) else mix[:, rows]  # (S, E, choices)
        here = nodes[source]
        edges = _mixed_convs(pass_, space, f"{name}.{source}", F.relu(here), weights)
        edges = edges.unflatten(-1, (len(rows), -1))  # (B, H, W, S, E, C)
        pooled = avg_pool(here, kernel=3, stride=1, padding=1)
        edges = torch.addcmul(edges, here.unsqueeze(-2), weights[..., skip, None])
        edges = torch.addcmul(edges, pooled.unsqueeze(-2), weights[..., pool, None])
        for target, edge in enumerate(edges.unbind(-2), start=source + 1):
            if target < len(nodes):
                nodes[target] = nodes[target] + edge
            else:
                nodes.append(edge)
    return nodes[-1]


def _adjacent(rows: list[int]) -> bool:
    return rows == list(range(rows[0], rows[-1] + 1))


def _mixed_convs(pass_: Forward, space: Space, name: str, x: Tensor, weights: Tensor) -> Tensor:
    """Sum the weighted convolutions of all edges that leave a node: ``(B, H, W, S, E * C)``.

    With running statistics nothing stands between the two kernels of an edge and their sum, so both are one 3x3
    kernel and cost one convolution.
    """
    columns = {operation: weights[..., space.operations.index(operation)] for operation in EDGE_CONVS}
    tracked = all(pass_.layout.norms[f"{name}.{o}.bn"].tracked for o in EDGE_CONVS)
    if pass_.training or not tracked:
        small, large = (pass_.conv_bn(x, f"{name}.{o}", weight=w) for o, w in columns.items())
        return small + large
    (small, small_bias), (large, large_bias) = (pass_.folded(f"{name}.{o}", weight=w) for o, w in columns.items())
    return seed_conv(x, F.pad(small, (1, 1, 1, 1)) + large, small_bias + large_bias, form=pass_.form)


# --- operations on nodes: NAS-Bench-1Shot1 -----------------------------------------------------------------------


def _declare_nodes(
    layout: Layout,
    space: Space,
    cell: NodeCell,
    config: SupernetConfig,
    name: str,
    inputs: int,
    channels: int,
) -> int:
    parts = cell.blocks + (1 if config.cell == "published" else cell.blocks)
    layout.conv(f"{name}.project", parts * channels, inputs, 1)
    layout.norm(
        f"{name}.project.bn",
        Norm(parts * channels, config.bn_momentum, config.bn_tracked),
        affine=config.bn_affine,
    )
    for block in range(cell.blocks):
        for operation, kernel in NODE_CONVS.items():
            conv, owners = f"{name}.{block}.{operation}", ((block, space.operations.index(operation)),)
            layout.conv(conv, channels, channels, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(channels, config.bn_momentum, config.bn_tracked)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
    return (cell.blocks + (config.cell == "published")) * channels


def _forward_nodes(
    pass_: Forward, space: Space, cell: NodeCell, config: SupernetConfig, name: str, x: Tensor, mix: Tensor
) -> Tensor:
    """Block i = mixed operation of its weighted parents; the output concatenates all blocks, weighted.

    Every block has a 1x1 projection of its own of the cell's input, and so has the output: they are one convolution.
    The cell of before 2020-02-27 concatenates the output's projection, one block wide, instead of adding it.
    """
    published = config.cell == "published"
    output = mix[:, space.site_rows(cell.output)][:, 0]  # (S, 1 + blocks)
    parents = [mix[:, space.site_rows(site)][:, 0] if site else None for site in cell.inputs]
    ones = torch.ones_like(output[:, 0])
    first = [ones if weights is None else weights[:, 0] for weights in parents]
    shares = torch.stack([*first, *[output[:, 0]] * (1 if published else cell.blocks)], dim=1)
    projected = pass_.activated(x, f"{name}.project", weight=shares).unflatten(-1, (shares.shape[1], -1))

    blocks: list[Tensor] = []
    for index, weights in enumerate(parents):
        z = projected[..., index, :]
        for earlier, block in enumerate(blocks, start=1):
            z = z + block if weights is None else torch.addcmul(z, block, per_map(weights[:, earlier]))
        blocks.append(_mixed_node(pass_, space, f"{name}.{index}", z, mix[:, index]))

    heavy = [block * per_map(output[:, j]) for j, block in enumerate(blocks, start=1)]
    if published:
        return torch.cat([*heavy, projected[..., cell.blocks, :]], dim=-1)
    return (projected[..., cell.blocks :, :] + torch.stack(heavy, dim=-2)).flatten(-2)


def _mixed_node(pass_: Forward, space: Space, name: str, z: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum of a block's operations on ``(B, H, W, S, C)``; ``weights`` is ``(S, choices)``."""
    pooled = max_pool(z, kernel=3, stride=1, padding=1)
    total = pooled * per_map(weights[:, space.operations.index("maxpool3x3")])
    for operation in NODE_CONVS:
        column = space.operations.index(operation)
        total = total + pass_.activated(z, f"{name}.{operation}", weight=weights[:, column : column + 1])
    return total
