"""The network in which cells of the DARTS spaces are evaluated.

Stem, L cells of which those at a third and at two thirds halve the map and double the width, mean over the map, linear
head; a second, auxiliary head after the second reduction while it is trained (Liu et al., DARTS, ICLR 2019;
quark0/darts cnn/model.py at f276dd3). Unlike in the supernet every batch norm has an affine part, and none follows a
pool; in DropNAS's network one does (wiljohnhong/DropNAS ops.py at 90582ee).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor, nn

from bench.retraining import darts_operations as operations
from spaces.base import Drawing

#: (source, target, operation) of each edge of a cell; nodes 0 and 1 are its inputs.
Edges = tuple[tuple[int, int, str], ...]
#: The side of the map that the auxiliary head reads: that of images of 32 pixels after two reductions.
AUXILIARY_SIDE = 8
INNER = 4  # nodes of a cell beside its inputs


def build(
    cell: Drawing,
    *,
    channels: int = 36,
    cells: int = 20,
    image_channels: int = 3,
    classes: int = 10,
    bn_momentum: float = 0.1,
    auxiliary: bool = False,
    pool_norm: bool = False,
) -> DartsNetwork:
    """Return the network of a pair of cells.

    Parameters
    ----------
    cell : the drawing of both cells, the normal one first.
    channels : of the first cells; the stem has three times as many.
    cells : all of them, reductions included.
    auxiliary : whether it has the second head.
    pool_norm : whether a batch norm follows each pool.
    """
    normal, reduction = _edges_of(cell)
    network = DartsNetwork(normal, reduction, channels, cells, image_channels, classes, auxiliary, pool_norm)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = bn_momentum
    return network


def _edges_of(cell: Drawing) -> tuple[Edges, Edges]:
    """Return the edges of the normal and of the reduction cell, which stand side by side in a drawing."""
    size = len(cell.nodes) // 2
    kinds: tuple[list[tuple[int, int, str]], ...] = ([], [])
    for source, target, operation in cell.edges:
        if operation:  # else it leads to the output
            kinds[source // size].append((source % size, target % size, operation))
    return tuple(kinds[0]), tuple(kinds[1])


class DartsNetwork(nn.Module):
    """The network of a pair of cells; ``build`` says what its parameters mean.

    What it draws comes from the generator that a call gets, which lies on the device of the images.
    """

    def __init__(
        self,
        normal: Edges,
        reduction: Edges,
        channels: int,
        cells: int,
        image_channels: int,
        classes: int,
        auxiliary: bool,
        pool_norm: bool,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, 3 * channels, 3, padding=1, bias=False), nn.BatchNorm2d(3 * channels)
        )
        self.cells = nn.ModuleList()
        widths, after_reduction = (3 * channels, 3 * channels), False
        for index in range(cells):
            halves = index in (cells // 3, 2 * cells // 3)
            channels *= 2 if halves else 1
            self.cells.append(
                _Cell(reduction if halves else normal, widths, channels, halves, after_reduction, pool_norm)
            )
            widths, after_reduction = (widths[1], INNER * channels), halves
            if index == 2 * cells // 3 and auxiliary:
                self.auxiliary = _Auxiliary(widths[1], classes)
        if not auxiliary:
            self.auxiliary = None
        self.branches = 2 * cells // 3  # the cell whose output the auxiliary head reads
        self.classify = nn.Linear(widths[1], classes)
        self.paths = sum(len(cell.dropped) for cell in self.cells if isinstance(cell, _Cell))

    def forward(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return the logits ``(B, classes)`` of images ``(B, C, H, W)``."""
        return self.logits(x, generator=generator)[0]

    def logits(
        self, x: Tensor, *, drop_path: float = 0.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the logits ``(B, classes)``, and in training those of the auxiliary head, where there is one.

        Parameters
        ----------
        drop_path : with which probability each operation but the identity gives nothing, for each image on its own;
            what is kept grows accordingly (cnn/utils.py:102-108).
        generator : of what is dropped, and of the noise of S4.
        """
        kept = self._kept(x, drop_path, generator)
        older = newer = self.stem(x)
        auxiliary = None
        for index, cell in enumerate(self.cells):
            older, newer = newer, cell(older, newer, kept, generator)
            if index == self.branches and self.auxiliary is not None and self.training:
                auxiliary = self.auxiliary(newer)
        return self.classify(newer.mean((2, 3))), auxiliary

    def _kept(self, x: Tensor, drop_path: float, generator: torch.Generator | None) -> Iterator[Tensor] | None:
        """Return what multiplies each path, ``(B, 1, 1, 1)``, in the order of the paths; None where all are kept."""
        if not drop_path:
            return None
        drawn = torch.rand(self.paths, len(x), 1, 1, 1, generator=generator, device=x.device)
        return iter(((drawn >= drop_path).to(x.dtype) / (1 - drop_path)).unbind())


class _Cell(nn.Module):
    """A cell: each node sums its two operations, and the nodes side by side are the output."""

    def __init__(
        self, edges: Edges, widths: tuple[int, int], width: int, halves: bool, after_reduction: bool, pool_norm: bool
    ) -> None:
        super().__init__()
        older, newer = widths
        self.older = operations.halving(older, width) if after_reduction else operations.conv(older, width)
        self.newer = operations.conv(newer, width)
        self.edges = edges
        strides = [2 if halves and source < 2 else 1 for source, _, _ in edges]
        self.operations = nn.ModuleList(
            operations.operation(name, width, stride, pool_norm=pool_norm)
            for (_, _, name), stride in zip(edges, strides, strict=True)
        )
        self.dropped = [place for place, each in enumerate(self.operations) if not isinstance(each, nn.Identity)]

    def forward(
        self, older: Tensor, newer: Tensor, kept: Iterator[Tensor] | None, generator: torch.Generator | None
    ) -> Tensor:
        nodes = [self.older(older), self.newer(newer)]
        for target in range(2, 2 + INNER):
            terms = []
            for place, (source, to, _) in enumerate(self.edges):
                if to != target:
                    continue
                operation = self.operations[place]
                noisy = isinstance(operation, operations.Noise)
                y = operation(nodes[source], generator) if noisy else operation(nodes[source])
                terms.append(y if kept is None or place not in self.dropped else y * next(kept))
            nodes.append(reduce(torch.add, terms))
        return torch.cat(nodes[2:], dim=1)


class _Auxiliary(nn.Module):
    """The auxiliary head: means of 5 x 5 pixels, every third, and two convolutions (cnn/model.py:63-83)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, 128, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(128)
        self.second = nn.Conv2d(128, 768, 2, bias=False)
        self.second_norm = nn.BatchNorm2d(768)
        self.classify = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.avg_pool2d(x.relu(), 5, stride=3)
        x = self.first_norm(self.first(x)).relu()
        x = self.second_norm(self.second(x)).relu()
        return self.classify(x.flatten(1))
