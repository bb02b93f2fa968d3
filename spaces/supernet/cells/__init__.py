"""The cells over S seeds at once: one file per kind, all behind the interface of ``kind``.

Convolutions that read the same map are one convolution with their outputs side by side, and one batch norm. What the
mix contributes beside them, shares by which whole maps are weighted, is laid out once a pass for each stack of cells.
"""

from __future__ import annotations

from spaces.base import EdgeCell, NodeCell, Space, SupernetConfig, TwoInputCell

from .kind import CellKind
from .on_edges import OnEdges
from .on_nodes import OnNodes
from .two_inputs import TwoInputs

#: The kind that computes each cell that a space can declare.
_KINDS: dict[type, type[CellKind]] = {EdgeCell: OnEdges, NodeCell: OnNodes, TwoInputCell: TwoInputs}


def kind_of(space: Space, config: SupernetConfig) -> CellKind:
    """Return what computes the cells of a space."""
    return _KINDS[type(space.cell)](space, config)
