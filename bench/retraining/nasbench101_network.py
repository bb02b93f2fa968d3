"""The network behind the NAS-Bench-101 table, for cells of NAS-Bench-1Shot1.

It is that of nasbench-pytorch, corrected in two places: batch-norm momentum, and weights that are never used.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from spaces.base import Drawing

#: The spaces' operation names and those of NAS-Bench-101.
OPERATIONS = {"conv3x3": "conv3x3-bn-relu", "conv1x1": "conv1x1-bn-relu", "maxpool3x3": "maxpool3x3"}

#: The benchmark's 0.997 is TensorFlow's weight of the old statistics (google-research/nasbench
#: nasbench/lib/base_ops.py:28); PyTorch's momentum is the weight of the newest batch.
BN_MOMENTUM = 1 - 0.997


def build(
    cell: Drawing,
    *,
    channels: int = 128,
    cells: int = 3,
    image_channels: int = 3,
    classes: int = 10,
    bn_momentum: float = BN_MOMENTUM,
) -> nn.Module:
    """Return the network of a cell with ``channels`` from the stem and ``cells`` cells per stack.

    Where a stack's width is not a multiple of the number of vertices that feed the output, the first ones in vertex
    order are one channel wider. The table's networks have the vertex order that its authors enumerated, ours that
    of the key, so the two can differ in which vertex this is.
    """
    from nasbench_pytorch.model import Network
    from nasbench_pytorch.model.model import Placeholder

    network = Network(
        (_matrix(cell), [OPERATIONS.get(label, label) for label in cell.nodes]),
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


def _matrix(cell: Drawing) -> np.ndarray:
    """Return the adjacency matrix of a pruned cell."""
    matrix = np.zeros((len(cell.nodes),) * 2, dtype=int)
    for source, target, _ in cell.edges:
        matrix[source, target] = 1
    return matrix
