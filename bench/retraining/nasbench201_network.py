"""The network behind the NAS-Bench-201 table.

Stem, three stacks of N cells with C, 2C and 4C channels, a residual block that halves the map between two stacks,
and a linear head (Dong & Yang, NAS-Bench-201, ICLR 2020, figure 1; D-X-Y/AutoDL-Projects
lib/models/cell_infers/tiny_network.py). Unlike in the supernet the cells' batch norms have an affine part.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from spaces.base import Drawing
from spaces.supernet.ops import window_means


def build(
    cell: Drawing,
    *,
    channels: int = 16,
    cells: int = 5,
    image_channels: int = 3,
    classes: int = 10,
    bn_momentum: float = 0.1,
) -> nn.Module:
    """Return the network of a cell with operations on its edges, with ``cells`` cells per stack."""
    layers: list[nn.Module] = [
        nn.Conv2d(image_channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    ]
    width = channels
    for stack in range(3):
        if stack:
            layers.append(_Reduction(width, 2 * width))
            width *= 2
        layers += [_Cell(cell, width) for _ in range(cells)]
    layers += [
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, classes),
    ]
    network = nn.Sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = bn_momentum
    return network


class _Cell(nn.Module):
    """A cell: each node sums its incoming edges, and the last node is the output. An edge of ``none`` is left out."""

    def __init__(self, cell: Drawing, channels: int) -> None:
        super().__init__()
        self.nodes = len(cell.nodes)
        self.ends = [(source, target) for source, target, _ in cell.edges]
        self.operations = nn.ModuleList(_operation(operation, channels) for _, _, operation in cell.edges)

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for node in range(1, self.nodes):
            terms = [
                operation(values[source])
                for (source, target), operation in zip(self.ends, self.operations, strict=True)
                if target == node
            ]
            values.append(reduce(torch.add, terms) if terms else torch.zeros_like(x))
        return values[-1]


class _Means(nn.Module):
    """The mean of the 3 x 3 pixels around each pixel; padding does not count."""

    def forward(self, x: Tensor) -> Tensor:
        return window_means(x, 3, stride=1, padding=1)


class _Reduction(nn.Module):
    """The residual block that halves the map; its shortcut has no batch norm."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, width, 3, stride=2), _conv(width, width, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.body(x)


def _operation(name: str, channels: int) -> nn.Module:
    match name:
        case "skip_connect":
            return nn.Identity()
        case "avg_pool_3x3":
            return _Means()
        case "nor_conv_1x1":
            return _conv(channels, channels, 1)
        case _:
            return _conv(channels, channels, 3)


def _conv(channels: int, width: int, kernel: int, stride: int = 1) -> nn.Module:
    """ReLU, convolution, batch norm."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(width),
    )
