"""A detector of collapsed cells: the surrogate of NAS-Bench-301 that YAHPO Gym publishes.

It predicts the validation accuracy on CIFAR-10 of a network of 8 cells of 32 channels. Its provenance is undocumented,
and among good cells it does not rank: it is no oracle, and nothing here scores a cell by it. A cell whose prediction
lies far below that of a good one has collapsed. The model is ``nb301/model_v2.onnx`` of slds-lmu/yahpo_data at 0e28806,
under Apache 2.0; its inputs are those of ``encoding_v2.json`` there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from results.errors import InputError
from results.published import cells

#: Where the model is, in the data directory.
MODEL = Path("nb301") / "model_v2.onnx"
#: How many points below the reference a prediction is called collapsed.
DROP = 3.0
#: The published cell whose prediction is the reference.
REFERENCE = "darts-v2"
_EPOCH = 98.0  # the last one that the surrogate knows
_OPERATIONS = (
    *("avg_pool_3x3", "dil_conv_3x3", "dil_conv_5x5", "max_pool_3x3"),
    *("sep_conv_3x3", "sep_conv_5x5", "skip_connect"),
)
_NODES = range(2, 6)  # beside a cell's two inputs
_EDGES = [(source, target) for target in _NODES for source in range(target)]
_COLUMNS = sorted(range(len(_EDGES)), key=str)  # the file names edges 0, 1, 10, 11, ...


def encode(arch: str) -> np.ndarray | None:
    """Return the 34 numbers by which the surrogate knows an architecture of a DARTS space.

    Those are for each edge of the normal and of the reduction cell its operation, 0 where there is none, and for nodes
    3 to 5 of each cell the pair of its sources. None where an operation is not of the surrogate's space, as noise.
    """
    edges, pairs = [], []
    for cell in arch.split(";"):
        nodes = [re.findall(r"(\w+)~(\d)", node) for node in cell.partition(":")[2].split("+")]
        found = {
            (int(source), target): name for target, node in zip(_NODES, nodes, strict=True) for name, source in node
        }
        if not set(found.values()) <= set(_OPERATIONS):
            return None
        edges += [_OPERATIONS.index(found[_EDGES[e]]) + 1 if _EDGES[e] in found else 0 for e in _COLUMNS]
        for target in _NODES[1:]:
            first, second = (source for source in range(target) if (source, target) in found)
            pairs.append(list(combinations(range(target), 2)).index((first, second)) + 1)
    return np.array(edges + pairs, dtype=np.int32)


class CollapseDetector:
    """The surrogate in memory.

    Parameters
    ----------
    data_dir : the folder that holds ``MODEL``.

    Raises
    ------
    InputError
        The model or the package that runs it is absent, or the file is not the model.
    """

    def __init__(self, data_dir: Path) -> None:
        path = Path(data_dir) / MODEL
        if not path.exists():
            raise InputError(
                f"{path} is missing; put nb301/model_v2.onnx of github.com/slds-lmu/yahpo_data (commit 0e28806) there"
            )
        try:
            onnxruntime: Any = import_module("onnxruntime")
        except ImportError:
            raise InputError("the surrogate needs onnxruntime; install the extra 'surrogate'") from None
        try:
            self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            self._inputs = [each.name for each in self._session.get_inputs()]
            (self.reference,) = self._predict([encode(cells()[REFERENCE].arch)])
        except Exception as error:  # onnxruntime has a class of its own for each of a dozen faults
            raise InputError(f"{path} is not the surrogate ({str(error).splitlines()[0]}); fetch it again") from None

    def drops(self, archs: Sequence[str]) -> list[float | None]:
        """Return by how many points each prediction lies below the reference; None where there is none."""
        rows = [encode(arch) for arch in archs]
        known = [row for row in rows if row is not None]
        found = iter(self._predict(known) if known else [])
        return [None if row is None else self.reference - next(found) for row in rows]

    def collapsed(self, archs: Sequence[str]) -> list[bool | None]:
        """Return whether each cell has collapsed; None where the surrogate does not know its operations."""
        return [None if drop is None else drop >= DROP for drop in self.drops(archs)]

    def _predict(self, rows: Sequence[np.ndarray | None]) -> list[float]:
        """Return the predicted validation accuracy after the last epoch, percent."""
        given = np.stack([row for row in rows if row is not None])
        epochs = np.full((len(given), 1), _EPOCH, dtype=np.float32)
        (found, *_) = self._session.run(None, dict(zip(self._inputs, (given, epochs), strict=True)))
        return [100 * float(value) for value in np.asarray(found)[:, 0]]
