"""The images that a search sees and the held-out test images that it never does, as uint8 tensors.

Two data sets: ``digits``, which ships with scikit-learn and needs no download, and ``cifar10``. CIFAR-10 is decoded
once into a cache that is checked whenever it is read, and is memory-mapped from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from results.data import cifar10
from results.errors import InputError, suggest
from results.files import cache
from results.files.parquet import content

DATASETS = ("digits", "cifar10")

#: ``_sha256`` of the official CIFAR-10: 60,000 images (uint8, N x 3 x 32 x 32) and their labels (uint8).
CIFAR10_SHA256 = "c39812f23ca612226a93091d739d3ba56a271144b1076d3354f8276b9f1f69df"
_CIFAR10_TRAIN = 50_000
_CIFAR10_RECORD = 1 + 3 * 32 * 32  # of the binary version: the label, then the three colour planes
_CIFAR10_BATCH = 10_000 * _CIFAR10_RECORD


@dataclass(frozen=True, eq=False)
class Images:
    """A data set: images uint8 ``(N, C, H, W)``, labels int64 ``(N,)``.

    ``train`` is what a search may use (it splits it further), ``test`` is held out. ``mean`` and ``std`` are per
    channel, of pixels scaled to [0, 1]. ``checksum`` is the sha256 of the four arrays.
    """

    name: str
    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checksum: str


def load(
    dataset: str,
    *,
    size: int | None = None,
    train_limit: int | None = None,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> Images:
    """Return the images of ``dataset``.

    Parameters
    ----------
    dataset : one of ``DATASETS``.
    size : side in pixels, a divisor of the full side (32 for CIFAR-10, 8 for the digits). A smaller image is the
        box average of the full one, rounded to the nearest integer, halves up. None keeps the full side.
    train_limit : keep only the first so many training images.
    data_dir : folder that holds ``cifar10/``; not needed for the digits, nor while the decoded images are cached.
    cache_dir : where decoded images are kept; by default the platform's cache folder.

    Raises
    ------
    InputError
        The data set is unknown, absent or damaged, or cannot be had in this size.
    """
    if dataset == "digits":
        train, train_labels, test, test_labels = _digits()
        mean, std = (0.3051,), (0.3757,)  # of the search images
    elif dataset == "cifar10":
        train, train_labels, test, test_labels = _cifar10(data_dir, cache_dir)
        # Of the training images, as the DARTS family rounds them (quark0/darts cnn/utils.py); kept at every size.
        mean, std = (0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768)
    else:
        fix = suggest(dataset, DATASETS) or f"; known are {', '.join(DATASETS)}"
        raise InputError(f"unknown data set '{dataset}'{fix}")
    if train_limit is not None:
        if not 0 < train_limit <= len(train):
            raise InputError(f"images.limit is {train_limit}; {dataset} has 1 to {len(train)} training images")
        train, train_labels = train[:train_limit], train_labels[:train_limit]
    if size is not None and size != train.shape[-1]:
        train, test = _box_average(train, size, dataset), _box_average(test, size, dataset)
    train_labels, test_labels = train_labels.astype(np.int64), test_labels.astype(np.int64)
    return Images(
        name=dataset,
        train=torch.from_numpy(train),
        train_labels=torch.from_numpy(train_labels),
        test=torch.from_numpy(test),
        test_labels=torch.from_numpy(test_labels),
        classes=10,
        mean=mean,
        std=std,
        checksum=_sha256(train, train_labels, test, test_labels),
    )


def _digits() -> tuple[np.ndarray, ...]:
    """Return 1,536 images to search with and 261 to test on, of the 1,797 scans of 8 x 8 pixels.

    The images are sorted by class, in file order within a class. Every 6.885th image of this list is a test image.
    The others go to the first and the second half of the search images in turn. So the three sets have the same share
    of each class, and images of all writers, who follow one another in the file. Each set keeps file order.
    """
    from sklearn.datasets import load_digits

    grey, labels = map(np.asarray, load_digits(return_X_y=True))
    pixels = (grey.astype(np.int64) * 255 + 8) // 16  # 0..16 to 0..255, halves up
    images = pixels.astype(np.uint8).reshape(-1, 1, 8, 8)
    line, total, held_out = np.argsort(labels, kind="stable"), len(labels), 261
    place = np.arange(total)
    tested = (place + 1) * held_out // total > place * held_out // total
    searched = line[~tested]
    search = np.concatenate([np.sort(searched[0::2]), np.sort(searched[1::2])])
    test = np.sort(line[tested])
    return images[search], labels[search], images[test], labels[test]


def _cifar10(data_dir: Path | None, cache_dir: Path | None) -> tuple[np.ndarray, ...]:
    """Return CIFAR-10 from the cache, else decode it and fill the cache."""
    folder = cache_dir or _cache_dir()
    paths = [Path(folder) / f"cifar10-{part}.npy" for part in ("images", "labels")] if folder else []
    arrays = _cached(paths)
    if arrays is None:
        images, labels = _decode(data_dir)
        if _sha256(images, labels) != CIFAR10_SHA256:
            raise InputError(
                f"the CIFAR-10 files under {data_dir} are not the 60,000 official images; fetch them again"
            )
        for path, array in zip(paths, (images, labels), strict=False):
            _write(path, array)
        arrays = _cached(paths) or (images, labels)  # the latter where the cache could not be written
    images, labels = arrays
    return images[:_CIFAR10_TRAIN], labels[:_CIFAR10_TRAIN], images[_CIFAR10_TRAIN:], labels[_CIFAR10_TRAIN:]


def _cache_dir() -> Path | None:
    """Return the folder of decoded images; None without a home directory: then each search decodes."""
    try:
        return cache.folder() / "decoded"
    except RuntimeError:
        return None


def _cached(paths: list[Path]) -> tuple[np.ndarray, np.ndarray] | None:
    """Map the cached arrays; None where they are absent or damaged."""
    try:
        # "c" is copy-on-write: torch asks for a writable array, and nothing here writes to it.
        images, labels = (np.load(path, mmap_mode="c") for path in paths)
    except (OSError, ValueError, EOFError):
        return None
    return (images, labels) if _sha256(images, labels) == CIFAR10_SHA256 else None


def _write(path: Path, array: np.ndarray) -> None:
    """Write ``path`` whole or not at all; do without where the folder is read-only or full."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                np.save(file, array)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _decode(data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels (both uint8) of training and test set in the official order."""
    copy = None if data_dir is None else cifar10.find(Path(data_dir))
    if data_dir is not None and (part := cifar10.part(Path(data_dir))):
        lacking = " and ".join(part.missing)
        raise InputError(f"CIFAR-10 in {part.path} is incomplete: {lacking} is missing; add it there")
    if copy:
        if copy.shards:
            return _decode_parquet(copy.shards)
        batches = (path.read_bytes() for path in copy.batches)
        return _decode_binary(batches if copy.batches else _members(copy.path), copy.path)
    place = data_dir if data_dir is not None else "the data directory ($DNAS_DATA)"
    raise InputError(
        f"CIFAR-10 is missing: put train-*.parquet and test-*.parquet, or cifar-10-binary.tar.gz, into cifar10/ of"
        f" {place}, or run 'dnas data fetch cifar10'; the experiment 'quick' works without it"
    )


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
            raise _damaged(shard, error) from None
    return np.concatenate(images), np.concatenate(labels)


def _of_cifar10(image: Any) -> Any:
    """Return an image that is not decoded yet, and check its size first: a small file may hold an image of any size."""
    if image.size != (32, 32):
        raise ValueError(f"an image is {image.size[0]} x {image.size[1]} pixels, not 32 x 32")
    return image


def _decode_binary(batches: Iterator[bytes], source: Path) -> tuple[np.ndarray, np.ndarray]:
    """Decode the binary version: records of a label and the red, green and blue planes."""
    try:
        flat = np.frombuffer(b"".join(batches), dtype=np.uint8).reshape(-1, _CIFAR10_RECORD)
    except (tarfile.TarError, zlib.error, OSError, EOFError, KeyError, ValueError) as error:
        raise _damaged(source, error) from None
    return np.ascontiguousarray(flat[:, 1:]).reshape(-1, 3, 32, 32), flat[:, 0].copy()


def _members(archive: Path) -> Iterator[bytes]:
    """Yield the six batches of the official archive, in order."""
    with tarfile.open(archive, "r:gz") as tar:
        for name in cifar10.BATCHES:
            member = tar.extractfile(f"{cifar10.UNPACKED}/{name}")
            if member is None:
                raise KeyError(f"{name} is no file")
            if tar.getmember(f"{cifar10.UNPACKED}/{name}").size > _CIFAR10_BATCH:
                raise ValueError(f"{name} is larger than 10,000 images")
            yield member.read()


def _damaged(source: Path, error: Exception) -> InputError:
    return InputError(f"{source} is damaged ({str(error).splitlines()[0]}); fetch it again")


def _box_average(images: np.ndarray, size: int, dataset: str) -> np.ndarray:
    """Average k x k pixels of ``(N, C, k * size, k * size)`` into one, rounding to nearest with halves up."""
    full = images.shape[-1]
    if size < 1 or full % size:
        raise InputError(f"{dataset} cannot be had at {size} pixels; the size must divide {full}")
    k = full // size
    total = np.full((*images.shape[:2], size, size), k * k // 2, dtype=np.uint32)
    for row in range(k):
        for column in range(k):
            total += images[..., row::k, column::k]
    return (total // (k * k)).astype(np.uint8)


def _sha256(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
