"""The published files that this suite can read: what each is, and where it comes from.

Sizes and checksums are those that the publishers state, or where they state none, those on which independent
users of the file agree; the digits in the names of the NAS-Bench-201 files are the last ones of their md5.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Tables of scores, by where they belong in the data directory.
NASBENCH101_TABLE = "nasbench101.parquet"
NASBENCH201_TABLE = "nasbench201.parquet"
NASBENCH201_SHORT_TABLE = "nasbench201-12epochs.parquet"

#: Columns of every table, in percent.
ACCURACIES = ("valid_accuracy", "test_accuracy")


@dataclass(frozen=True)
class Source:
    """One published file, the same bytes at each of its addresses.

    Attributes
    ----------
    name : what ``dnas data`` calls it.
    path : where it belongs, relative to the data directory.
    size : bytes.
    checksum : "sha256:..." or "md5:...".
    addresses : tried in this order.
    without : what works without it.
    unpacked : folder that can be used instead, relative to the data directory; empty if there is no such form.
    table : the table that ``convert`` makes of it; empty where it is used as it is.
    optional : whether another source serves as well, or few experiments need it.
    """

    name: str
    what: str
    path: str
    size: int
    checksum: str
    addresses: tuple[str, ...]
    without: str
    unpacked: str = ""
    table: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table of scores in this suite's compact form.

    Attributes
    ----------
    path : where it belongs, relative to the data directory.
    source : name of the source to make it from.
    rows : how many a complete one has.
    keys : columns that name a row; beside them it has ``ACCURACIES``.
    without : what works without it.
    optional : whether every experiment works without it.
    """

    path: str
    what: str
    source: str
    rows: int
    keys: tuple[str, ...]
    without: str
    optional: bool = False


def _drive(key: str) -> tuple[str, str]:
    """Return the addresses of a file on Google Drive that go past the page asking for a confirmation."""
    return (
        f"https://drive.usercontent.google.com/download?id={key}&export=download&confirm=t",
        f"https://drive.google.com/uc?id={key}&export=download&confirm=t",
    )


_ALL_SOURCES = (
    Source(
        name="cifar10",
        what="CIFAR-10, the official binary archive",
        # No copy on a data set hub is offered: the common one begins with an airplane where the official order
        # has a frog, so that "the first 25,000 images" are others there.
        path="cifar10/cifar-10-binary.tar.gz",
        size=170_052_171,
        checksum="md5:c32a1d4ab5d03f1284b67883e8d87530",
        addresses=(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
        ),
        without="'quick' runs, as its images come with scikit-learn; reports and checks of records work",
    ),
    Source(
        name="cifar100",
        what="CIFAR-100, the official binary archive",
        path="cifar100/cifar-100-binary.tar.gz",
        size=168_513_733,
        checksum="md5:03b5dce01913d631647c71ecec9e9cb8",
        addresses=("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",),
        without="every experiment that is not on CIFAR-100",
        unpacked="cifar100/cifar-100-binary",
        optional=True,
    ),
    Source(
        name="svhn-train",
        what="SVHN, the cropped digits for training, without the extra ones",
        path="svhn/train_32x32.mat",
        size=182_040_794,
        checksum="md5:e26dedcc434d2e4c54c9b2d4a06d8373",
        addresses=("http://ufldl.stanford.edu/housenumbers/train_32x32.mat",),
        without="every experiment that is not on SVHN",
        optional=True,
    ),
    Source(
        name="svhn-test",
        what="SVHN, the cropped digits for testing",
        path="svhn/test_32x32.mat",
        size=64_275_384,
        checksum="md5:eb5a983be6a315427106f1b164d9cef3",
        addresses=("http://ufldl.stanford.edu/housenumbers/test_32x32.mat",),
        without="every experiment that is not on SVHN",
        optional=True,
    ),
    Source(
        name="nasbench101",
        what="NAS-Bench-101, all 423,624 cells trained three times for 108 epochs",
        path="nasbench_only108.tfrecord",
        size=522_767_376,
        checksum="sha256:4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
        addresses=(
            "https://storage.googleapis.com/nasbench/nasbench_only108.tfrecord",
            "https://nasbench.storage.googleapis.com/nasbench_only108.tfrecord",
        ),
        without=f"everything, once {NASBENCH101_TABLE} is made",
        table=NASBENCH101_TABLE,
    ),
    Source(
        name="nasbench201",
        what="NATS-Bench, topology space: the last release of NAS-Bench-201, one file per cell",
        path="NATS-tss-v1_0-3ffb9-simple.tar",
        size=1_145_989_120,
        checksum="sha256:580fd8f3425fed9f495640b0f12ccb7744f89dec7aff263bd75aed37ab0b8bb6",
        addresses=(
            *_drive("17_saCsj_krKjlCBLOJEpNtzPXArMCqxU"),
            "https://www.dropbox.com/s/pasubh1oghex3g9/?dl=1",
        ),
        without=f"everything, once {NASBENCH201_TABLE} is made",
        unpacked="NATS-tss-v1_0-3ffb9-simple",
        table=NASBENCH201_TABLE,
    ),
    Source(
        name="nasbench201-v1_1",
        what="NAS-Bench-201, the release of March 2020, in one file",
        path="NAS-Bench-201-v1_1-096897.pth",
        size=5_003_180_601,
        checksum="md5:55e847143ce1f7c2d89b676f6b096897",
        addresses=_drive("16Y0UwGisiouVRxW-W5hEtbxmcHw_0hF_"),
        without="everything: NATS-Bench serves as well, and its accuracies differ in the second decimal only",
        table=NASBENCH201_TABLE,
        optional=True,
    ),
)
SOURCES = {source.name: source for source in _ALL_SOURCES}

_RECORDED = "results/runs/scores.parquet scores the cells that recorded runs found, so every report and check works"

TABLES = (
    Table(
        path=NASBENCH201_TABLE,
        what="NAS-Bench-201: 15,625 cells on three data sets, trained for 200 epochs",
        source="nasbench201",
        rows=3 * 15_625,
        keys=("arch", "dataset"),
        without=f"{_RECORDED}; cells of new runs are not scored",
    ),
    Table(
        path=NASBENCH201_SHORT_TABLE,
        what="NAS-Bench-201: the same cells, trained for 12 epochs",
        source="nasbench201",
        rows=3 * 15_625,
        keys=("arch", "dataset"),
        without="everything: no experiment scores by it",
        optional=True,
    ),
    Table(
        path=NASBENCH101_TABLE,
        what="NAS-Bench-101: 423,624 cells on CIFAR-10, trained for 108 epochs",
        source="nasbench101",
        rows=423_624,
        keys=("module_hash",),
        without=f"{_RECORDED}; cells of new runs are scored as far as a partial table has them",
    ),
)
