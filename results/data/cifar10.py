"""Which copy of CIFAR-10 in a data directory is used: one answer for what decodes it and what reports on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ARCHIVE = "cifar-10-binary.tar.gz"
UNPACKED = "cifar-10-batches-bin"  # the folder in the archive
BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


@dataclass(frozen=True)
class Copy:
    """A copy of the data set.

    Attributes
    ----------
    path : the archive, or the folder of the files.
    shards : ``train-*.parquet``, then ``test-*.parquet``, as data set hubs have them; empty for other forms.
    batches : the files of the unpacked archive; empty for other forms.
    """

    path: Path
    shards: tuple[Path, ...] = ()
    batches: tuple[Path, ...] = ()


def find(data_dir: Path) -> Copy | None:
    """Return the copy that is used; None where there is none, or only a part of one."""
    beside = [data_dir / "cifar10", data_dir]
    for folder in (*beside, *(each / UNPACKED for each in beside)):
        parts = [sorted(folder.glob(f"{part}-*.parquet")) for part in ("train", "test")]
        if all(parts):
            return Copy(folder, shards=(*parts[0], *parts[1]))
        if (folder / ARCHIVE).exists():
            return Copy(folder / ARCHIVE)
        batches = tuple(folder / name for name in BATCHES)
        if all(batch.exists() for batch in batches):
            return Copy(folder, batches=batches)
    return None
