"""Memory that a device has left."""

from __future__ import annotations

import torch

from results import free_memory


def free(device: torch.device) -> float:
    """Return the bytes that a device has left; infinity where the system does not say."""
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else free_memory.available()
