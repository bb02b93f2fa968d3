"""Images that were decoded once: a cache that is checked whenever it is read, and is memory-mapped from there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.images.dataset import Parts
from results.errors import InputError
from results.files import cache, whole


def decoded(
    name: str,
    train: int,
    decode: Callable[[], tuple[np.ndarray, np.ndarray]],
    *,
    expected: str = "",
    cache_dir: Path | None = None,
) -> Parts:
    """Return the parts of a data set from the cache, else decode it and fill the cache.

    Parameters
    ----------
    train : how many of its images are for training; they come first.
    decode : returns all images and labels, uint8; it raises ``InputError`` where they are not the official ones.
    expected : their ``sha256``. Without it the cache is held to the one that was noted when it was filled.
    cache_dir : by default the platform's cache folder.
    """
    folder = cache_dir or folder_of_caches()
    paths = [folder / f"{name}-{part}.npy" for part in ("images", "labels")] if folder else []
    note = folder / f"{name}.sha256" if folder else None
    arrays = _cached(paths, expected or _noted(note))
    if arrays is None:
        arrays = decode()
        for path, array in zip(paths, arrays, strict=False):
            _write(path, lambda file, array=array: np.save(file, array))
        if note and not expected:
            digest = sha256(*arrays).encode()
            _write(note, lambda file: file.write(digest))
        arrays = _cached(paths, expected or _noted(note)) or arrays  # the latter where nothing could be written
    images, labels = arrays
    return images[:train], labels[:train], images[train:], labels[train:]


def folder_of_caches() -> Path | None:
    """Return the folder of decoded images; None without a home directory: then each search decodes."""
    try:
        return cache.folder() / "decoded"
    except cache.NoHome:
        return None


def sha256(*arrays: np.ndarray) -> str:
    """Return the checksum of arrays, their types and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def damaged(source: Path, error: Exception) -> InputError:
    """Return the error that names a file that cannot be decoded."""
    return InputError(f"{source} is damaged ({(str(error).splitlines() or ['it ends early'])[0]}); fetch it again")


def _noted(note: Path | None) -> str:
    """Return the checksum that was noted of what the cache holds; empty where there is none."""
    try:
        return note.read_text(encoding="ascii") if note else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _cached(paths: list[Path], expected: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Map the cached arrays; None where they are absent or damaged."""
    try:
        # "c" is copy-on-write: torch asks for a writable array, and nothing here writes to it.
        images, labels = (np.load(path, mmap_mode="c") for path in paths)
    except (OSError, ValueError, EOFError):
        return None
    return (images, labels) if sha256(images, labels) == expected else None


def _write(path: Path, write: Callable[..., object]) -> None:
    """Write ``path`` whole or not at all; do without where the folder is read-only or full."""
    with contextlib.suppress(OSError), whole.writing(path) as file:
        write(file)
