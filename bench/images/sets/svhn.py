"""SVHN, cropped digits: 73,257 colour images of 32 x 32 pixels for training and 26,032 for testing; ten classes.

It is read from the official MATLAB files, without the 531,131 "extra" images, which SmoothDARTS and R-DARTS do not use.
The label 10 of the files stands for the digit 0. Both codes crop and flip these images as they do CIFAR's, although a
mirrored digit is another character (SmoothDARTS optimizers/darts/utils.py at d3dbfed): an experiment that follows them
keeps ``images.flip``.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from bench.images.dataset import Dataset, Parts
from bench.images.decoded import damaged, decoded
from results.errors import InputError

TRAIN = 73_257
#: The files in order, with the md5 to which the loaders of other libraries hold them.
FILES = {
    "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
}
_ZERO = 10  # the label of the digit 0


def _read(data_dir: Path | None, cache_dir: Path | None) -> Parts:
    return decoded("svhn", TRAIN, partial(_decode, data_dir), cache_dir=cache_dir)


def _decode(data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels (both uint8) of training and test set in the official order."""
    folder = _find(data_dir)
    parts = [_of_file(folder / name, digest) for name, digest in FILES.items()]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return images, labels


def _of_file(path: Path, digest: str) -> tuple[np.ndarray, np.ndarray]:
    """Decode one file: ``X`` is ``(32, 32, 3, N)``, ``y`` ``(N, 1)``. Its checksum is looked at before it is opened."""
    from scipy.io import loadmat

    with path.open("rb") as file:
        if hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != digest:
            raise InputError(f"{path} is not the official file of SVHN; fetch it again")
    try:
        content = loadmat(path, variable_names=("X", "y"))
        images, labels = content["X"].transpose(3, 2, 0, 1), content["y"].ravel()
    except (OSError, KeyError, ValueError, TypeError, NotImplementedError) as error:
        raise damaged(path, error) from None
    return np.ascontiguousarray(images), np.where(labels == _ZERO, 0, labels).astype(np.uint8)


def _find(data_dir: Path | None) -> Path:
    """Return the folder of the files."""
    for folder in () if data_dir is None else (data_dir / "svhn", data_dir):
        if all((folder / name).exists() for name in FILES):
            return folder
    place = data_dir if data_dir is not None else "the data directory ($DNAS_DATA)"
    raise InputError(
        f"SVHN is missing: put {' and '.join(FILES)} into svhn/ of {place}, or run"
        " 'dnas data fetch svhn-train svhn-test'"
    )


DATASET = Dataset(
    "svhn",
    side=32,
    train=TRAIN,
    classes=10,
    # As SmoothDARTS and R-DARTS round them (SmoothDARTS optimizers/darts/utils.py at d3dbfed).
    mean=(0.4377, 0.4438, 0.4728),
    std=(0.1980, 0.2010, 0.1970),
    read=_read,
)
