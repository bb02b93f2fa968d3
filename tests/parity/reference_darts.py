"""The supernet of the DARTS spaces with a module for each operation of each edge, one seed, to compare with.

Cells of two inputs, reductions at a third and at two thirds of the layers, a stem of three times the width (Liu et al.,
DARTS, ICLR 2019; quark0/darts cnn/model_search.py).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .reference_partial import partially

EDGES = [(source, target) for target in range(2, 6) for source in range(target)]


class Zero(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return 0 * x[:, :, :: self.stride, :: self.stride]


class Noise(nn.Module):
    """Returns what it is given to return."""

    value: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self.value


class FactorizedReduce(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.relu()
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], dim=1))


class ReluConv(nn.Module):
    """ReLU, depthwise convolution where there is one, pointwise convolution, batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 0, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depth = (
            nn.Conv2d(inputs, inputs, kernel, stride, padding, dilation, groups=inputs, bias=False) if kernel else None
        )
        self.point = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.relu()
        return self.norm(self.point(x if self.depth is None else self.depth(x)))


def operation(name: str, width: int, stride: int) -> nn.Module:
    """Return an operation; a number after its name, as in ``skip_connect.2``, means nothing."""
    name = name.partition(".")[0]
    kernel = int(name[-1]) if name[-1].isdigit() else 0
    match name.split("_")[0]:
        case "none":
            return Zero(stride)
        case "noise":
            return Noise()
        case "skip":
            return nn.Identity() if stride == 1 else FactorizedReduce(width, width)
        case "max":
            return nn.Sequential(nn.MaxPool2d(3, stride, 1), nn.BatchNorm2d(width, affine=False))
        case "avg":
            pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False)
            return nn.Sequential(pool, nn.BatchNorm2d(width, affine=False))
        case "sep":
            return nn.Sequential(ReluConv(width, width, kernel, stride), ReluConv(width, width, kernel))
        case _:
            return ReluConv(width, width, kernel, stride, dilation=2)


class Edge(nn.Module):
    """The mixed operations of an edge."""

    def __init__(self, names: list[str], width: int, stride: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(operation(name, width, stride) for name in names)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        terms = [weight * each(x) for each, weight in zip(self.operations, weights, strict=False)]  # type: ignore[call-overload]
        return sum(terms[1:], terms[0])


class Cell(nn.Module):
    """``names`` holds the operations of each edge; ``betas`` of forward multiply what edges carry."""

    def __init__(
        self,
        names: list[list[str]],
        widths: tuple[int, int],
        width: int,
        reduction: bool,
        after_reduction: bool,
        partial: int,
    ) -> None:
        super().__init__()
        older, newer = widths
        self.reduction = reduction
        self.older = FactorizedReduce(older, width) if after_reduction else ReluConv(older, width)
        self.newer = ReluConv(newer, width)
        edges = (
            Edge(row, width // partial, 2 if reduction and source < 2 else 1)
            for row, (source, _) in zip(names, EDGES, strict=True)
        )
        self.edges = nn.ModuleList(partially(edge, partial) for edge in edges)

    def forward(self, older: Tensor, newer: Tensor, mix: list[Tensor], betas: list[Tensor]) -> Tensor:
        nodes = [self.older(older), self.newer(newer)]
        for target in range(2, 6):
            terms = [
                beta * edge(nodes[source], weights)
                for (source, to), edge, weights, beta in zip(EDGES, self.edges, mix, betas, strict=True)
                if to == target
            ]
            nodes.append(sum(terms[1:], terms[0]))
        return torch.cat(nodes[2:], dim=1)


class Network(nn.Module):
    """``normal`` and ``reduce`` hold the operations of each edge.

    The mix of forward is a table ``(28, M)``; a table ``(36, M)`` has a row of edge weights for each node behind it.
    """

    def __init__(
        self, normal: list[list[str]], reduce: list[list[str]], channels: int, layers: int, partial: int = 1
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3 * channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(3 * channels)
        widths, width, before = (3 * channels, 3 * channels), channels, False
        self.cells = nn.ModuleList()
        for layer in range(layers):
            reduction = layer in (layers // 3, 2 * layers // 3)
            width = 2 * width if reduction else width
            self.cells.append(Cell(reduce if reduction else normal, widths, width, reduction, before, partial))
            widths, before = (widths[1], 4 * width), reduction
        self.classifier = nn.Linear(4 * width, 10)
        self.double()

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        older = newer = self.stem_norm(self.stem(x))
        betas = [mix.new_ones(5)] * 8 if len(mix) == 28 else list(mix[28:])
        for cell in self.cells:
            rows = mix[14:28] if cell.reduction else mix[:14]
            nodes = betas[4:] if cell.reduction else betas[:4]
            weights = [nodes[target - 2][source] for source, target in EDGES]
            older, newer = newer, cell(older, newer, list(rows), weights)
        return self.classifier(newer.mean((2, 3)))
