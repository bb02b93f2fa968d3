"""What weights a supernet has: its skeleton's, and those of each kind of cell.

Nothing in this module imports torch, so that a space can be described without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spaces.base import EdgeCell, NodeCell, Space, SupernetConfig, TwoInputCell

from .layout import Layout, Norm, Position
from .levels import DILATED, POOLS, SEPARABLE, SKIP, levels

#: Channels of the outputs of the last two cells, the latest last.
Widths = tuple[int, int]

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
    operated : the first of these, which operations see; the others pass them by (``spaces.supernet.partial``).
    reduction, after_reduction : whether the cell halves the map, and whether the one before it did.
    """

    name: str
    channels: int
    operated: int
    reduction: bool = False
    after_reduction: bool = False


def places(space: Space, config: SupernetConfig) -> list[list[Place]]:
    """Return where each cell of each stack stands."""
    found, halved = list[list[Place]](), False
    for stack, cells in enumerate(config.stack_lengths(space.skeleton)):
        found.append([])
        for index in range(cells):
            halves = space.skeleton.reduction == "cell" and stack > 0 and index == 0
            channels = config.channels * 2**stack
            found[-1].append(Place(f"cell{stack}.{index}", channels, channels // config.partial, halves, halved))
            halved = halves
    return found


def declare(space: Space, config: SupernetConfig, *, image_channels: int = 3, classes: int = 10) -> Layout:
    """Return the weights and batch norms of the supernet of a space."""
    skeleton, layout = space.skeleton, Layout()
    older = width = config.channels * skeleton.stem_multiplier
    layout.conv("stem", width, image_channels, 3)
    layout.norm("stem.bn", Norm(width, config.bn_momentum), affine=True)
    for stack, cells in enumerate(places(space, config)):
        if stack and skeleton.reduction == "residual":
            channels = config.channels * 2**stack
            _residual(layout, config, f"reduce{stack}", width, channels)
            width = channels
        for place in cells:
            own = _CELLS[type(space.cell)](layout, space, space.cell, config, place, (older, width))
            older, width = width, own
    channels = config.channels * 2 ** (skeleton.stacks - 1)
    if skeleton.head == "bn-relu":
        own = config.head_norm == "own"
        norm = Norm(width, config.bn_momentum, tracked=own or config.bn_tracked)
        layout.norm("head.bn", norm, affine=own or config.bn_affine)
    elif skeleton.head == "none":
        channels = width
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


def _on_edges(
    layout: Layout, space: Space, cell: EdgeCell, config: SupernetConfig, place: Place, widths: Widths
) -> int:
    """Add the weights of a cell with operations on edges and return the width of its output."""
    operations = space.operations
    for source in range(cell.nodes - 1):
        rows = cell.rows_from(source)
        for operation, kernel in EDGE_CONVS.items():
            conv, width = f"{place.name}.{source}.{operation}", len(rows) * place.operated
            owners: tuple[Position, ...] = tuple((row, operations.index(operation)) for row in rows)
            layout.conv(conv, width, place.operated, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(width, config.bn_momentum, config.bn_tracked, mix=owners)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
        layout.sum(*(f"{place.name}.{source}.{operation}" for operation in EDGE_CONVS))
    return place.channels


def _on_nodes(
    layout: Layout, space: Space, cell: NodeCell, config: SupernetConfig, place: Place, widths: Widths
) -> int:
    """Add the weights of a cell with operations on nodes and return the width of its output."""
    channels, blocks, published = place.channels, cell.blocks, config.cell == "published"
    to_output = (space.site_rows(cell.output).start, 0)
    to_blocks = [None if site is None else (space.site_rows(site).start, 0) for site in cell.inputs]
    shares = (*to_blocks, *[to_output] * (1 if published else blocks))
    width = len(shares) * channels
    layout.conv(f"{place.name}.project", width, widths[-1], 1)
    norm = Norm(width, config.bn_momentum, config.bn_tracked, mix=shares)
    layout.norm(f"{place.name}.project.bn", norm, affine=config.bn_affine)
    layout.rectified.append((f"{place.name}.project",))
    for block in range(blocks):
        for operation, kernel in NODE_CONVS.items():
            conv, owners = f"{place.name}.{block}.{operation}", ((block, space.operations.index(operation)),)
            layout.conv(conv, place.operated, place.operated, kernel, bias=config.conv_bias, owners=owners)
            norm = Norm(place.operated, config.bn_momentum, config.bn_tracked, mix=owners)
            layout.norm(f"{conv}.bn", norm, affine=config.bn_affine, owners=owners)
        layout.rectified.append(tuple(f"{place.name}.{block}.{operation}" for operation in NODE_CONVS))
    return (blocks + published) * channels


def _two_inputs(
    layout: Layout, space: Space, cell: TwoInputCell, config: SupernetConfig, place: Place, widths: Widths
) -> int:
    """Add the weights of a cell of two inputs and return the width of its output."""
    channels, affine = place.operated, config.bn_affine

    def norm(name: str, width: int, owners: tuple[Position, ...] = (), *, mixed: bool = False) -> None:
        made = Norm(width, config.bn_momentum, config.bn_tracked, mix=owners if mixed else ())
        layout.norm(f"{place.name}.{name}.bn", made, affine=affine, owners=owners)

    for number, width in enumerate(widths):
        if number == 0 and place.after_reduction:
            _halves(layout, f"{place.name}.input0", place.channels, width)
        else:
            layout.conv(f"{place.name}.input{number}", place.channels, width, 1)
        norm(f"input{number}", place.channels)
    for level in levels(space, reduction=place.reduction):
        separable, both = level.of(SEPARABLE), level.of(SEPARABLE, DILATED)
        for operation, edges in both.items():
            kernel, owners = (SEPARABLE | DILATED)[operation], tuple(edge.entry for edge in edges)
            for turn in ("first", "second")[: 1 + (operation in separable)]:
                name = f"{place.name}.{level.name}.{operation}.{turn}"
                layout.conv(name, len(edges) * channels, 1, kernel, owners=owners)
        in_order = tuple(both[operation][number].entry for operation, number in level.ordered(both))
        for turn, owners in (
            ("first", tuple(e.entry for edges in separable.values() for e in edges)),
            ("last", in_order),
        ):
            if owners:
                width = len(owners) * channels
                layout.conv(f"{place.name}.{level.name}.{turn}", width, channels, 1, owners=owners)
                norm(f"{level.name}.{turn}", width, owners, mixed=turn == "last")
        if both:
            layout.gathered[f"{place.name}.{level.name}.last"] = level.counts(both)
        for operation in level.of(POOLS):  # without affine part: all edges of a node share it
            made = Norm(len(level.sources) * channels, config.bn_momentum, config.bn_tracked)
            layout.norm(f"{place.name}.{level.name}.{operation}.bn", made, affine=False)
        for operation, edges in level.of([SKIP]).items() if level.stride > 1 else ():
            owners = tuple(edge.entry for edge in edges)
            _halves(layout, f"{place.name}.{level.name}.{operation}", channels, channels, owners)
            norm(f"{level.name}.{operation}", len(owners) * channels, owners, mixed=True)
    return cell.nodes * place.channels


def _halves(layout: Layout, name: str, channels: int, inputs: int, owners: tuple[Position, ...] = ()) -> None:
    """Add a factorized reduce: half the channels of each output read the even pixels, and half the odd ones."""
    times = max(1, len(owners))
    layout.conv(f"{name}.even", times * (channels // 2), inputs, 1, owners=owners)
    layout.conv(f"{name}.odd", times * (channels - channels // 2), inputs, 1, owners=owners)


_CELLS: dict[type, Callable[[Layout, Space, Any, SupernetConfig, Place, Widths], int]] = {
    EdgeCell: _on_edges,
    NodeCell: _on_nodes,
    TwoInputCell: _two_inputs,
}
