from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import spaces
from bench import scoring
from bench.arms import About
from bench.runs import recording
from bench.search import Point
from results.errors import InputError
from results.records.store import Store
from results.scores.score import Score, merge_scores, read_scores
from spaces import Arch

SPACE = spaces.find("nasbench201")
SKIP, CONV, NONE, POOL = (
    "+".join("|" + "|".join(f"{op}~{source}" for source in range(target)) + "|" for target in (1, 2, 3))
    for op in ("skip_connect", "nor_conv_3x3", "none", "avg_pool_3x3")
)


@pytest.fixture
def data_folder(tmp_path):
    """A table of NAS-Bench-201 that knows two cells, one of them on CIFAR-10 alone."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [("cifar10", SKIP, 40.0, 54.0), ("cifar10", CONV, 90.0, 93.5), ("cifar100", SKIP, 15.0, 16.0)]
    columns = ["dataset", "arch", "valid_accuracy", "test_accuracy"]
    table = pa.Table.from_pandas(pd.DataFrame(rows, columns=columns), preserve_index=False)
    pq.write_table(table.replace_schema_metadata({"release": "made-up"}), folder / "nasbench201.parquet")
    return folder


@pytest.fixture
def filed(cut_down, tmp_path):
    """File away a record that found the given cells, on CIFAR-10 or on what else."""
    store = Store(tmp_path / "runs")

    def file_away(*keys, dataset="cifar10", seed=0, status="complete"):
        experiment = cut_down(f"images.dataset={dataset}")
        points = [Point(e, [SPACE.parse(key)], np.zeros((1, 30)), {}) for e, key in enumerate(keys)]
        made = recording.record(
            replace(experiment.arm("nasbench201", "darts"), about=About("own", "own")),
            seed,
            [recording.rows(SPACE, p)[0] for p in points],
            images_checksum="",
            group={},
            device={},
            status=status,
        )
        store.write(made)
        return made

    file_away.store = store
    return file_away


def test_scores_that_are_kept_are_those_of_the_store_then_those_beside_it(filed, tmp_path):
    store = filed.store
    for path, test in ((store.scores_path, 51.0), (store.older_scores_path, 52.0)):
        kept = Score("nasbench201", SKIP if test == 51 else CONV, "cifar10", None, test)
        merge_scores(path, [kept, Score("nasbench201", POOL, "cifar10", None, test)])
    known = scoring.oracle(store.root, tmp_path / "nowhere")
    assert [known.score("nasbench201", arch, "cifar10").test for arch in (SKIP, CONV, POOL)] == [51.0, 52.0, 51.0]
    assert (store.scores_path.parent, store.older_scores_path.parent) == (store.root, store.root.parent)


def test_a_file_of_another_program_beside_the_store_is_passed_over(filed, tmp_path):
    filed.store.older_scores_path.write_text("of another program")
    assert scoring.oracle(filed.store.root, tmp_path / "nowhere").score("nasbench201", SKIP, "cifar10") is None
    filed.store.scores_path.parent.mkdir(exist_ok=True)
    filed.store.scores_path.write_text("of another program")
    with pytest.raises(InputError, match=r"scores\.parquet is cut off, damaged or not a Parquet file"):
        scoring.oracle(filed.store.root, tmp_path / "nowhere").score("nasbench201", SKIP, "cifar10")


def test_scores_that_differ_from_the_tables_stay_unless_told_otherwise(filed, data_folder):
    records, root = [filed(SKIP)], filed.store.root
    before = Score("nasbench201", SKIP, "cifar10", 51.0, 52.0, release="made-up", epochs=200)
    merge_scores(filed.store.scores_path, [before])
    assert scoring.keep_scores(root, records, data_folder) == (3, 2, 1)
    assert before in read_scores(filed.store.scores_path)
    assert scoring.keep_scores(root, records, data_folder, replace=True) == (3, 2, 0)
    assert before not in read_scores(filed.store.scores_path)


def test_the_tables_scores_of_what_was_found_are_kept(filed, data_folder):
    records = [filed(SKIP, CONV), filed(SKIP, NONE, seed=1)]
    counts = scoring.keep_scores(filed.store.root, records, data_folder)
    assert counts == (9, 3, 0)  # three cells on three data sets
    kept = read_scores(filed.store.scores_path)
    assert {(s.arch, s.dataset, s.test) for s in kept} == {
        (SKIP, "cifar10", 54.0),
        (CONV, "cifar10", 93.5),
        (SKIP, "cifar100", 16.0),
    }
    assert {(s.release, s.source, s.space) for s in kept} == {("made-up", "table", "nasbench201")}


def test_kept_scores_serve_without_the_table(filed, data_folder, tmp_path):
    record, runs = filed(SKIP, CONV), filed.store.root
    scoring.keep_scores(runs, [record], data_folder)
    without = scoring.oracle(runs, tmp_path / "nowhere")
    assert without.score("nasbench201", CONV, "cifar10").test == 93.5
    assert without.score("nasbench201", CONV, "cifar100") is None
    assert scoring.keep_scores(runs, [record], tmp_path / "nowhere") == (6, 3, 0)


def test_an_architecture_that_nothing_knows_has_no_score(filed, data_folder):
    known = scoring.oracle(filed.store.root, data_folder)
    assert known.score("nasbench201", NONE, "cifar10") is None
    assert known.score("nasbench1shot1-1", "111:conv3x3", "digits") is None


@pytest.mark.parametrize(
    ("space", "searched_on", "scored_on"),
    [
        ("nasbench201", "cifar10", ("cifar10", "cifar100", "ImageNet16-120")),
        ("nasbench1shot1-2", "cifar10", ("cifar10",)),
        ("nasbench201", "digits", ("digits",)),
    ],
)
def test_an_architecture_is_scored_on_every_data_set_of_its_table(space, searched_on, scored_on):
    assert scoring.datasets(space, searched_on) == scored_on


def test_final_architectures_without_a_score_are_found_once(filed, data_folder):
    filed(NONE, SKIP, dataset="digits")
    filed(SKIP, CONV, dataset="digits", seed=1)
    filed(SKIP, CONV, dataset="digits", seed=2)
    filed(SKIP, NONE, dataset="digits", seed=3, status="diverged")
    filed(SKIP, CONV, seed=4)
    found = scoring.finals(filed.store.records("own", complete_only=True))
    digits = [("nasbench201", arch, "digits") for arch in (SKIP, CONV)]
    assert found == [*digits, ("nasbench201", CONV, "cifar10")]
    assert scoring.unscored(found, filed.store.root, data_folder, "own") == digits


def test_a_retrained_cell_is_scored_for_its_own_data_set(filed, data_folder):
    filed(NONE, SKIP, dataset="digits")
    runs = filed.store.root
    score = Score("nasbench201", SKIP, "digits", None, 77.0, source="retrained", release="retrain-own", epochs=1)
    merge_scores(filed.store.retrained_path("own"), [score])
    assert scoring.unscored([("nasbench201", SKIP, "digits")], runs, data_folder, "own") == []
    known = scoring.oracle(runs, data_folder)
    assert known.score("nasbench201", SKIP, "digits").test == 77.0
    assert known.score("nasbench201", SKIP, "cifar10").release == "made-up"


def test_the_population_is_every_cell_that_the_tables_hold(data_folder, tmp_path):
    found = scoring.population("nasbench201", data_folder)
    assert {name: sorted(values) for name, values in found.items()} == {"cifar10": [54.0, 93.5], "cifar100": [16.0]}
    assert scoring.population("nasbench201", tmp_path / "nowhere") == {}


def test_the_truth_of_a_space_without_a_table_is_unknown(data_folder, tmp_path):
    """Nothing is enumerated for it either."""
    assert scoring.truth("nasbench1shot1-3", data_folder) == {}
    assert list(scoring.truth("nasbench201", data_folder)) == ["cifar10", "cifar100"]
    assert list(scoring.truth("nasbench201", data_folder, ["cifar100"])) == ["cifar100"]


def test_every_reachable_cell_has_a_hash_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(spaces, "names", lambda: ("nasbench201", "nasbench1shot1-1"))  # the others take a minute
    hashes = scoring.module_hashes(tmp_path)
    assert {name: len(found) for name, found in hashes.items()} == {"nasbench1shot1-1": 2685}
    assert [path.name for path in tmp_path.iterdir()] == ["nasbench1shot1-1.parquet"]


def test_kept_cells_are_those_of_the_enumeration(monkeypatch, tmp_path):
    space = spaces.find("nasbench1shot1-1")
    first = scoring.cells(space.id, tmp_path)
    assert first == tuple(arch.key for arch in space.enumerate())
    monkeypatch.setattr(type(space), "enumerate", pytest.fail)
    assert scoring.cells(space.id, tmp_path) == first


def test_kept_cells_are_made_anew_when_the_code_changes(monkeypatch, tmp_path):
    space, few = spaces.find("nasbench1shot1-1"), [Arch("nasbench1shot1-1", "1:")]
    monkeypatch.setattr(type(space), "enumerate", lambda self: iter(few))
    assert scoring.cells(space.id, tmp_path) == ("1:",)
    few.append(Arch(space.id, "101:conv3x3"))
    assert scoring.cells(space.id, tmp_path) == ("1:",)
    monkeypatch.setattr(scoring.inspect, "getsource", lambda module: "changed")
    assert scoring.cells(space.id, tmp_path) == ("1:", "101:conv3x3")


@pytest.mark.data
@pytest.mark.parametrize(
    ("space", "cells", "scored", "error"),
    [("nasbench1shot1-1", 2685, 2127, 5.80), ("nasbench1shot1-2", 7773, 3258, 6.09)],
)
def test_the_known_coverage_and_optimum_of_the_partial_table(
    data_dir, space, cells, scored, error, monkeypatch, tmp_path
):
    _require(data_dir, "nasbench101-1shot1-partial.parquet")
    if (data_dir / "nasbench101.parquet").exists():
        pytest.skip("a full table is there too")
    monkeypatch.setattr(scoring, "_cache_dir", lambda: tmp_path)
    test = scoring.truth(space, data_dir)["cifar10"].splits["test"]
    assert (len(test.archs), test.scored, test.complete) == (cells, scored, False)
    assert 100 - test.best_mean.accuracy == pytest.approx(error, abs=0.005)
    assert test.best_mean.over == f"over the {scored:,} of {cells:,} cells that the table covers"


@pytest.mark.data
def test_the_known_optimum_of_nasbench201(data_dir):
    _require(data_dir, "nasbench201.parquet")
    found = scoring.truth("nasbench201", data_dir)
    assert {d: (t.splits["test"].scored, t.splits["test"].complete) for d, t in found.items()} == dict.fromkeys(
        ("cifar10", "cifar100", "ImageNet16-120"), (15_625, True)
    )
    known = {"cifar10": 94.37, "cifar100": 73.51, "ImageNet16-120": 47.31}
    test = {d: t.splits["test"].best_mean.accuracy for d, t in found.items()}
    assert test == pytest.approx(known, abs=0.006)
    validation = {d: t.splits["valid"].best_mean.accuracy for d, t in found.items()}
    assert validation == pytest.approx({"cifar10": 91.61, "cifar100": 73.49, "ImageNet16-120": 46.73}, abs=0.006)
    for dataset, truth in found.items():
        test = truth.splits["test"]
        assert test.best_mean.over == "over the complete set"
        assert test.rank(test.best_mean.accuracy) == 1
        assert sorted(scoring.population("nasbench201", data_dir)[dataset])[-1] == test.best_mean.accuracy


def _require(data_dir, name):
    if not (data_dir / name).exists():
        pytest.skip(f"no {name} in {data_dir}")
