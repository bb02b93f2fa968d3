"""CIFAR-100: 60,000 colour images of 32 x 32 pixels, of which 50,000 are for training; a hundred classes.

It is read from the official binary archive, packed or unpacked. A record has a coarse label of twenty and a fine one of
a hundred; the fine one is the class.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from bench.images import cifar_records
from bench.images.dataset import Dataset, Parts
from bench.images.decoded import decoded
from results.errors import InputError

ARCHIVE, UNPACKED = "cifar-100-binary.tar.gz", "cifar-100-binary"
TRAIN = 50_000
#: The files of the archive in order, with the sha256 to which the loaders of other libraries hold them.
FILES = {
    "train.bin": "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
    "test.bin": "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
}
_LABELS = 2  # bytes before the three colour planes of a record: coarse, fine


def _read(data_dir: Path | None, cache_dir: Path | None) -> Parts:
    return decoded("cifar100", TRAIN, partial(_decode, data_dir), cache_dir=cache_dir)


def _decode(data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images and fine labels (both uint8) of training and test set in the official order."""
    source = _find(data_dir)
    if source.is_dir():
        contents = ((source / name).read_bytes() for name in FILES)
    else:
        names = [f"{UNPACKED}/{name}" for name in FILES]
        contents = cifar_records.members(source, names, images=TRAIN, label_bytes=_LABELS)
    checked = []

    def noting(content: bytes) -> bytes:
        checked.append(hashlib.sha256(content).hexdigest())
        return content

    images, labels = cifar_records.decode(map(noting, contents), source, label_bytes=_LABELS)
    if checked != list(FILES.values()):
        raise InputError(f"{source} does not hold the 60,000 official images of CIFAR-100; fetch it again")
    return images, labels[:, 1].copy()


def _find(data_dir: Path | None) -> Path:
    """Return the archive, or the folder that it was unpacked to."""
    for folder in () if data_dir is None else (data_dir / "cifar100", data_dir):
        if (folder / ARCHIVE).exists():
            return folder / ARCHIVE
        if all((folder / UNPACKED / name).exists() for name in FILES):
            return folder / UNPACKED
    place = data_dir if data_dir is not None else "the data directory ($DNAS_DATA)"
    raise InputError(
        f"CIFAR-100 is missing: put {ARCHIVE} into cifar100/ of {place}, or run 'dnas data fetch cifar100'"
    )


DATASET = Dataset(
    "cifar100",
    side=32,
    train=TRAIN,
    classes=100,
    # As SmoothDARTS and R-DARTS round them (SmoothDARTS optimizers/darts/utils.py at d3dbfed); DropNAS has more digits.
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
    read=_read,
)
