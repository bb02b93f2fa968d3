"""The binary version of CIFAR: records of some bytes of labels and the red, green and blue planes of 32 x 32 pixels."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.images.decoded import damaged

_PLANES = 3 * 32 * 32


def size(label_bytes: int) -> int:
    """Return the bytes of one record."""
    return label_bytes + _PLANES


def decode(files: Iterable[bytes], source: Path, *, label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 ``(N, 3, 32, 32)`` and labels uint8 ``(N, label_bytes)``.

    Parameters
    ----------
    files : their contents, in order; what reading them raises is told of ``source``.
    """
    try:
        flat = np.frombuffer(b"".join(files), dtype=np.uint8).reshape(-1, size(label_bytes))
    except (tarfile.TarError, zlib.error, OSError, EOFError, KeyError, ValueError) as error:
        raise damaged(source, error) from None
    return np.ascontiguousarray(flat[:, label_bytes:]).reshape(-1, 3, 32, 32), flat[:, :label_bytes]


def members(archive: Path, names: Sequence[str], *, images: int, label_bytes: int) -> Iterator[bytes]:
    """Yield the contents of files of an archive, in order, none of which may hold more than ``images``."""
    with tarfile.open(archive, "r:gz") as tar:
        for name in names:
            member = tar.extractfile(name)
            if member is None:
                raise KeyError(f"{name} is no file")
            if tar.getmember(name).size > images * size(label_bytes):
                raise ValueError(f"{name} is larger than {images:,} images")
            yield member.read()
