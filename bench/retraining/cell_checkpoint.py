"""With what the retraining of a cell goes on where it was cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from results.errors import InputError
from results.files import whole
from results.files.unpickle import inflates


class CellCheckpoint:
    """The state of the one cell in training, in a file that is whole or absent.

    ``label`` says of which training, to the last setting; a file with another label is not resumed from.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.label = path, ""

    def restore(self, network: nn.Module, optimizer: Optimizer) -> int:
        """Load the state where there is one; return the number of epochs that it has behind it."""
        device = next(network.parameters()).device
        try:
            if inflates(self.path):
                return 0
            state: dict[str, Any] = torch.load(self.path, map_location=device, weights_only=True)
            if state["label"] != self.label:
                return 0
        except Exception:  # absent, or damaged, which torch meets with any of a dozen errors
            return 0
        try:
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            return int(state["epochs"])
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError):
            raise InputError(f"{self.path} is of another training; remove it and run again") from None

    def save(self, network: nn.Module, optimizer: Optimizer, epochs: int) -> None:
        """Write the state."""
        state = {
            "label": self.label,
            "epochs": epochs,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        with whole.writing(self.path) as file:
            torch.save(state, file)

    def remove(self) -> None:
        """Forget the state: its cell is in the table."""
        self.path.unlink(missing_ok=True)
