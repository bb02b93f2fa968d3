"""The least work of a step, from a space's declared shapes alone: what measured times are compared with.

Arithmetic is that of the declared convolutions, forward, backward to the maps and, where weights are stepped, backward
to the kernels; the attack's is that of its folded kernels. Bytes are those of the maps between convolutions, each
streamed once by every kernel that cannot do without it, everything else fused into those. With O the numbers that the
convolutions write and I the different ones that they read:

* training, forward: O is written, and read again to be normalised, which needs the statistics of the whole batch (those
  are summed while O is written); what follows up to the next convolution is one kernel, which writes I; I is read.
* training, backward: O and the gradient of I are each read twice, for the sums that the gradient of a batch norm needs
  and to form the gradient of O, which is written and read; the gradient of I is written. The kernels' gradients read I
  and the gradient of O.
* evaluation, with batch norms folded: O and I are written and read; backward O is read (where a ReLU was open), the
  gradient of O written and read, that of I written and read. Where two kernels of an edge are one, their weights have
  their gradient from the kernel's, as above.

Weights, optimisers and images are left out: below one part in fifty of the maps. A count of the kernels into which a
compiler divided a prototype of these cells, pools and sums included, came to 81 MB an image for the alpha step, 89 for
the weight step and 330 for the attack on NAS-Bench-201, 85, 94 and 515 on 1Shot1's space 1, 109, 120 and 671 on its
space 3, in float32; this model has 52, 61 and 242; 50, 58 and 322; 62, 73 and 401. So it asks for more: what is within
twice this floor is within 1.1 to 1.5 times that count. The arithmetic is the same: 1,461, 1,065 and 1,456 MFLOP an
image for a pass that steps weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bench.methods import method as methods
from spaces.supernet.network import Supernet


@dataclass(frozen=True)
class Floor:
    """Floating-point operations, and bytes of maps that pass between a device's memory and its cores."""

    flops: float
    bytes: float

    def __add__(self, other: Floor) -> Floor:
        return Floor(self.flops + other.flops, self.bytes + other.bytes)

    def __mul__(self, times: float) -> Floor:
        return Floor(self.flops * times, self.bytes * times)


@dataclass(frozen=True)
class Conv:
    """One declared convolution, an image and a seed.

    Attributes
    ----------
    flops : of the forward pass; a multiplication and an addition are two.
    outputs : numbers written.
    inputs : numbers read; 0 where a convolution before it reads the same map.
    first : it reads the image, whose gradient nobody needs.
    folded : in evaluation it is part of another convolution's kernel.
    """

    flops: float
    outputs: float
    inputs: float
    first: bool
    folded: bool


def convolutions(net: Supernet, side: int) -> list[Conv]:
    """Return the declared convolutions of a supernet for images of some side, in order."""
    sides, found, read = net.space.skeleton.feature_maps(side), list[Conv](), set[str]()
    two_inputs = net.space.skeleton.reduction == "cell"
    small = {small for small, _ in net.layout.sums}
    for piece in net.layout.pieces:
        if len(piece.shape) != 4:
            continue
        named = re.match(r"(?:cell|reduce)(\d+)\.", piece.name)
        stack = int(named[1]) if named else (0 if piece.name == "stem" else len(sides) - 1)
        outputs, inputs, _, _ = piece.shape
        side = sides[stack]
        if two_inputs:  # in groups, whose inputs are their own; what a reduction halves, it projects first
            inputs *= outputs if inputs == 1 else max(1, len(piece.owners))
            side = sides[stack - 1] if re.fullmatch(r"cell[1-9]\d*\.0\.input\d", piece.name) else side
        before = sides[stack - 1] if piece.name == f"reduce{stack}.a" else sides[stack]  # the one with a stride
        source = (
            piece.name.rpartition(".")[0] if piece.owners and not two_inputs else piece.name
        )  # candidates of a node share its map
        found.append(
            Conv(
                flops=2.0 * piece.size * side**2,
                outputs=float(outputs * side**2),
                inputs=0.0 if source in read else float(inputs * before**2),
                first=piece.name == "stem",
                folded=piece.name in small and net.layout.norms[f"{piece.name}.bn"].tracked,
            )
        )
        read.add(source)
    return found


def of_step(net: Supernet, method: str, params: Any, *, side: int, batch: int, width: int) -> Floor | None:
    """Return the floor of one step of one seed; None for a method that does not say its passes.

    Parameters
    ----------
    params : of the method; an attack has as many ``steps``.
    side, batch : of the images.
    width : bytes of one number of a map.
    """
    passes = methods.find(method).passes
    if not passes:
        return None
    convs = convolutions(net, side)
    each = {
        "alpha": training(convs, weights=False),
        "weights": training(convs, weights=True),
        "attack": attack(convs, getattr(params, "steps", 0)),
    }
    total = Floor(0.0, 0.0)
    for name, times in passes.items():
        total += each[name] * times
    return Floor(total.flops, total.bytes * width) * batch


def training(convs: list[Conv], *, weights: bool) -> Floor:
    """Return operations and numbers moved by a training pass, an image; ``weights``: their gradient is wanted too."""
    flops = sum(conv.flops * (1 + (not conv.first) + weights) for conv in convs)
    written, read, inner = _numbers(convs)
    return Floor(flops, 6 * written + 2 * read + 3 * inner + weights * (written + read))


def attack(convs: list[Conv], steps: int) -> Floor:
    """Return operations and numbers moved by an attack, an image: two more passes forward than backward."""
    kernels = any(conv.folded for conv in convs)
    run = [conv for conv in convs if not conv.folded]
    written, read, inner = _numbers(convs)
    written -= sum(conv.outputs for conv in convs if conv.folded)
    forward = Floor(sum(conv.flops for conv in run), 2 * (written + read))
    flops = sum(conv.flops * ((not conv.first) + kernels) for conv in run)
    backward = Floor(flops, 3 * written + 2 * inner + kernels * (written + read))
    return forward * (steps + 2) + backward * steps


def _numbers(convs: list[Conv]) -> tuple[float, float, float]:
    """Return how many numbers are written, how many different ones are read, and of how many the gradient passes."""
    read = sum(conv.inputs for conv in convs)
    inner = read - sum(conv.inputs for conv in convs if conv.first)
    return sum(conv.outputs for conv in convs), read, inner
