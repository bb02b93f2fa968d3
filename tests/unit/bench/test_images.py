import hashlib
import io
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import torch
from PIL import Image
from sklearn.datasets import load_digits

from bench.experiments import reading
from bench.images import decoded as cached
from bench.images.datasets import DATASETS, find, load
from bench.images.sets import cifar_10, cifar_100, svhn
from results.data import cifar10
from results.errors import InputError

TRAIN, TEST = 20, 4  # of the synthetic stand-in for CIFAR-10: five training batches of 4, one test batch


@pytest.fixture
def cifar(monkeypatch):
    """Pixels and labels of a small CIFAR-10, which the loader takes for the official one."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (TRAIN + TEST, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, TRAIN + TEST, dtype=np.uint8)
    monkeypatch.setattr(cifar_10, "TRAIN", TRAIN)
    monkeypatch.setattr(cifar_10, "SHA256", cached.sha256(pixels, labels))
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
    assert find("digits").train == 1536
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
    monkeypatch.setattr(cached, "folder_of_caches", lambda: tmp_path / "none" / "cache")
    (tmp_path / "none").write_text("no folder")  # nothing can be kept on disk
    decoded = []
    decode = cifar_10._decode
    monkeypatch.setattr(cifar_10, "_decode", lambda folder: decoded.append(folder) or decode(folder))
    arm = reading.load("paper", ("images.size=8",)).arm("nasbench201", "darts")
    first = arm.images(tmp_path / "data")  # by the command, before anything starts
    assert arm.images(tmp_path / "data") is first  # and by the group
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
        ({"dataset": "digits", "size": 3}, "that divides 8"),
        ({"dataset": "digits", "train_limit": 0}, "1 to 1536"),
        ({"dataset": "digits", "train_limit": 1537}, "1 to 1536"),
    ],
)
def test_wrong_requests_say_the_fix(arguments, message):
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


def records_of(labels, pixels):
    """Return the bytes of CIFAR-100's records: coarse label, fine label, three planes."""
    return np.concatenate([labels, pixels.reshape(len(pixels), -1)], axis=1).astype(np.uint8).tobytes()


@pytest.fixture
def cifar100(monkeypatch):
    """Pixels, fine labels and files of a small CIFAR-100 of the official form, which the loader takes for it."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (TRAIN + TEST, 3, 32, 32), dtype=np.uint8)
    labels = np.stack([rng.integers(0, 20, TRAIN + TEST), rng.integers(0, 100, TRAIN + TEST)], axis=1)
    files = {
        "train.bin": records_of(labels[:TRAIN], pixels[:TRAIN]),
        "test.bin": records_of(labels[TRAIN:], pixels[TRAIN:]),
    }
    monkeypatch.setattr(cifar_100, "TRAIN", TRAIN)
    monkeypatch.setattr(cifar_100, "FILES", {name: hashlib.sha256(each).hexdigest() for name, each in files.items()})
    return pixels, labels[:, 1], files


def unpack_cifar100(folder, files):
    (folder / "cifar-100-binary").mkdir(parents=True)
    for name, content in files.items():
        (folder / "cifar-100-binary" / name).write_bytes(content)


def pack_cifar100(folder, files):
    """Write the archive as the official one is: the files in a folder, with names of the classes beside them."""
    folder.mkdir(parents=True)
    with tarfile.open(folder / "cifar-100-binary.tar.gz", "w:gz") as tar:
        for name, content in {"fine_label_names.txt": b"apple\n", **files}.items():
            member = tarfile.TarInfo(f"cifar-100-binary/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("write", [pack_cifar100, unpack_cifar100])
def test_cifar100_has_fine_labels_from_each_layout(cifar100, tmp_path, write):
    pixels, labels, files = cifar100
    write(tmp_path / "data" / "cifar100", files)
    loaded = load("cifar100", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    assert np.array_equal(torch.cat([loaded.train, loaded.test]).numpy(), pixels)
    assert np.array_equal(torch.cat([loaded.train_labels, loaded.test_labels]).numpy(), labels)
    assert (len(loaded.train), loaded.classes) == (TRAIN, 100)
    assert (loaded.mean, loaded.std) == ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
    again = load("cifar100", data_dir=None, cache_dir=tmp_path / "cache")  # decoded once
    assert again.checksum == loaded.checksum


def test_other_images_are_no_cifar100(cifar100, tmp_path):
    _, _, files = cifar100
    turned = files | {"test.bin": files["test.bin"][:-1] + b"\0"}
    assert turned != files
    pack_cifar100(tmp_path / "data" / "cifar100", turned)
    with pytest.raises(InputError, match="does not hold the 60,000 official images of CIFAR-100"):
        load("cifar100", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda _: b""])
@pytest.mark.parametrize("file", ["cifar100-images.npy", "cifar100.sha256"])
def test_a_damaged_cache_without_a_known_checksum_is_rebuilt(cifar100, tmp_path, damage, file):
    _, _, files = cifar100
    pack_cifar100(tmp_path / "data" / "cifar100", files)
    first = load("cifar100", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache").checksum
    good = (tmp_path / "cache" / file).read_bytes()
    (tmp_path / "cache" / file).write_bytes(damage(good))
    assert load("cifar100", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache").checksum == first
    assert (tmp_path / "cache" / file).read_bytes() == good


@pytest.fixture
def small_svhn(monkeypatch, tmp_path):
    """Pixels and digits of a small SVHN in MATLAB files of the official form, which the loader takes for it."""
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (TRAIN + TEST, 3, 32, 32), dtype=np.uint8)
    digits = np.arange(TRAIN + TEST, dtype=np.uint8) % 10
    folder = tmp_path / "data" / "svhn"
    folder.mkdir(parents=True)
    checksums = {}
    for name, part in {"train_32x32.mat": slice(0, TRAIN), "test_32x32.mat": slice(TRAIN, None)}.items():
        labels = np.where(digits[part] == 0, 10, digits[part]).astype(np.uint8)
        content = {"X": pixels[part].transpose(2, 3, 1, 0), "y": labels[:, None]}
        scipy.io.savemat(folder / name, content, do_compression=True)
        checksums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()  # noqa: S324 - what is published
    monkeypatch.setattr(svhn, "TRAIN", TRAIN)
    monkeypatch.setattr(svhn, "FILES", checksums)
    return pixels, digits


def test_svhn_has_zeros_and_its_images_upright(small_svhn, tmp_path):
    pixels, digits = small_svhn
    loaded = load("svhn", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    assert np.array_equal(torch.cat([loaded.train, loaded.test]).numpy(), pixels)
    assert np.array_equal(torch.cat([loaded.train_labels, loaded.test_labels]).numpy(), digits)
    assert (len(loaded.train), loaded.classes) == (TRAIN, 10)
    assert (loaded.mean, loaded.std) == ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970))
    assert load("svhn", cache_dir=tmp_path / "cache").checksum == loaded.checksum


def test_another_file_is_no_svhn(small_svhn, tmp_path):
    path = tmp_path / "data" / "svhn" / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"test_32x32.mat is not the official file of SVHN; fetch it again"):
        load("svhn", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("cifar100", "put cifar-100-binary.tar.gz into cifar100/ of .* or run 'dnas data fetch cifar100'"),
        ("svhn", "put train_32x32.mat and test_32x32.mat into svhn/ of .* 'dnas data fetch svhn-train svhn-test'"),
    ],
)
def test_what_is_missing_says_where_it_belongs(tmp_path, dataset, message):
    with pytest.raises(InputError, match=message):
        load(dataset, data_dir=tmp_path, cache_dir=tmp_path)


def test_each_data_set_has_a_file():
    assert set(DATASETS) == {"digits", "cifar10", "cifar100", "svhn"}
    assert {name: (find(name).side, find(name).classes) for name in DATASETS} == {
        "digits": (8, 10),
        "cifar10": (32, 10),
        "cifar100": (32, 100),
        "svhn": (32, 10),
    }
