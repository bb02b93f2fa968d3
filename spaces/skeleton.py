"""What surrounds the cells: skeleton and switches of the supernet, and how a found cell is trained from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from .fields import added


@dataclass(frozen=True)
class Skeleton:
    """What surrounds the cells: three stacks, the width doubling from one to the next.

    Where the ``reduction`` is a cell, it is the first of the second and of the third stack.
    """

    stem_relu: bool
    reduction: Literal["residual", "padded-maxpool", "cell"]
    head: Literal["bn-relu", "relu-conv-bn", "none"]
    stacks: int = 3
    stem_multiplier: int = 1  # of the stem's width

    @property
    def least_side(self) -> int:
        """The side in pixels, a power of two, of the smallest images that every reduction can halve."""
        return 1 if self.reduction == "padded-maxpool" else 2 ** (self.stacks - 1)

    def feature_maps(self, image_size: int) -> list[int]:
        """Return the side of the square maps of each stack."""
        sides = [image_size]
        for _ in range(self.stacks - 1):
            # a 2x2 maximum with stride 2 and padding 1; or a 3x3 convolution with stride 2 and padding 1
            padded = self.reduction == "padded-maxpool"
            sides.append(sides[-1] // 2 + 1 if padded else (sides[-1] + 1) // 2)
        return sides


@dataclass(frozen=True)
class SupernetConfig:
    """The switches of a supernet; a space's ``supernet`` holds the authors' values."""

    channels: Annotated[int, Ge(1), Le(256)] = 16  # the limits are far above any paper's
    cells: Annotated[int, Ge(1), Le(64)] = 5  # per stack
    bn_momentum: Annotated[float, Gt(0), Le(1)] = 0.1  # weight of the newest batch, PyTorch's convention
    bn_affine: bool = False  # of the cell's batch norms
    bn_tracked: bool = True  # running statistics in evaluation and attack; else the batch's own
    conv_bias: bool = False  # of the operations' convolutions; not on the DARTS spaces
    head_norm: Literal["own", "as-cells"] = "own"  # 201: tracked and affine, or as the cells' (NATS-Bench)
    cell: Literal["current", "published"] = "current"  # 1Shot1: before or after the change of 2020-02-27
    layers: Annotated[int, Ge(0), Le(64)] = added(0)  # all cells, where reductions are cells; 0: 3 * cells
    partial: Annotated[int, Ge(1), Le(256)] = added(1)  # operations see the first channels, one in so many
    edge_weights: bool = added(False)  # weights of competing edges: see spaces.edge_weights

    def stack_lengths(self, skeleton: Skeleton) -> tuple[int, ...]:
        """Return the number of cells of each stack; raise ``ValueError`` where a stack would have none."""
        if skeleton.reduction != "cell":
            return (self.cells,) * skeleton.stacks
        layers = self.layers or skeleton.stacks * self.cells
        if layers < skeleton.stacks:
            raise ValueError(f"a network of {layers} layers has no cell for each of {skeleton.stacks} stacks")
        starts = [layers * stack // skeleton.stacks for stack in range(skeleton.stacks + 1)]
        return tuple(end - start for start, end in pairwise(starts))


@dataclass(frozen=True)
class Size:
    """A network's width and depth: its channels, and its cells, of a stack or, where reductions are cells, all."""

    channels: int
    cells: int


@dataclass(frozen=True)
class Retraining:
    """How a found cell is trained from scratch.

    Attributes
    ----------
    network : what builds it from the cell's drawing: a file of ``bench/retraining``, without its ending ``_network``.
    full, quick : its size as in the benchmark, and as the recipe for a CPU has it.
    """

    network: str
    full: Size
    quick: Size
