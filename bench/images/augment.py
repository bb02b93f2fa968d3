"""Crop, flip, cutout and normalisation for the batches of several seeds at once, on the images' own device.

The random part is drawn first, on the CPU, from one generator per seed (``draw_augmentation``); ``augment`` is then
a pure function of tensors without loops over images or seeds and without a host synchronisation, so that a CUDA
graph can hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Draws(NamedTuple):
    """Random choices of one seed, one entry per augmented image; None for what is switched off."""

    crop: Tensor | None  # (..., 2) int64: row and column of the window in the padded image, 0..2 * pad
    flip: Tensor | None  # (...) bool
    cutout_centre: Tensor | None  # (..., 2) int64: row and column in the cropped image


def draw_augmentation(
    generator: torch.Generator,
    count: int,
    *,
    size: int,
    pad: int = 0,
    flip: bool = False,
    cutout: int = 0,
) -> Draws:
    """Draw what ``augment`` needs for ``count`` images of ``size`` x ``size`` pixels.

    Parameters
    ----------
    generator : a CPU generator, one per seed. Only what is switched on is drawn from it.
    pad, cutout : as in ``augment``; 0 switches off.
    """
    return Draws(
        torch.randint(2 * pad + 1, (count, 2), generator=generator) if pad else None,
        torch.randint(2, (count,), generator=generator).bool() if flip else None,
        torch.randint(size, (count, 2), generator=generator) if cutout else None,
    )


def augment(
    images: Tensor,
    index: Tensor,
    crop: Tensor | None = None,
    flip: Tensor | None = None,
    cutout_centre: Tensor | None = None,
    *,
    pad: int = 0,
    cutout: int = 0,
    mean: Sequence[float],
    std: Sequence[float],
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return one augmented, normalised batch per seed.

    The result equals torchvision's ``RandomCrop(size, padding=pad)``, ``RandomHorizontalFlip``, ``ToTensor`` and
    ``Normalize``, then the Cutout of the DARTS code (quark0/darts cnn/utils.py): a square of zeros after the
    normalisation, rows ``y - cutout // 2 .. y + cutout // 2 - 1`` and columns alike, clipped at the borders.

    Parameters
    ----------
    images : uint8 ``(N, C, H, W)``.
    index : int64 ``(S, B)``, which images.
    crop : int64 ``(S, B, 2)``, row and column of the window in the image padded by ``pad`` black pixels on each side.
    flip : bool ``(S, B)``, whether to mirror left and right.
    cutout_centre : int64 ``(S, B, 2)``, row and column. None for any of the three leaves its step out.
    mean, std : per channel, of pixels scaled to [0, 1].

    Returns
    -------
    ``(B, S * C, H, W)`` in channels-last memory; the channels of seed 0 come first.
    """
    (seeds, batch), (channels, height, width) = index.shape, images.shape[1:]
    device = images.device
    rows = torch.arange(height, device=device).expand(seeds, batch, -1)
    columns = torch.arange(width, device=device).expand(seeds, batch, -1)
    target_rows, target_columns = rows, columns
    if flip is not None:
        columns = torch.where(flip[..., None], width - 1 - columns, columns)
    if crop is not None:
        rows = rows + crop[..., :1] - pad
        columns = columns + crop[..., 1:] - pad

    # Gathered straight into channels-last order: (B, H, W, S, C).
    pixels = images[
        index.t().reshape(batch, 1, 1, seeds, 1),
        torch.arange(channels, device=device),
        _by_row(rows.clamp(0, height - 1)),
        _by_column(columns.clamp(0, width - 1)),
    ]
    if crop is not None:
        pixels = pixels * (_by_row(_within(rows, 0, height)) & _by_column(_within(columns, 0, width)))

    compute = dtype if dtype == torch.float64 else torch.float32
    x = pixels.to(compute).div(255).sub(_constants(mean, compute, device)).div(_constants(std, compute, device))
    if cutout_centre is not None:
        centre_row, centre_column = cutout_centre[..., :1], cutout_centre[..., 1:]
        half = cutout // 2
        hole = _by_row(_within(target_rows, centre_row - half, centre_row + half)) & _by_column(
            _within(target_columns, centre_column - half, centre_column + half)
        )
        x = x.masked_fill(hole, 0.0)
    return x.to(dtype).flatten(3).permute(0, 3, 1, 2)


def _by_row(values: Tensor) -> Tensor:
    """View ``(S, B, H)`` as ``(B, H, 1, S, 1)``."""
    return values.permute(1, 2, 0)[:, :, None, :, None]


def _by_column(values: Tensor) -> Tensor:
    """View ``(S, B, W)`` as ``(B, 1, W, S, 1)``."""
    return values.permute(1, 2, 0)[:, None, :, :, None]


def _within(values: Tensor, low: Tensor | int, high: Tensor | int) -> Tensor:
    return (values >= low) & (values < high)


def _constants(values: Sequence[float], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return ``(C,)`` by fills on the device: a copy from the host cannot be captured in a CUDA graph."""
    return torch.stack([torch.full((), value, dtype=dtype, device=device) for value in values])
