"""The handwritten digits that ship with scikit-learn: 1,797 scans of 8 x 8 pixels, no download.

A mirrored digit is another character, or none: an experiment on them does not flip.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.images.dataset import Dataset, Parts

SIDE, TRAIN, TESTED = 8, 1_536, 261


def _read(_data_dir: Path | None, _cache_dir: Path | None) -> Parts:
    """Return 1,536 images to search with and 261 to test on.

    The images are sorted by class, in file order within a class. Every 6.885th image of this list is a test image.
    The others go to the first and the second half of the search images in turn. So the three sets have the same share
    of each class, and images of all writers, who follow one another in the file. Each set keeps file order.
    """
    from sklearn.datasets import load_digits

    grey, labels = map(np.asarray, load_digits(return_X_y=True))
    pixels = (grey.astype(np.int64) * 255 + 8) // 16  # 0..16 to 0..255, halves up
    images = pixels.astype(np.uint8).reshape(-1, 1, SIDE, SIDE)
    line, total = np.argsort(labels, kind="stable"), len(labels)
    place = np.arange(total)
    tested = (place + 1) * TESTED // total > place * TESTED // total
    searched = line[~tested]
    search = np.concatenate([np.sort(searched[0::2]), np.sort(searched[1::2])])
    test = np.sort(line[tested])
    return images[search], labels[search], images[test], labels[test]


DATASET = Dataset("digits", SIDE, TRAIN, classes=10, mean=(0.3051,), std=(0.3757,), read=_read)
