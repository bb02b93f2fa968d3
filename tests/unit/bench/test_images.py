import io
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from bench.experiments import reading
from bench.images import datasets
from bench.images.datasets import load
from bench.runs import execution
from results.data import cifar10
from results.errors import InputError

TRAIN, TEST = 20, 4  # of the synthetic stand-in for CIFAR-10: five training batches of 4, one test batch


@pytest.fixture
def cifar(monkeypatch):
    """Pixels and labels of a small CIFAR-10, which the loader takes for the official one."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (TRAIN + TEST, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, TRAIN + TEST, dtype=np.uint8)
    monkeypatch.setattr(datasets, "_CIFAR10_TRAIN", TRAIN)
    monkeypatch.setattr(datasets, "CIFAR10_SHA256", datasets._sha256(pixels, labels))
    return pixels, labels


def write_parquet(folder, pixels, labels):
    def encode(image):
        buffer = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "WEBP", lossless=True)
        return {"bytes": buffer.getvalue(), "path": None}

    folder.mkdir(parents=True)
    parts = {
        "train-00000-of-00002": slice(0, 12),
        "train-00001-of-00002": slice(12, TRAIN),
        "test-00000-of-00001": slice(TRAIN, None),
    }
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for name, part in parts.items():
        files = pa.array([encode(image) for image in pixels[part]], kind)
        pq.write_table(pa.table({"img": files, "label": labels[part].astype(np.int64)}), folder / f"{name}.parquet")


def write_binary(folder, pixels, labels):
    records = np.concatenate([labels[:, None], pixels.reshape(len(pixels), -1)], axis=1)
    folder.mkdir(parents=True)
    for name, batch in zip(cifar10.BATCHES, np.split(records, 6), strict=True):
        (folder / name).write_bytes(batch.tobytes())


def write_archive(folder, pixels, labels):
    write_binary(folder / "cifar-10-batches-bin", pixels, labels)
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as tar:
        tar.add(folder / "cifar-10-batches-bin", "cifar-10-batches-bin")
    for file in (folder / "cifar-10-batches-bin").iterdir():
        file.unlink()


def test_digits_are_all_used_once():
    digits = load("digits")
    assert digits.train.shape == (1536, 1, 8, 8)
    assert digits.test.shape == (261, 1, 8, 8)
    assert digits.train.dtype == torch.uint8
    assert digits.train_labels.dtype == torch.int64
    grey, labels = load_digits(return_X_y=True)
    expected = sorted((label, *np.floor(row * 255 / 16 + 0.5)) for row, label in zip(grey, labels, strict=True))
    pixels = torch.cat([digits.train, digits.test]).flatten(1)
    found = torch.cat([torch.cat([digits.train_labels, digits.test_labels])[:, None], pixels], dim=1)
    assert np.array_equal(np.array(sorted(found.tolist())), np.array(expected))


def test_each_part_of_the_digits_has_its_share_of_each_class():
    digits = load("digits")
    halves = digits.train_labels[:768].bincount(), digits.train_labels[768:].bincount()
    assert (halves[0] - halves[1]).abs().max() <= 2
    share = digits.test_labels.bincount() / (halves[0] + halves[1] + digits.test_labels.bincount())
    torch.testing.assert_close(share, torch.full((10,), 261 / 1797), atol=0.01, rtol=0)


def test_digits_do_not_change():
    digits = load("digits")
    assert digits.checksum == "b18bc0819efd9114e7b2da674c943792a38f0ca1f3f5cca53296c6ca19f7a034"
    scaled = digits.train.double() / 255
    assert digits.mean == pytest.approx([float(scaled.mean())], abs=5e-5)
    assert digits.std == pytest.approx([float(scaled.std())], abs=2e-4)


def test_limit_keeps_the_first_training_images():
    some, every = load("digits", train_limit=100), load("digits")
    assert torch.equal(some.train, every.train[:100])
    assert torch.equal(some.train_labels, every.train_labels[:100])
    assert torch.equal(some.test, every.test)
    assert some.checksum != every.checksum


def test_smaller_images_are_box_averages_rounded_half_up():
    small, full = load("digits", size=4), load("digits")
    average = full.train.double().unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))
    assert torch.equal(small.train.double(), torch.floor(average + 0.5))
    assert small.test.shape == (261, 1, 4, 4)


@pytest.mark.parametrize("write", [write_parquet, write_binary, write_archive])
def test_cifar_is_the_same_from_each_layout(cifar, tmp_path, write):
    write(tmp_path / "data" / "cifar10", *cifar)
    loaded = load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    pixels, labels = cifar
    assert np.array_equal(loaded.train.numpy(), pixels[:TRAIN])
    assert np.array_equal(loaded.test.numpy(), pixels[TRAIN:])
    assert np.array_equal(loaded.train_labels.numpy(), labels[:TRAIN])
    assert np.array_equal(loaded.test_labels.numpy(), labels[TRAIN:])
    assert loaded.mean == (0.49139968, 0.48215827, 0.44653124)
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith(".")] == []


def test_cifar_is_decoded_once(cifar, tmp_path):
    write_binary(tmp_path / "data" / "cifar10", *cifar)
    first = load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    again = load("cifar10", data_dir=None, cache_dir=tmp_path / "cache")
    assert again.checksum == first.checksum
    assert torch.equal(again.train, first.train)


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda _: b""])
def test_damaged_cache_is_rebuilt(cifar, tmp_path, damage):
    write_binary(tmp_path / "data" / "cifar10", *cifar)
    first = load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache").checksum
    cache = tmp_path / "cache" / "cifar10-images.npy"
    good = cache.read_bytes()
    cache.write_bytes(damage(good))
    assert load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache").checksum == first
    assert cache.read_bytes() == good


def test_cache_folder_that_cannot_be_written_is_done_without(cifar, tmp_path):
    write_binary(tmp_path / "data" / "cifar10", *cifar)
    (tmp_path / "file").touch()
    loaded = load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "file" / "cache")
    assert np.array_equal(loaded.train.numpy(), cifar[0][:TRAIN])


@pytest.mark.parametrize(
    ("write", "file"),
    [(write_parquet, "train-00001-of-00002.parquet"), (write_archive, "cifar-10-binary.tar.gz")],
)
def test_damaged_source_is_named(cifar, tmp_path, write, file):
    write(tmp_path / "data" / "cifar10", *cifar)
    path = tmp_path / "data" / "cifar10" / file
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=rf"{file} is damaged .* fetch it again$"):
        load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")


@pytest.mark.parametrize(
    ("write", "missing"),
    [
        (write_parquet, ["train-00001-of-00002.parquet"]),
        (write_parquet, ["train-00000-of-00002.parquet", "test-00000-of-00001.parquet"]),
        (write_binary, ["data_batch_2.bin", "test_batch.bin"]),
    ],
)
def test_what_is_missing_of_a_part_is_named(cifar, tmp_path, write, missing):
    write(tmp_path / "data" / "cifar10", *cifar)
    for name in missing:
        next((tmp_path / "data").rglob(name)).unlink()
    with pytest.raises(InputError, match="is incomplete") as error:
        load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    named = missing if "test-00000-of-00001.parquet" not in missing else [missing[0], "test-*.parquet"]
    assert f": {' and '.join(named)} is missing; add it there" in str(error.value)


def test_images_are_loaded_once_a_run(cifar, tmp_path, monkeypatch):
    write_binary(tmp_path / "data" / "cifar10", *cifar)
    monkeypatch.setattr(datasets, "_cache_dir", lambda: tmp_path / "none" / "cache")
    (tmp_path / "none").write_text("no folder")  # nothing can be kept on disk
    decoded = []
    decode = datasets._decode
    monkeypatch.setattr(datasets, "_decode", lambda folder: decoded.append(folder) or decode(folder))
    protocol = reading.load("paper", ("images.size=8",)).arm("nasbench201", "darts").protocol
    first = execution.images_of(protocol.images, tmp_path / "data")  # by the command, before anything starts
    assert execution.images_of(protocol.images, tmp_path / "data") is first  # and by the group
    assert len(decoded) == 1


def test_a_whole_copy_is_used_where_another_is_incomplete(cifar, tmp_path):
    write_parquet(tmp_path / "data" / "cifar10", *cifar)
    (tmp_path / "data" / "cifar10" / "train-00000-of-00002.parquet").unlink()
    write_archive(tmp_path / "data" / "cifar10", *cifar)
    assert len(load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache").train) == TRAIN


def test_other_images_are_refused(cifar, tmp_path):
    pixels, labels = cifar
    write_binary(tmp_path / "data" / "cifar10", pixels[::-1], labels)
    with pytest.raises(InputError, match="are not the 60,000 official images"):
        load("cifar10", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")


def test_missing_cifar_says_where_it_belongs(tmp_path):
    with pytest.raises(InputError, match=r"CIFAR-10 is missing: put .* into cifar10/ of .*'quick' works without") as e:
        load("cifar10", data_dir=tmp_path, cache_dir=tmp_path)
    assert str(tmp_path) in str(e.value)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "cifar-10"}, "did you mean 'cifar10'?"),
        ({"dataset": "digits", "size": 3}, "must divide 8"),
        ({"dataset": "digits", "train_limit": 0}, "1 to 1536"),
        ({"dataset": "digits", "train_limit": 1537}, "1 to 1536"),
    ],
)
def test_wrong_requests_say_the_mend(arguments, message):
    with pytest.raises(InputError) as error:
        load(**arguments)
    assert message in str(error.value)


@pytest.mark.data
@pytest.mark.slow
def test_official_cifar(data_dir, tmp_path):
    loaded = load("cifar10", size=16, data_dir=data_dir, cache_dir=tmp_path)
    assert loaded.train.shape == (50_000, 3, 16, 16)
    assert loaded.train_labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert loaded.test_labels.bincount().tolist() == [1000] * 10
    full = load("cifar10", cache_dir=tmp_path)
    scaled = full.train[:, 0].double() / 255
    assert full.mean[0] == pytest.approx(float(scaled.mean()), abs=1e-6)
