"""The network behind the NAS-Bench-101 table, for one discrete cell, the plain way, float64 on the CPU."""

import torch
from torch import Tensor, nn

from .reference_cells import Matrix, prune
from .reference_nasbench1shot1 import ConvNormReLU


def vertex_channels(channels_in: int, channels: int, matrix: Matrix) -> list[int]:
    """Return the channels of every vertex of a pruned cell.

    The channels of the output are shared out among the inner vertices that feed it, the first ones taking the
    remainder; every other inner vertex is as wide as the widest inner vertex that it feeds.
    """
    last = len(matrix) - 1
    feeding = [vertex for vertex in range(1, last) if matrix[vertex][last]]
    widths = [channels_in] + [0] * (last - 1) + [channels]
    for place, vertex in enumerate(feeding):
        widths[vertex] = channels // len(feeding) + (1 if place < channels % len(feeding) else 0)
    for vertex in reversed(range(1, last)):
        if vertex not in feeding:
            widths[vertex] = max(widths[target] for target in range(1, last) if matrix[vertex][target])
    return widths


class Cell(nn.Module):
    """One cell; the input is projected to every vertex that it feeds, the output included."""

    def __init__(
        self, matrix: Matrix, labels: list[str], channels_in: int, channels: int, momenta: tuple[float, float]
    ):
        super().__init__()
        self.matrix = matrix
        self.widths = vertex_channels(channels_in, channels, matrix)
        self.projections = nn.ModuleDict()
        self.operations = nn.ModuleDict()
        for vertex in range(1, len(matrix)):
            width = self.widths[vertex]
            if matrix[0][vertex]:
                self.projections[str(vertex)] = ConvNormReLU(channels_in, width, 1, momenta[0])
            if labels[vertex] == "conv3x3-bn-relu":
                self.operations[str(vertex)] = ConvNormReLU(width, width, 3, momenta[1])
            if labels[vertex] == "conv1x1-bn-relu":
                self.operations[str(vertex)] = ConvNormReLU(width, width, 1, momenta[1])
            if labels[vertex] == "maxpool3x3":
                self.operations[str(vertex)] = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.matrix) - 1
        outputs = {}
        for vertex in range(1, last):
            terms = [
                outputs[source][:, : self.widths[vertex]] for source in range(1, vertex) if self.matrix[source][vertex]
            ]
            if self.matrix[0][vertex]:
                terms.append(self.projections[str(vertex)](x))
            outputs[vertex] = self.operations[str(vertex)](torch.stack(terms).sum(dim=0))
        feeding = [outputs[vertex] for vertex in range(1, last) if self.matrix[vertex][last]]
        parts = []
        if feeding:
            parts.append(torch.cat(feeding, dim=1))
        if self.matrix[0][last]:
            parts.append(self.projections[str(last)](x))
        return torch.stack(parts).sum(dim=0)


class Network(nn.Module):
    """Three stacks of three cells between a 3 x 3 stem and the classifier; 2 x 2 pools between stacks.

    The pools are not padded. `momenta` are those of the batch norm of the stem and the projections, and of the
    operations.
    """

    def __init__(
        self,
        matrix: Matrix,
        labels: list[str],
        channels: int = 128,
        cells_per_stack: int = 3,
        classes: int = 10,
        momenta: tuple[float, float] = (0.1, 0.1),
        *,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        matrix, labels = prune(matrix, labels)
        self.stem = ConvNormReLU(3, channels, 3, momenta[0])
        self.layers = nn.ModuleList()
        width_in = channels
        for stack in range(3):
            width = channels * 2**stack
            if stack:
                self.layers.append(nn.MaxPool2d(2, stride=2))
            for _ in range(cells_per_stack):
                self.layers.append(Cell(matrix, labels, width_in, width, momenta))
                width_in = width
        self.classifier = nn.Linear(width_in, classes)
        self.to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(x.mean(dim=(2, 3)))
