"""Oracles know what the tables know, say so when they do not, and name a broken file."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.data import convert_nasbench201 as convert
from results.data.cellhash import cell_hash
from results.errors import InputError
from results.files import parquet
from results.scores.oracle import Chain, RetrainedOracle, ScoresOracle, TableOracle
from results.scores.score import Score, merge_scores
from tests.unit.data import synthetic201

ALL_SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
#: A cell of the published NAS-Bench-101 table and the hash it has there.
CELL = "101101001100111:conv3x3,conv3x3,maxpool3x3,conv3x3"
CELL_HASH = "00040b38293651f17fb665401c671bbb"


CONV = ALL_SKIP.replace("skip_connect", "nor_conv_3x3")


def write_nasbench201(folder, dataset="cifar10"):
    rows = {
        "arch": [ALL_SKIP, CONV],
        "dataset": [dataset] * 2,
        "valid_accuracy": [40.0, 20.0],
        "test_accuracy": [30.0, 25.0],
    }
    table = pa.table(rows).replace_schema_metadata({"release": "made-up"})
    pq.write_table(table, folder / "nasbench201.parquet")


def write_nasbench101(folder, name, module_hash, test):
    rows = {"module_hash": [module_hash], "valid_accuracy": [[90.0, 91.0]], "test_accuracy": [test]}
    pq.write_table(pa.table(rows), folder / name)


def test_nasbench201_answers_per_dataset(tmp_path):
    write_nasbench201(tmp_path, "imagenet16-120")
    [oracle] = TableOracle.find(tmp_path)
    score = oracle.score("nasbench201", CONV, "ImageNet16-120")
    assert score == Score("nasbench201", CONV, "ImageNet16-120", 20.0, 25.0, release="made-up", epochs=200)
    assert oracle.scores("nasbench201", ["z", ALL_SKIP, "a"], "ImageNet16-120")[::2] == [None, None]
    assert oracle.score("nasbench201", ALL_SKIP, "cifar10") is None
    assert oracle.score("nasbench1shot1-1", "1:", "cifar10") is None
    assert oracle.scores("nasbench201", [], "cifar10") == []


def test_nasbench201_keeps_the_trials_where_the_table_has_them(tmp_path):
    write_nasbench201(tmp_path)
    path = tmp_path / "nasbench201.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("test_trials", pa.array([[29.0, 31.0], None])), path)
    scores = TableOracle.find(tmp_path)[0].scores("nasbench201", [ALL_SKIP, CONV], "cifar10")
    assert [s and s.test_trials for s in scores] == [(29.0, 31.0), ()]
    assert [s and s.valid_trials for s in scores] == [(), ()]


def test_nasbench201_keeps_the_budget_and_the_release_of_each_row(tmp_path):
    """Rows of a table made by 'dnas data convert' name their own; without these columns the file's hold for all."""
    write_nasbench201(tmp_path)
    path = tmp_path / "nasbench201.parquet"
    table = pq.read_table(path).append_column("epochs", pa.array([200, 12], pa.int16()))
    release = pa.array(["NATS-tss-v1_0-3ffb9", "NAS-Bench-201-v1_1-096897"]).dictionary_encode()
    pq.write_table(table.append_column("release", release), path)
    scores = TableOracle.find(tmp_path)[0].scores("nasbench201", [CONV, ALL_SKIP], "cifar10")
    assert [(s.release, s.epochs) for s in scores if s] == [
        ("NAS-Bench-201-v1_1-096897", 12),
        ("NATS-tss-v1_0-3ffb9", 200),
    ]


def test_a_converted_table_is_read_with_its_trials(tmp_path, monkeypatch):
    """The columns that the conversion writes are those that the oracle reads."""
    monkeypatch.setattr(convert, "CELLS", 4)
    folder = synthetic201.write_folder(tmp_path / "NATS-tss-v1_0-3ffb9-simple", 4)
    table = convert.read(folder, lambda what, done, total: None)[200]
    parquet.write(tmp_path / "nasbench201.parquet", table)
    [oracle] = TableOracle.find(tmp_path)
    for row in table.to_pylist():
        score = oracle.score("nasbench201", row["arch"], row["dataset"])
        assert score is not None
        assert (score.valid, score.test) == (row["valid_accuracy"], row["test_accuracy"])
        assert [*score.test_trials] == row["test_trials"]
        assert [*score.valid_trials] == row["valid_trials"]
        assert (score.epochs, score.release) == (200, "NATS-tss-v1_0-3ffb9")


def test_many_are_looked_up_as_one_is(tmp_path):
    write_nasbench101(tmp_path, "nasbench101.parquet", CELL_HASH, [80.0, 83.0])
    [oracle] = TableOracle.find(tmp_path)
    found = oracle.figures("nasbench1shot1-1", ["1:", CELL], "cifar10")
    np.testing.assert_array_equal(found.mean["test"], [np.nan, 81.5])
    np.testing.assert_array_equal(found.best["valid"], [np.nan, 91.0])
    assert (found.release.tolist(), found.epochs.tolist()) == (["", "nasbench_only108"], [0, 108])
    assert np.isnan(oracle.figures("nasbench1shot1-1", [CELL], "digits").mean["test"]).all()
    assert len(oracle.figures("nasbench201", ["a", "b"], "cifar10").release) == 2
    assert len(oracle.figures("nasbench1shot1-1", [], "cifar10").release) == 0


def test_nasbench101_keeps_the_trials(tmp_path):
    write_nasbench101(tmp_path, "nasbench101.parquet", CELL_HASH, [80.0, 82.0])
    [oracle] = TableOracle.find(tmp_path)
    score = oracle.score("nasbench1shot1-2", CELL, "cifar10")
    assert score is not None
    assert (score.valid, score.test) == (90.5, 81.0)
    assert (score.valid_trials, score.test_trials) == ((90.0, 91.0), (80.0, 82.0))
    assert (score.release, score.source, score.epochs) == ("nasbench_only108", "table", 108)
    assert oracle.score("nasbench1shot1-2", "101:conv3x3", "cifar10") is None
    assert oracle.score("nasbench1shot1-2", CELL, "digits") is None
    assert oracle.score("nasbench201", CELL, "cifar10") is None


@pytest.mark.parametrize("key", ["1", "12:", "10:conv3x3", "101:conv5x5", ":", "111111:conv3x3,"])
def test_a_malformed_cell_is_an_error(key):
    with pytest.raises(InputError, match="write BITS:OPS"):
        cell_hash(key)


@given(order=st.permutations(range(3)))
def test_isomorphic_cells_have_one_hash(order):
    """Three parallel operations can be listed in any order."""
    names = [["conv3x3", "conv1x1", "maxpool3x3"][i] for i in order]
    assert cell_hash("1110" + "001" + "01" + "1" + ":" + ",".join(names)) == cell_hash(
        "1110001011:conv3x3,conv1x1,maxpool3x3"
    )


def test_a_full_table_goes_before_a_partial_one_and_samples_are_passed_over(tmp_path):
    for name in ("nasbench101-a-part.parquet", "nasbench101.parquet", "nasbench101-sample-20001.parquet"):
        write_nasbench101(tmp_path, name, "0" * 32, [80.0])
    write_nasbench201(tmp_path)
    names = [oracle.path.name for oracle in TableOracle.find(tmp_path)]
    assert names == ["nasbench201.parquet", "nasbench101.parquet", "nasbench101-a-part.parquet"]
    assert TableOracle.find(tmp_path / "nowhere") == []


def test_a_broken_table_names_the_file_and_the_fix(tmp_path):
    write_nasbench201(tmp_path)
    path = tmp_path / "nasbench201.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    [oracle] = TableOracle.find(tmp_path)  # finding reads nothing
    with pytest.raises(InputError, match=r"nasbench201\.parquet is cut off, damaged .*dnas data"):
        oracle.score("nasbench201", "x", "cifar10")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"module_hash": ["0" * 32], "valid_accuracy": [1.0]}, "lacks the column 'test_accuracy'"),
        (
            {"module_hash": ["0" * 32], "valid_accuracy": [1.0], "test_accuracy": [1.0]},
            "has double in the column 'valid_accuracy', where it needs a list of numbers",
        ),
        (
            {"module_hash": [], "valid_accuracy": pa.array([], pa.list_(pa.float64()))}
            | {"test_accuracy": pa.array([], pa.list_(pa.float64()))},
            "has no rows",
        ),
        (
            {"module_hash": ["0" * 32, None], "valid_accuracy": [[1.0]] * 2, "test_accuracy": [[1.0]] * 2},
            "has another schema",
        ),
        (
            {"module_hash": ["0" * 32], "valid_accuracy": [[1.0]], "test_accuracy": [["x"]]},
            r"has list<.*string> in the column 'test_accuracy', where it needs a list of numbers",
        ),
    ],
)
def test_a_table_of_another_schema_names_the_file(tmp_path, columns, says):
    pq.write_table(pa.table(columns), tmp_path / "nasbench101.parquet")
    [oracle] = TableOracle.find(tmp_path)
    with pytest.raises(InputError, match=says):
        oracle.score("nasbench1shot1-1", "1:", "cifar10")


def test_kinds_and_releases_of_scores_are_not_mixed(tmp_path):
    path = tmp_path / "scores.parquet"
    cell = ("nasbench1shot1-1", "1:", "cifar10")
    table = Score(*cell, 80.0, 81.0, release="nasbench_only108")
    retrained = Score(*cell, 60.0, 61.0, source="retrained", release="retrain-reduced")
    merge_scores(path, [table, retrained])
    assert ScoresOracle(path).score(*cell) == table
    assert RetrainedOracle(path, "reduced").score(*cell) == retrained
    assert RetrainedOracle(path, "quick").score(*cell) is None
    assert ScoresOracle(tmp_path / "nowhere.parquet").score(*cell) is None


def test_a_chain_asks_each_oracle_for_what_the_earlier_ones_lack(tmp_path):
    cells = [Score("s", arch, "d", 1.0, value, release="r") for arch, value in [("a", 1.0), ("b", 2.0)]]
    merge_scores(tmp_path / "first.parquet", cells[:1])
    merge_scores(tmp_path / "second.parquet", [Score("s", "a", "d", 9.0, 9.0, release="r"), cells[1]])
    chain = Chain([ScoresOracle(tmp_path / "first.parquet"), ScoresOracle(tmp_path / "second.parquet")])
    assert chain.scores("s", ["b", "c", "a"], "d") == [cells[1], None, cells[0]]
    assert chain.score("s", "c", "d") is None


@pytest.mark.data
def test_published_landmarks(data_dir):
    oracle = Chain(TableOracle.find(data_dir))
    for dataset, test in [("cifar10", 54.30), ("cifar100", 15.61), ("ImageNet16-120", 16.32)]:
        score = oracle.score("nasbench201", ALL_SKIP, dataset)
        assert score is not None
        assert score.test == pytest.approx(test, abs=0.005)


@pytest.mark.data
def test_every_row_of_a_cell_table_is_found_by_its_own_key(data_dir):
    tables = [o for o in TableOracle.find(data_dir) if o.path.stem.startswith("nasbench101")]
    if not tables:
        pytest.skip(f"no nasbench101*.parquet in {data_dir}")
    rows = pq.read_table(tables[-1].path).slice(0, 500).to_pylist()
    for row in rows:
        n = len(row["ops"])
        bits = np.array(row["adjacency"]).reshape(n, n)[np.triu_indices(n, 1)]
        ops = [op.removesuffix("-bn-relu") for op in row["ops"][1:-1]]
        key = "".join(map(str, bits)) + ":" + ",".join(ops)
        score = tables[-1].score("nasbench1shot1-3", key, "cifar10")
        assert score is not None
        assert score.test_trials == tuple(row["test_accuracy"])
