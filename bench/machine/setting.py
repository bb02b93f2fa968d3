"""Where and how a search computes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from results.errors import InputError
from results.records.store import Store
from spaces.supernet.conv import ConvForm

from .precision import Precision


@dataclass(frozen=True)
class Setting:
    """Where and how to compute; nothing in it belongs to the protocol."""

    store: Store
    device: torch.device
    data_dir: Path | None = None
    form: ConvForm | Literal["auto"] = "auto"
    precision: Precision = "float32"
    capture: bool = True  # on a GPU
    compiled: bool = False
    apart: bool = False  # only forms of the convolution in which a lost seed spoils no other
    deadline: float = float("inf")  # of time.monotonic
    checkpoint_seconds: float = 600.0  # from one checkpoint to the next inside an epoch
    epoch_seconds: float = 0.0  # from one checkpoint to the next at the end of an epoch, at least
    replace: bool = False  # whether results and checkpoints of other protocols may be replaced


def choose_device(name: str) -> torch.device:
    """Return the device that ``auto``, ``cpu`` or ``cuda`` means here."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"unknown device '{name}'; choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device is available; use --device cpu or auto")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")
