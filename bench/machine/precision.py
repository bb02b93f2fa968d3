"""The precision in which a search computes.

Weights, alphas, batch-norm statistics and losses are float32 in all but float64. "tf32" lets a GPU round what its
matrix units multiply to ten bits of mantissa; "bf16" keeps the feature maps in bfloat16 besides, by explicit casts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch

from results.errors import InputError, suggest

Precision = Literal["float64", "float32", "tf32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def choose(name: str, device: torch.device) -> Precision:
    """Return the precision that ``auto`` or a name means on a device: TF32 on a GPU, float32 on a CPU."""
    if name == "auto":
        return "tf32" if device.type == "cuda" else "float32"
    for precision in PRECISIONS:
        if name == precision:
            return precision
    raise InputError(f"unknown precision '{name}'{suggest(name, ['auto', *PRECISIONS])}")


def state_dtype(precision: Precision) -> torch.dtype:
    """Return the precision of weights, alphas, statistics and images."""
    return torch.float64 if precision == "float64" else torch.float32


def maps_dtype(precision: Precision) -> torch.dtype:
    """Return the precision of feature maps."""
    return torch.bfloat16 if precision == "bf16" else state_dtype(precision)


def prepare(precision: Precision, device: torch.device) -> None:
    """Set PyTorch's switches for a GPU: TF32, and algorithms chosen by trial, since shapes never change."""
    if device.type != "cuda":
        return
    rounded = precision in ("tf32", "bf16")
    torch.set_float32_matmul_precision("high" if rounded else "highest")
    torch.backends.cudnn.allow_tf32 = rounded
    torch.backends.cudnn.benchmark = True


@contextmanager
def unrounded() -> Iterator[None]:
    """Keep matrix units from rounding to TF32 within the context: second derivatives would be off by percents."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
