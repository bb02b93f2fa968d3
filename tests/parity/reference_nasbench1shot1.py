"""The NAS-Bench-1Shot1 one-shot network the plain way: one seed, one module per operation, float64, CPU.

The cells of the space, their keys and their enumeration are in `reference_cells`.
"""

import torch
from torch import Tensor, nn

from .reference_partial import partially

# The order of the columns of the operation rows.
OPERATIONS = ("maxpool3x3", "conv3x3-bn-relu", "conv1x1-bn-relu")
# Number of parents of node 0 (the input), 1, 2, ... and of the output, which is the last.
PARENTS = {1: (0, 1, 2, 2, 2, 2), 2: (0, 1, 1, 2, 2, 3), 3: (0, 1, 1, 1, 2, 2, 2)}
# DropNAS's groups: the pool is alone and is never dropped.
GROUPS = ((1, 2), (0,))


def block_count(space: int) -> int:
    """Return the number of choice blocks of a cell."""
    return len(PARENTS[space]) - 2


def choosing_nodes(space: int) -> list[int]:
    """Return the inner nodes with more candidate parents than parents; node n has the n candidates 0..n-1."""
    return [node for node in range(1, block_count(space) + 1) if PARENTS[space][node] < node]


class ConvNormReLU(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, momentum: float):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels_out, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)))


class Block(nn.Module):
    """A choice block: the weighted sum of the three operations. No batch norm follows the pool."""

    def __init__(self, channels: int, momentum: float):
        super().__init__()
        self.operations = nn.ModuleList(
            [
                nn.MaxPool2d(3, stride=1, padding=1),
                ConvNormReLU(channels, channels, 3, momentum),
                ConvNormReLU(channels, channels, 1, momentum),
            ]
        )

    def forward(self, x: Tensor, weights: Tensor, keep: Tensor | None) -> Tensor:
        total = torch.zeros_like(x)
        for index, operation in enumerate(self.operations):
            if keep is None or keep[index]:  # a dropped operation is not run at all
                total = total + weights[index] * operation(x)
        return total


class Cell(nn.Module):
    """One cell; its only input is what the cell before gave.

    With ``published``, the cell of the code before 2020-02-27: the projected input is a part of its own, the
    first, of the concatenation; since then it is as wide as the concatenation and is added to it.
    """

    def __init__(self, space: int, channels_in: int, channels: int, momentum: float, published: bool, partial: int = 1):
        super().__init__()
        blocks = block_count(space)
        self.space = space
        self.published = published
        self.projections = nn.ModuleList([ConvNormReLU(channels_in, channels, 1, momentum) for _ in range(blocks)])
        self.blocks = nn.ModuleList([partially(Block(channels // partial, momentum), partial) for _ in range(blocks)])
        width = channels if published else blocks * channels
        self.output_projection = ConvNormReLU(channels_in, width, 1, momentum)

    def forward(self, x: Tensor, weights: list[Tensor], keep: Tensor | None) -> Tensor:
        operations, output, *inputs = weights
        choosing = choosing_nodes(self.space)
        outputs: list[Tensor] = []
        for node in range(1, len(self.blocks) + 1):
            candidates = [self.projections[node - 1](x), *outputs]
            if node in choosing:
                row = inputs[choosing.index(node)][0]
                candidates = [row[index] * each for index, each in enumerate(candidates)]
            total = candidates[0]
            for each in candidates[1:]:
                total = total + each
            block_keep = None if keep is None else keep[node - 1]
            outputs.append(self.blocks[node - 1](total, operations[node - 1], block_keep))
        projected = output[0, 0] * self.output_projection(x)
        weighted = [output[0, index + 1] * each for index, each in enumerate(outputs)]
        if self.published:
            return torch.cat([projected, *weighted], dim=1)
        return projected + torch.cat(weighted, dim=1)


class Network(nn.Module):
    """The one-shot network of space 1, 2 or 3.

    Attributes
    ----------
    alphas : list of Tensor
        The raw architecture parameters: operations (k, 3), output (1, k + 1), then one (1, n) for every node
        n that chooses its parents. Leaf tensors that are not among ``parameters()``.
    """

    groups = GROUPS

    def __init__(
        self,
        space: int,
        channels: int = 16,
        cells_per_stack: int = 3,
        classes: int = 10,
        bn_momentum: float = 0.997,
        published_cell: bool = False,
        *,
        partial: int = 1,
        dtype: torch.dtype = torch.float64,
    ):
        super().__init__()
        self.space, self.partial = space, partial
        blocks = block_count(space)
        parts = blocks + 1 if published_cell else blocks
        self.stem = ConvNormReLU(3, channels, 3, bn_momentum)
        self.stacks = nn.ModuleList()
        width_in = channels
        for stack in range(3):
            width = channels * 2**stack
            cells = nn.ModuleList()
            for _ in range(cells_per_stack):
                cells.append(Cell(space, width_in, width, bn_momentum, published_cell, partial))
                width_in = parts * width
            self.stacks.append(cells)
        self.pool = nn.MaxPool2d(2, stride=2, padding=1)
        self.last_conv = nn.Conv2d(width_in, 4 * channels, 1, bias=False)
        self.last_norm = nn.BatchNorm2d(4 * channels, affine=False)
        self.classifier = nn.Linear(4 * channels, classes)
        self.to(dtype)
        shapes = [(blocks, len(OPERATIONS)), (1, blocks + 1), *((1, node) for node in choosing_nodes(space))]
        self.alphas = [(1e-3 * torch.randn(shape, dtype=dtype)).requires_grad_() for shape in shapes]

    def arch_parameters(self) -> list[Tensor]:
        """Return the raw architecture parameters; the first holds the operation rows."""
        return self.alphas

    def operation_parameters(self, row: int, column: int) -> list[nn.Parameter]:
        """Return the weights that belong to one operation of one block, over all cells."""
        found = []
        for cells in self.stacks:
            for cell in cells:
                found.extend(cell.blocks[row].operations[column].parameters())
        return found

    def features(self, x: Tensor, weights: list[Tensor], keep: Tensor | None = None) -> list[Tensor]:
        """Return what the stem and every cell give."""
        outputs = [self.stem(x)]
        for stack, cells in enumerate(self.stacks):
            for index, cell in enumerate(cells):
                first = stack > 0 and index == 0
                outputs.append(cell(self.pool(outputs[-1]) if first else outputs[-1], weights, keep))
        return outputs

    def forward(self, x: Tensor, weights: list[Tensor] | None = None, keep: Tensor | None = None) -> Tensor:
        """Return the logits.

        `weights` are mixing values shaped as `alphas`, used as they are; without them, the softmax of every
        row. Operations that `keep`, shape (k, 3), has as false are left out.
        """
        if weights is None:
            weights = [torch.softmax(each, dim=-1) for each in self.alphas]
        last = self.features(x, weights, keep)[-1]
        last = self.last_norm(self.last_conv(torch.relu(last)))
        return self.classifier(last.mean(dim=(2, 3)))
