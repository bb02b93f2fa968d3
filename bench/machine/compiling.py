"""Prepares TorchInductor, which compiles a supernet's cells: fewer and larger kernels a step, after minutes of waiting.

What it has compiled is kept from run to run, in the folder that ``TORCHINDUCTOR_CACHE_DIR`` names or one of the suite.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import torch

from results.errors import InputError

#: Kinds of cells, times what is differentiated, of all spaces in one process; PyTorch gives up after eight.
KINDS = 1024


@cache
def prepare(device: torch.device, *, mend: str) -> None:
    """Set PyTorch's switches, and see that something can be compiled for a device; the error ends with ``mend``."""
    import pooch

    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(pooch.os_cache("dnas-bench")) / "inductor"))
    config = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, KINDS)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, KINDS)
    try:
        torch.compile(torch.square, fullgraph=True)(torch.ones(2, device=device))
    except Exception as error:  # of the compiler, of which there are many
        reason = next((line for line in str(error).splitlines() if line and not line.endswith("raised:")), "")
        raise InputError(f"cells cannot be compiled here ({reason}); {mend}") from None
