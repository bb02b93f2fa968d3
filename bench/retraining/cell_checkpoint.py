"""The checkpoint from which an interrupted retraining of a cell continues."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from results.files import whole
from results.files.unpickle import inflates


class CellCheckpoint:
    """The state of the cell in training, in a file beside the table, which is whole or absent.

    Each training has a file of its own, so that none replaces that of another cell, recipe or set of images.
    """

    def __init__(self, table: Path, say: Callable[[str], None] = print) -> None:
        self.table, self.label, self.say = table, "", say

    def begin(self, label: str) -> None:
        """Name the training that comes now; ``label`` names all of its settings."""
        self.label = label

    @property
    def path(self) -> Path:
        """Where the state is kept."""
        digest = hashlib.sha256(self.label.encode()).hexdigest()[:12]
        return self.table.with_suffix(f".{digest}.checkpoint.pt")

    def restore(self, network: nn.Module, optimizer: Optimizer) -> tuple[int, float | None]:
        """Load the state where there is one.

        Returns
        -------
        The number of epochs that it has behind it, and the best test accuracy so far where it was tested. A damaged
        file is named and set aside; the training starts anew.
        """
        older = self.table.with_suffix(".checkpoint.pt")  # one file for all trainings
        for path in (self.path, older):
            found = self._restore(path, network, optimizer)
            if found is not None:
                path.replace(self.path)
                return found
        return 0, None

    def _restore(self, path: Path, network: nn.Module, optimizer: Optimizer) -> tuple[int, float | None] | None:
        """Load the state of this training from a file; None where it is absent, of another training, or damaged."""
        if not path.exists():
            return None
        device = next(network.parameters()).device
        fresh = {"network": _copied(network.state_dict()), "optimizer": _copied(optimizer.state_dict())}
        try:
            if inflates(path):
                raise ValueError("it expands to more than a checkpoint holds")
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
            if state["label"] != self.label:
                return None
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            best = state.get("best_test")  # which older ones lack
            return int(state["epochs"]), None if best is None else float(best)
        except Exception:  # damaged, which torch meets with any of a dozen errors
            network.load_state_dict(fresh["network"])
            optimizer.load_state_dict(fresh["optimizer"])
            self.say(f"{path} is damaged; it is kept as {whole.set_aside(path).name}")
            return None

    def save(self, network: nn.Module, optimizer: Optimizer, epochs: int, best_test: float | None = None) -> None:
        """Write the state."""
        state = {
            "label": self.label,
            "epochs": epochs,
            "best_test": best_test,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        content = io.BytesIO()
        torch.save(state, content)  # not straight into the file: torch hides the error of a full disk
        with whole.writing(self.path) as file:
            file.write(content.getvalue())

    def remove(self) -> None:
        """Forget the state: its cell is in the table."""
        self.path.unlink(missing_ok=True)


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    content = io.BytesIO()
    torch.save(state, content)
    content.seek(0)
    return torch.load(content, weights_only=True)
