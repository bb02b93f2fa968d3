"""From the files of NATS-Bench and NAS-Bench-201 to the table; the package nas-bench-201 says what is right."""

import bz2
import os
import pickle
import warnings

import numpy as np
import pytest

from results.data import convert_nasbench201
from results.errors import InputError

from . import synthetic201

CELLS = 6
#: Data set of the table -> what the package calls it where validation, and where test, is asked for.
ASKED = {
    "cifar10": ("cifar10-valid", "cifar10"),
    "cifar100": ("cifar100", "cifar100"),
    "imagenet16-120": ("ImageNet16-120", "ImageNet16-120"),
}


def silent(what, done, total):
    """Report nothing."""


@pytest.fixture(autouse=True)
def cells_of_a_whole_file(monkeypatch):
    monkeypatch.setattr(convert_nasbench201, "CELLS", CELLS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return synthetic201.write_folder(tmp_path_factory.mktemp("nats") / "NATS-tss-v1_0-3ffb9-simple", CELLS)


@pytest.fixture(scope="module")
def tables(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert_nasbench201, "CELLS", CELLS)
        return convert_nasbench201.read(folder, silent)


@pytest.fixture(scope="module")
def pth(tmp_path_factory):
    """Return a file as torch wrote it in 2020, when numpy called its parts by other names."""
    import torch

    path = tmp_path_factory.mktemp("pth") / "NAS-Bench-201-v1_1-096897.pth"
    torch.save(synthetic201.one_file(CELLS), path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    return path


@pytest.fixture(scope="module")
def api():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nas_201_api import NASBench201API

    return NASBench201API(synthetic201.one_file(CELLS), verbose=False)


@pytest.mark.parametrize("epochs", [200, 12])
def test_agrees_with_the_package(tables, api, epochs):
    rows = tables[epochs].to_pylist()
    assert len(rows) == CELLS * len(ASKED)
    for row in rows:
        valid, test = (
            api.get_more_info(row["index"], name, hp=str(epochs), is_random=False) for name in ASKED[row["dataset"]]
        )
        cost = api.get_cost_info(row["index"], ASKED[row["dataset"]][1], hp=str(epochs))
        assert row["arch"] == api.arch(row["index"])
        assert row["valid_accuracy"] == valid["valid-accuracy"]
        assert row["test_accuracy"] == test["test-accuracy"]
        assert row["parameters"] == round(1e6 * cost["params"])
        assert row["mflops"] == cost["flops"]


@pytest.mark.parametrize("epochs", [200, 12])
def test_keeps_every_trial(tables, api, epochs):
    for row in tables[epochs].to_pylist():
        for figure, name in zip(("valid", "test"), ASKED[row["dataset"]], strict=True):
            seeds = api.query_meta_info_by_index(row["index"], str(epochs)).get_dataset_seeds(name)
            asked = [api.get_more_info(row["index"], name, hp=str(epochs), is_random=seed) for seed in seeds]
            assert row[f"{figure}_trials"] == [info[f"{figure}-accuracy"] for info in asked]
            assert row[f"{figure}_accuracy"] == np.mean(row[f"{figure}_trials"])


def test_adds_to_the_columns_and_keeps_the_order_of_the_known_table(tables):
    table = tables[200]
    assert table.column_names == [
        *("index", "arch", "dataset", "valid_accuracy", "test_accuracy", "parameters", "mflops"),
        *("valid_trials", "test_trials", "epochs", "release"),
    ]
    assert table["dataset"].to_pylist() == [name for name in ASKED for _ in range(CELLS)]
    assert table["index"].to_pylist() == [*range(CELLS)] * 3
    assert set(table["epochs"].to_pylist()) == {200}
    assert set(table["release"].to_pylist()) == {"NATS-tss-v1_0-3ffb9"}
    assert table.schema.metadata[b"release"] == b"NATS-tss-v1_0-3ffb9"


def test_the_archive_gives_what_its_folder_gives(folder, tables, tmp_path):
    members = [(f"{folder.name}/{path.name}", path.read_bytes()) for path in sorted(folder.iterdir(), reverse=True)]
    archive = synthetic201.write_tar(tmp_path / "NATS-tss-v1_0-3ffb9-simple.tar", members)
    assert convert_nasbench201.read(archive, silent)[200].equals(tables[200], check_metadata=True)


def test_the_one_file_release_gives_the_same_figures(pth, tables):
    for epochs, table in convert_nasbench201.read(pth, silent).items():
        assert set(table["release"].to_pylist()) == {"NAS-Bench-201-v1_1-096897"}
        assert table.drop_columns("release").equals(tables[epochs].drop_columns("release"))


def test_a_training_set_that_was_not_used_leaves_gaps(tmp_path, monkeypatch):
    monkeypatch.setattr(convert_nasbench201, "CELLS", 1)
    cell = synthetic201.cell(0, synthetic201.archs(1)[0])
    del cell["12"]["dataset_seed"]["cifar10"], cell["12"]["dataset_seed"]["cifar100"]
    (tmp_path / "000000.pickle.pbz2").write_bytes(synthetic201.packed(cell))
    cifar10, cifar100, _ = convert_nasbench201.read(tmp_path, silent)[12].to_pylist()
    assert cifar10["valid_accuracy"] is not None
    assert cifar10["parameters"] == 73_950
    assert (cifar10["test_accuracy"], cifar10["test_trials"]) == (None, [])
    assert (cifar100["valid_accuracy"], cifar100["valid_trials"], cifar100["mflops"]) == (None, [], None)


class Foreign:
    def __reduce__(self):
        return os.system, ("true",)


def spoiled(folder, tmp_path, spoil):
    """Return a copy of ``folder`` with one file spoiled."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    victim = copy / "000003.pickle.pbz2"
    victim.write_bytes(spoil(victim.read_bytes()))
    return copy


def changed(**changes):
    def spoil(data):
        cell = pickle.loads(bz2.decompress(data))
        cell["200"].update(changes)
        return synthetic201.packed(cell)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda data: data[:-20], "Compressed data ended|end-of-stream"),
        (lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:], "Invalid data stream"),
        (lambda data: b"", "it is not a whole pickle"),
        (lambda data: synthetic201.packed({"200": Foreign()}), r"asks for posix\.system"),
        (lambda data: synthetic201.packed({"200": {}}), "'12'|'arch_index'"),
        (lambda data: synthetic201.packed([1, 2]), "000003.pickle.pbz2 of copy is not of NAS-Bench-201"),
        (changed(arch_str="|none~0|"), "it has '|none~0|' as cell 3"),
        (changed(arch_index=CELLS), f"as cell {CELLS}"),
        (changed(arch_index="3"), "not of NAS-Bench-201"),
        (changed(all_results={}), "not of NAS-Bench-201"),
        (changed(arch_index=2), f"{CELLS - 1} of {CELLS} cells"),
    ],
)
def test_refuses_a_spoiled_file_in_one_line(folder, tmp_path, spoil, fault):
    with pytest.raises(InputError, match=fault) as error:
        convert_nasbench201.read(spoiled(folder, tmp_path, spoil), silent)
    assert "\n" not in str(error.value)


def test_refuses_what_is_no_percentage(folder, tmp_path):
    def spoil(data):
        cell = pickle.loads(bz2.decompress(data))
        cell["200"]["all_results"]["cifar10", 777]["eval_acc1es"]["ori-test@199"] = 0.0 - 1e-9
        return synthetic201.packed(cell)

    with pytest.raises(InputError, match="ori-test is not a percentage"):
        convert_nasbench201.read(spoiled(folder, tmp_path, spoil), silent)


def test_refuses_a_release_that_lacks_cells(folder, tmp_path):
    for path in sorted(folder.iterdir())[:-2]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="5 of 6 cells"):
        convert_nasbench201.read(tmp_path, silent)


@pytest.mark.parametrize("length", [1, 700, 100_000])
def test_refuses_an_archive_that_is_cut_off(folder, tmp_path, length):
    members = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    archive = synthetic201.write_tar(tmp_path / "cut.tar", members)
    archive.write_bytes(archive.read_bytes()[:length])
    with pytest.raises(InputError, match="cut off") as error:
        convert_nasbench201.read(archive, silent)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("length", [0, 100, 20_000])
def test_refuses_a_one_file_release_that_is_cut_off(pth, tmp_path, length):
    path = tmp_path / "cut.pth"
    path.write_bytes(pth.read_bytes()[:length])
    with pytest.raises(InputError, match=r"cut\.pth cannot be read") as error:
        convert_nasbench201.read(path, silent)
    assert "\n" not in str(error.value)


def test_refuses_a_one_file_release_that_would_run_code(tmp_path):
    import torch

    path = tmp_path / "foreign.pth"
    torch.save({"arch2infos": Foreign()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match=r"asks for posix\.system") as error:
        convert_nasbench201.read(path, silent)
    assert "\n" not in str(error.value)


def test_says_how_much_memory_it_needs_before_it_starts(pth, monkeypatch):
    monkeypatch.setattr(convert_nasbench201.free_memory, "available", lambda: 1.0)
    with pytest.raises(InputError, match=r"to read, but only 0\.0 GB are free; 'dnas data fetch nasbench201'"):
        convert_nasbench201.read(pth, silent)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["NATS-tss-v1_0-3ffb9-simple.tar", "NATS-tss-v1_0-3ffb9-simple"])
def test_the_published_file_gives_the_table_in_use(data_dir, monkeypatch, name):
    import pyarrow.parquet as pq

    if not (data_dir / name).exists():
        pytest.skip(f"{name} is not in {data_dir}")
    monkeypatch.setattr(convert_nasbench201, "CELLS", 15_625)
    known = pq.read_table(data_dir / "nasbench201.parquet").to_pandas()
    made = convert_nasbench201.read(data_dir / name, silent)[200].to_pandas()[known.columns]
    assert (made[["index", "arch"]] == known[["index", "arch"]]).all(axis=None)
    for column in ("valid_accuracy", "test_accuracy", "mflops", "parameters"):
        np.testing.assert_allclose(made[column], known[column], rtol=1e-9)
