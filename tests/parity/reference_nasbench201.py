"""The NAS-Bench-201 supernet the plain way: one seed, one module per operation, float64 on the CPU."""

import torch
from torch import Tensor, nn

from .reference_partial import partially

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
# (target, source) of each row of the mixing matrix.
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
# DropNAS's groups: at least one operation of each group is always kept on an edge.
GROUPS = ((2, 3), (0, 1, 4))


class Zero(nn.Module):
    """The operation that passes nothing on."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.0


class ReLUConvNorm(nn.Module):
    """ReLU, convolution, batch norm."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        bias: bool = False,
        affine: bool = True,
        track: bool = True,
    ):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=kernel // 2, bias=bias)
        self.norm = nn.BatchNorm2d(channels_out, affine=affine, track_running_stats=track)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(torch.relu(x)))


class Edge(nn.Module):
    """All five operations between two nodes."""

    def __init__(self, channels: int, affine: bool, track: bool, conv_bias: bool):
        super().__init__()
        self.operations = nn.ModuleList(
            [
                Zero(),
                nn.Identity(),
                ReLUConvNorm(channels, channels, 1, bias=conv_bias, affine=affine, track=track),
                ReLUConvNorm(channels, channels, 3, bias=conv_bias, affine=affine, track=track),
                nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
            ]
        )

    def forward(self, x: Tensor, weights: Tensor, keep: Tensor | None) -> Tensor:
        total = torch.zeros_like(x)
        for index, operation in enumerate(self.operations):
            if keep is None or keep[index]:  # a dropped operation is not run at all
                total = total + weights[index] * operation(x)
        return total


class Cell(nn.Module):
    """Four nodes; each is the sum of its incoming edges; the last is the output."""

    def __init__(self, channels: int, affine: bool, track: bool, conv_bias: bool, partial: int = 1):
        super().__init__()
        edges = [Edge(channels // partial, affine, track, conv_bias) for _ in EDGES]
        self.edges = nn.ModuleList([partially(edge, partial) for edge in edges])

    def forward(self, x: Tensor, weights: Tensor, keep: Tensor | None) -> Tensor:
        nodes = [x]
        for node in (1, 2, 3):
            total = torch.zeros_like(x)
            for row, (target, source) in enumerate(EDGES):
                if target == node:
                    row_keep = None if keep is None else keep[row]
                    total = total + self.edges[row](nodes[source], weights[row], row_keep)
            nodes.append(total)
        return nodes[3]


class ResidualBlock(nn.Module):
    """Halves the map and doubles the channels; batch norm is affine here whatever the cells have."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = ReLUConvNorm(channels, 2 * channels, 3, stride=2)
        self.second = ReLUConvNorm(2 * channels, 2 * channels, 3)
        self.pool = nn.AvgPool2d(2, stride=2)
        self.shortcut = nn.Conv2d(channels, 2 * channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)) + self.shortcut(self.pool(x))


class Network(nn.Module):
    """The supernet.

    Parameters
    ----------
    channels, cells, classes
        Channels of the first stack, cells in each of the three stacks, and classes.
    affine, track
        Batch norm of the cells: learned scale and shift, and running statistics.
    conv_bias
        Whether the convolutions of the cells have a bias.
    last_affine, last_track
        The same two for the batch norm before the pooling.
    partial
        One in so many channels is seen by the operations.

    Attributes
    ----------
    alphas : Tensor, shape (6, 5)
        The raw architecture parameters, rows as in `EDGES`, columns as in `OPERATIONS`. A leaf tensor that is
        not among ``parameters()``.
    """

    groups = GROUPS

    def __init__(
        self,
        channels: int = 16,
        cells: int = 5,
        classes: int = 10,
        affine: bool = False,
        track: bool = True,
        conv_bias: bool = False,
        *,
        last_affine: bool = True,
        last_track: bool = True,
        partial: int = 1,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        self.partial = partial
        self.stem_conv = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.layers = nn.ModuleList()
        for stack in range(3):
            width = channels * 2**stack
            if stack:
                self.layers.append(ResidualBlock(width // 2))
            for _ in range(cells):
                self.layers.append(Cell(width, affine, track, conv_bias, partial))
        self.last_norm = nn.BatchNorm2d(4 * channels, affine=last_affine, track_running_stats=last_track)
        self.classifier = nn.Linear(4 * channels, classes)
        self.to(dtype)
        self.alphas = (1e-3 * torch.randn(len(EDGES), len(OPERATIONS), dtype=dtype)).requires_grad_()

    def arch_parameters(self) -> list[Tensor]:
        """Return the raw architecture parameters; the first holds the operation rows."""
        return [self.alphas]

    def operation_parameters(self, row: int, column: int) -> list[nn.Parameter]:
        """Return the weights that belong to one operation of one edge, over all cells."""
        found = []
        for layer in self.layers:
            if isinstance(layer, Cell):
                found.extend(layer.edges[row].operations[column].parameters())
        return found

    def features(self, x: Tensor, weights: Tensor, keep: Tensor | None = None) -> list[Tensor]:
        """Return what the stem, every cell and every residual block give."""
        outputs = [self.stem_norm(self.stem_conv(x))]
        for layer in self.layers:
            if isinstance(layer, Cell):
                outputs.append(layer(outputs[-1], weights, keep))
            else:
                outputs.append(layer(outputs[-1]))
        return outputs

    def forward(self, x: Tensor, weights: Tensor | list[Tensor] | None = None, keep: Tensor | None = None) -> Tensor:
        """Return the logits.

        `weights` is the mixing matrix, used as it is; without it, the softmax of `alphas`. Operations that
        `keep`, shape (6, 5), has as false are left out.
        """
        if weights is None:
            weights = torch.softmax(self.alphas, dim=-1)
        if isinstance(weights, list):
            (weights,) = weights
        last = torch.relu(self.last_norm(self.features(x, weights, keep)[-1]))
        return self.classifier(last.mean(dim=(2, 3)))


def discretise(alphas: Tensor) -> list[int]:
    """Return the index of the best operation of each edge, the first among equals, ``none`` included."""
    chosen = []
    for row in alphas.tolist():
        chosen.append(row.index(max(row)))
    return chosen


def arch_string(chosen: list[int]) -> str:
    """Return NAS-Bench-201's name of a cell: nodes joined by ``+``, sources in increasing order."""
    nodes = []
    for node in (1, 2, 3):
        parts = []
        for (target, source), operation in zip(EDGES, chosen, strict=True):
            if target == node:
                parts.append(f"{OPERATIONS[operation]}~{source}")
        nodes.append("|" + "|".join(parts) + "|")
    return "+".join(nodes)
