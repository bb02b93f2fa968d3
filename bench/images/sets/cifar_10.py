"""CIFAR-10: 60,000 colour images of 32 x 32 pixels, of which 50,000 are for training; ten classes.

It is read from the official binary archive, packed or unpacked, or from Parquet files as data set hubs have them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.images import cifar_records
from bench.images.dataset import Dataset, Parts
from bench.images.decoded import damaged, decoded, sha256
from results.data import cifar10
from results.errors import InputError
from results.files.parquet import content

TRAIN = 50_000
#: Of the 60,000 images (uint8, N x 3 x 32 x 32) and their labels (uint8), see ``decoded.sha256``.
SHA256 = "c39812f23ca612226a93091d739d3ba56a271144b1076d3354f8276b9f1f69df"
_LABELS = 1  # bytes before the three colour planes of a record
_BATCH = 10_000  # images of a file


def _read(data_dir: Path | None, cache_dir: Path | None) -> Parts:
    return decoded("cifar10", TRAIN, partial(_checked, data_dir), expected=SHA256, cache_dir=cache_dir)


def _checked(data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    images, labels = _decode(data_dir)
    if sha256(images, labels) != SHA256:
        raise InputError(f"the CIFAR-10 files under {data_dir} are not the 60,000 official images; fetch them again")
    return images, labels


def _decode(data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels (both uint8) of training and test set in the official order."""
    copy = None if data_dir is None else cifar10.find(Path(data_dir))
    if data_dir is not None and (part := cifar10.part(Path(data_dir))):
        lacking = " and ".join(part.missing)
        raise InputError(f"CIFAR-10 in {part.path} is incomplete: {lacking} is missing; add it there")
    if copy:
        if copy.shards:
            return _decode_parquet(copy.shards)
        batches = (path.read_bytes() for path in copy.batches) if copy.batches else _members(copy.path)
        images, labels = cifar_records.decode(batches, copy.path, label_bytes=_LABELS)
        return images, labels[:, 0].copy()
    place = data_dir if data_dir is not None else "the data directory ($DNAS_DATA)"
    raise InputError(
        f"CIFAR-10 is missing: put train-*.parquet and test-*.parquet, or cifar-10-binary.tar.gz, into cifar10/ of"
        f" {place}, or run 'dnas data fetch cifar10'; the experiment 'quick' works without it"
    )


def _members(archive: Path) -> Iterator[bytes]:
    names = [f"{cifar10.UNPACKED}/{name}" for name in cifar10.BATCHES]
    return cifar_records.members(archive, names, images=_BATCH, label_bytes=_LABELS)


def _decode_parquet(shards: Iterable[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Decode the Hugging Face layout: ``img`` holds a file (lossless WebP or PNG) as ``bytes``, beside ``label``."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    images, labels = [], []
    for shard in shards:
        try:
            with pq.ParquetFile(shard) as file:
                table = content(file, ["img", "label"])
            opened = (Image.open(io.BytesIO(row["bytes"])) for row in table["img"].to_pylist())
            pixels = np.stack([np.asarray(_of_cifar10(image).convert("RGB")) for image in opened])
            images.append(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
            labels.append(table["label"].to_numpy().astype(np.uint8))
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
            raise damaged(shard, error) from None
    return np.concatenate(images), np.concatenate(labels)


def _of_cifar10(image: Any) -> Any:
    """Return an image that is not decoded yet, and check its size first: a small file may hold an image of any size."""
    if image.size != (32, 32):
        raise ValueError(f"an image is {image.size[0]} x {image.size[1]} pixels, not 32 x 32")
    return image


DATASET = Dataset(
    "cifar10",
    side=32,
    train=TRAIN,
    classes=10,
    # As the DARTS family rounds them (quark0/darts cnn/utils.py).
    mean=(0.49139968, 0.48215827, 0.44653124),
    std=(0.24703233, 0.24348505, 0.26158768),
    read=_read,
)
