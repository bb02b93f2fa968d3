"""What weights a supernet has: its skeleton's, and those of each kind of cell.

Nothing in this module imports torch, so that a space can be described without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spaces.base import EdgeCell, NodeCell, Space, SupernetConfig

from .layout import Layout, Norm, Position

#: The convolutions of each kind of cell, with the sides of their kernels.
EDGE_CONVS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
NODE_CONVS = {"conv3x3": 3, "conv1x1": 1}


@dataclass(frozen=True)
class Place:
    """Where a cell stands in the network.

    Attributes
    ----------
    name : of the cell, ``cellSTACK.INDEX``; its weights have names that begin with it.
    channels : of the stack.
    widths : channels of each map that the cell reads.
    """

    name: str
    channels: int
    widths: tuple[int, ...]


def declare(space: Space, config: SupernetConfig, *, image_channels: int = 3, classes: int = 10) -> Layout:
    """Return the weights and batch norms of the supernet of a space."""
    skeleton, layout, width = space.skeleton, Layout(), config.channels
    layout.conv("stem", width, image_channels, 3)
    layout.norm("stem.bn", Norm(width, config.bn_momentum), affine=True)
    for stack in range(skeleton.stacks):
        channels = config.channels * 2**stack
        if stack and skeleton.reduction == "residual":
            _residual(layout, config, f"reduce{stack}", width, channels)
            width = channels
        for index in range(config.cells):
            place = Place(f"cell{stack}.{index}", channels, (width,))
            width = _CELLS[type(space.cell)](layout, space, space.cell, config, place)
    channels = config.channels * 2 ** (skeleton.stacks - 1)
    if skeleton.head == "bn-relu":
        own = config.head_norm == "own"
        norm = Norm(width, config.bn_momentum, tracked=own or config.bn_tracked)
        layout.norm("head.bn", norm, affine=own or config.bn_affine)
    else:
        layout.conv("head", channels, width, 1)
        layout.norm("head.bn", Norm(channels, 0.1), affine=False)
    layout.linear("classify", classes, channels)
    return layout


def _residual(layout: Layout, config: SupernetConfig, name: str, inputs: int, channels: int) -> None:
    for part, source in (("a", inputs), ("b", channels)):
        layout.conv(f"{name}.{part}", channels, source, 3)
        layout.norm(f"{name}.{part}.bn", Norm(channels, config.bn_momentum), affine=True)
    layout.conv(f"{name}.shortcut", channels, inputs, 1)


def _on_edges(layout: Layout, space: Space, cell: EdgeCell, config: SupernetConfig, place: Place) -> int:
    """Add the weights of a cell with operations on edges and return the width of its output."""
    operations = space.operations
    for source in range(cell.nodes - 1):
        rows = cell.rows_from(source)
        for operation, kernel in EDGE_CONVS.items():
            conv, width = f"{place.name}.{source}.{operation}", len(rows) * place.channels
            owners: tuple[Position, ...] = tuple((row, operations.index(operation)) for row in rows)
            layout.conv(conv, width, place.channels, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(width, config.bn_momentum, config.bn_tracked, mix=owners)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
        layout.sum(*(f"{place.name}.{source}.{operation}" for operation in EDGE_CONVS))
    return place.channels


def _on_nodes(layout: Layout, space: Space, cell: NodeCell, config: SupernetConfig, place: Place) -> int:
    """Add the weights of a cell with operations on nodes and return the width of its output."""
    channels, blocks, published = place.channels, cell.blocks, config.cell == "published"
    to_output = (space.site_rows(cell.output).start, 0)
    to_blocks = [None if site is None else (space.site_rows(site).start, 0) for site in cell.inputs]
    shares = (*to_blocks, *[to_output] * (1 if published else blocks))
    width = len(shares) * channels
    layout.conv(f"{place.name}.project", width, place.widths[0], 1)
    norm = Norm(width, config.bn_momentum, config.bn_tracked, mix=shares)
    layout.norm(f"{place.name}.project.bn", norm, affine=config.bn_affine)
    for block in range(blocks):
        for operation, kernel in NODE_CONVS.items():
            conv, owners = f"{place.name}.{block}.{operation}", ((block, space.operations.index(operation)),)
            layout.conv(conv, channels, channels, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(channels, config.bn_momentum, config.bn_tracked, mix=owners)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
    return (blocks + published) * channels


_CELLS: dict[type, Callable[[Layout, Space, Any, SupernetConfig, Place], int]] = {
    EdgeCell: _on_edges,
    NodeCell: _on_nodes,
}
