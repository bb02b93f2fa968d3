"""Code in files of data is never executed, and a file of a few kilobytes never expands into gigabytes."""

import bz2
import gzip
import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from results.files import parquet as product

from . import guard
from .strategies import parquet
from .test_records import RUN, TABLE, stores
from .test_tables import NASBENCH201, SKIP


class Call:
    """What calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


#: By name, pickles that make a folder where ``target`` says when they are loaded carelessly.
PAYLOADS = {
    "mkdir": lambda target: pickle.dumps(Call(os.mkdir, str(target))),
    "eval": lambda target: pickle.dumps({"weights": Call(eval, f"__import__('os').mkdir({str(target)!r})")}),
    "system": lambda target: pickle.dumps(Call(os.system, f"mkdir {target}"), protocol=0),
    "nested": lambda target: pickle.dumps([[{"a": (Call(os.mkdir, str(target)), 1)}]], protocol=2),
    "path": lambda target: pickle.dumps(Call(Path.mkdir, target), protocol=4),
}


#: Files that hold pickles by their nature, and files that do not.
PICKLED, OTHERS = ("a.pth", "a.tar"), ("nasbench201.parquet", "nasbench101.parquet", "a.tfrecord")


@pytest.mark.parametrize(
    ("file", "name"),
    [*((file, name) for file in PICKLED for name in PAYLOADS), *((file, "mkdir") for file in OTHERS)],
)
def test_in_tables(feed, work, name, file):
    folder = work()
    (folder / "data").mkdir()
    payload = PAYLOADS[name](folder / "executed")
    if file == "a.tar":
        with tarfile.open(folder / "data" / file, "w") as tar:
            info = tarfile.TarInfo("../../executed/000000.pickle.pbz2")
            packed = bz2.compress(payload)
            info.size = len(packed)
            tar.addfile(info, io.BytesIO(packed))
    else:
        (folder / "data" / file).write_bytes(payload)
    for command in (["data", "convert", f"data/{file}"], ["data", "verify"], ["score", "nasbench201", SKIP], ["list"]):
        feed(*command, cwd=folder)
    assert not (folder / "executed").exists()


@pytest.mark.parametrize("name", ["mkdir", "system"])
def test_in_records_and_beside_them(feed, work, name):
    folder = work()
    payload = PAYLOADS[name](folder / "executed")
    here = stores(folder, payload, payload)
    here.path(RUN).write_bytes(payload)
    (folder / "results" / "scores.parquet").write_bytes(payload)
    (here.root / "paper" / "retrained.parquet").write_bytes(payload)
    for command in (["list"], ["report"], ["check"], ["merge", "results/runs", "--runs", "other"], ["plan", "quick"]):
        feed(*command, cwd=folder, statuses=(0, 1, 2))
    assert not (folder / "executed").exists()


def repeated(rows, width=8):
    """Return a file of a few kilobytes that says one value over and over."""
    value = pa.array(["x" * width]).dictionary_encode()
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), value.dictionary)
    return pa.table({"arch": column})


@pytest.mark.parametrize(
    ("rows", "width"),
    [pytest.param(product.MOST_ROWS + 1, 8, id="rows"), pytest.param(40_000, 1_000_000, id="long values")],
)
def test_tables_that_unfold(feed, work, monkeypatch, rows, width):
    monkeypatch.setattr(product, "MOST_BYTES", 256 << 20)  # what a test may take
    folder = work()
    (folder / "data").mkdir()
    table = repeated(rows, width)
    for name in ("dataset", "valid_accuracy", "test_accuracy"):
        table = table.append_column(name, pa.array(np.zeros(rows, np.float32)) if "acc" in name else table["arch"])
    data = parquet(table, compression="zstd", dictionary_pagesize_limit=2 * width + 2**20)
    assert len(data) < 2**20
    (folder / "data" / "nasbench201.parquet").write_bytes(data)
    (folder / "results").mkdir()
    (folder / "results" / "scores.parquet").write_bytes(data)
    here = stores(folder, parquet(table.replace_schema_metadata(TABLE.schema.metadata), compression="zstd"))
    with guard.memory_below(product.MOST_BYTES + (256 << 20)):
        assert "expands" in feed("score", "nasbench201", SKIP, cwd=folder).err
        feed("data", "verify", cwd=folder)
        answer = feed("list", cwd=folder)
    assert "unreadable" in answer.out
    assert len(here.unreadable()) == 1


def test_archives_that_unfold(feed, work):
    folder = work()
    (folder / "data").mkdir()
    packed = bz2.compress(bytes(80 << 20))
    assert len(packed) < 2**20
    with tarfile.open(folder / "data" / "a.tar", "w") as tar:
        info = tarfile.TarInfo("000000.pickle.pbz2")
        info.size = len(packed)
        tar.addfile(info, io.BytesIO(packed))
    with guard.memory_below(200 << 20):
        assert "expands to more than" in feed("data", "convert", "data/a.tar", cwd=folder).err


def test_images_that_unfold(feed, work, cifar_folder):
    folder = work()
    cifar = folder / "data" / "cifar10"
    cifar.mkdir(parents=True)
    run = ("run", "reduced", "--space", "nasbench201", "--method", "random", "--seeds", "0", "--workers", "1")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as file:
        info = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        info.size = 128 << 20
        file.addfile(info, io.BytesIO(bytes(128 << 20)))
    (cifar / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(tar.getvalue(), 1))
    del tar
    with guard.memory_below(96 << 20):
        assert "larger than 10,000 images" in feed(*run, cwd=folder).err
    (cifar / "cifar-10-binary.tar.gz").unlink()

    from PIL import Image

    picture = io.BytesIO()
    Image.new("L", (9000, 9000)).save(picture, "PNG")
    rows = pa.Table.from_pylist([{"img": {"bytes": picture.getvalue(), "path": None}, "label": 0}])
    for part in ("train", "test"):
        (cifar / f"{part}-0.parquet").write_bytes(parquet(rows))
    with guard.memory_below(128 << 20):
        assert "9000 x 9000 pixels" in feed(*run, cwd=folder).err


def test_the_table_that_unfolds_is_sound_but_for_its_size(feed, work):
    folder = work()
    (folder / "data").mkdir()
    (folder / "data" / "nasbench201.parquet").write_bytes(parquet(NASBENCH201))
    assert not feed("score", "nasbench201", SKIP, cwd=folder).refused
