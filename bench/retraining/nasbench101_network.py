"""The network behind the NAS-Bench-101 table, for cells of NAS-Bench-1Shot1.

It is that of nasbench-pytorch, corrected in two places: batch-norm momentum, and weights that are never used.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from results.errors import InputError

#: Our operation names and those of NAS-Bench-101.
OPERATIONS = {"conv3x3": "conv3x3-bn-relu", "conv1x1": "conv1x1-bn-relu", "maxpool3x3": "maxpool3x3"}

#: The benchmark's 0.997 is TensorFlow's weight of the old statistics (google-research/nasbench
#: nasbench/lib/base_ops.py:28); PyTorch's momentum is the weight of the newest batch.
BN_MOMENTUM = 1 - 0.997


def build(
    arch: str,
    *,
    channels: int = 128,
    cells: int = 3,
    image_channels: int = 3,
    classes: int = 10,
    bn_momentum: float = BN_MOMENTUM,
) -> nn.Module:
    """Return the network of ``arch``, ``BITS:OPS``, with ``channels`` from the stem and ``cells`` cells a stack.

    Where a stack's width is no multiple of the number of vertices that feed the output, the first ones in vertex
    order are one channel wider. The table's networks have the vertex order that its authors enumerated, ours that
    of the key, so the two can differ in which vertex this is.
    """
    from nasbench_pytorch.model import Network
    from nasbench_pytorch.model.model import Placeholder

    matrix, operations = parse(arch)
    network = Network(
        (matrix, ["input", *(OPERATIONS[o] for o in operations), "output"]),
        num_labels=classes,
        in_channels=image_channels,
        stem_out_channels=channels,
        num_modules_per_stack=cells,
        tf_like=True,  # the initialisation of the original
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = bn_momentum  # the package's argument does not reach the operations
        elif isinstance(module, Placeholder):
            module.requires_grad_(False)  # it holds a scalar that nothing reads
    return network


def parse(arch: str) -> tuple[np.ndarray, list[str]]:
    """Return adjacency matrix and inner operations of a pruned cell ``BITS:OPS``."""
    bits, _, names = arch.partition(":")
    operations = names.split(",") if names else []
    for operation in operations:
        if operation not in OPERATIONS:
            raise InputError(f"unknown operation '{operation}' in '{arch}'; known are {', '.join(OPERATIONS)}")
    vertices = len(operations) + 2
    above = np.triu_indices(vertices, 1)
    if len(bits) != len(above[0]) or set(bits) - {"0", "1"}:
        raise InputError(f"'{arch}' cannot be decoded; write BITS:OPS with {len(above[0])} bits, as in 101:conv3x3")
    matrix = np.zeros((vertices, vertices), dtype=int)
    matrix[above] = [int(bit) for bit in bits]
    if not (matrix[:-1].any(axis=1).all() and matrix[:, 1:].any(axis=0).all()):
        raise InputError(f"'{arch}' has a vertex on no path from input to output; prune the cell first")
    return matrix, operations
