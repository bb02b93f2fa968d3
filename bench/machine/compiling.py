"""Prepares TorchInductor, which compiles a supernet's cells: fewer, larger kernels per step, after minutes of waiting.

Compiled cells are kept from run to run, in the folder that ``TORCHINDUCTOR_CACHE_DIR`` names, or else in the suite's.
Without a home directory, PyTorch chooses the folder.
"""

from __future__ import annotations

import contextlib
import functools
import os

import torch

from results.errors import InputError
from results.files import cache

#: Kinds of cells, times what is differentiated, of all spaces in one process; PyTorch gives up after eight.
KINDS = 1024


@functools.cache
def prepare(device: torch.device, *, fix: str) -> None:
    """Set PyTorch's switches, and see that something can be compiled for a device; the error ends with ``fix``."""
    with contextlib.suppress(cache.NoHome):  # without a home directory PyTorch takes a folder for temporary files
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache.folder() / "inductor"))
    try:
        config = torch._dynamo.config  # imports much, of which anything may be missing
        config.recompile_limit = max(config.recompile_limit, KINDS)
        config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, KINDS)
        torch.compile(torch.square, fullgraph=True)(torch.ones(2, device=device))
    except Exception as error:  # of the compiler, of which there are many
        reason = next((line for line in str(error).splitlines() if line and not line.endswith("raised:")), "")
        raise InputError(f"cells cannot be compiled here ({reason}); {fix}") from None
