"""The best of a space, what it is the best of, and where a cell ranks."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results.claims.claim import published
from results.data.cellhash import cell_hash
from results.scores.oracle import TableOracle
from results.scores.score import Score
from results.scores.truth import answers, truths

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CELLS = ("101:maxpool3x3", "101:conv3x3", "101:conv1x1", "111:conv3x3")


def write_nasbench101(folder, test, name="nasbench101.parquet", release="nasbench_only108"):
    """Write a table with these test trials; each validation trial is one percent better."""
    columns = {
        "module_hash": [cell_hash(arch) for arch in test],
        "valid_accuracy": [[trial + 1 for trial in trials] for trials in test.values()],
        "test_accuracy": list(test.values()),
    }
    pq.write_table(pa.table(columns, metadata={"release": release}), folder / name)


def truth_of(folder, cells=CELLS):
    return truths("nasbench1shot1-1", cells, ["cifar10"], TableOracle.find(folder)).get("cifar10")


@pytest.fixture
def partial(tmp_path):
    write_nasbench101(tmp_path, {CELLS[3]: [90.0, 91.0, 95.0], CELLS[0]: [80.0, 81.0, 82.0], CELLS[1]: [93.0, 93.0]})
    return tmp_path


def test_the_best_mean_and_the_best_training_are_of_different_cells(partial):
    truth = truth_of(partial)
    assert (truth.release, truth.epochs) == ("nasbench_only108", 108)
    test = truth.splits["test"]
    assert (test.best_mean.accuracy, test.best_mean.arch) == (93.0, CELLS[1])
    assert (test.best_training.accuracy, test.best_training.arch) == (95.0, CELLS[3])
    assert truth.splits["valid"].best_training.accuracy == 96.0


def test_what_was_covered_is_said(partial):
    test = truth_of(partial).splits["test"]
    assert (test.scored, test.complete) == (3, False)
    assert test.best_mean.over == test.best_training.over == "over the 3 of 4 cells that the table covers"
    whole = truth_of(partial, (CELLS[0], *CELLS[1:2], CELLS[3])).splits["test"]
    assert (whole.scored, whole.complete) == (3, True)
    assert whole.best_mean.over == whole.best_training.over == "over the complete set"


def test_ranks_count_the_better_cells(partial):
    test = truth_of(partial).splits["test"]
    assert [test.rank(value) for value in (93.0, 92.0, 81.0, 0.0)] == [1, 2, 3, 4]


def test_a_table_without_trials_knows_no_best_training(tmp_path):
    a, b = SKIP, SKIP.replace("skip_connect~2", "nor_conv_3x3~2")
    columns = {"arch": [a, b], "dataset": ["cifar10"] * 2, "valid_accuracy": [41.0, None], "test_accuracy": [53.0, 84]}
    pq.write_table(pa.table(columns), tmp_path / "nasbench201.parquet")
    found = truths("nasbench201", [b, a], ["cifar10", "cifar100"], TableOracle.find(tmp_path))
    assert list(found) == ["cifar10"]
    splits = found["cifar10"].splits
    assert splits["test"].best_training is None
    assert splits["test"].best_mean.arch == b
    assert (splits["valid"].scored, splits["valid"].best_mean.arch, splits["valid"].complete) == (1, a, False)


def test_releases_are_kept_apart(partial):
    """A better figure from another release is neither the best nor counted in a rank."""
    write_nasbench101(partial, {CELLS[2]: [99.0], CELLS[0]: [98.0]}, "nasbench101-other-partial.parquet", "another")
    truth = truth_of(partial)
    assert (truth.release, truth.splits["test"].scored) == ("nasbench_only108", 3)
    assert truth.splits["test"].best_training.accuracy == 95.0
    foreign = Score("nasbench1shot1-1", CELLS[2], "cifar10", None, 99.0, release="another", epochs=108)
    assert answers(foreign, truth)["test"].rank is None


def test_tables_of_one_release_complete_one_another(partial):
    write_nasbench101(partial, {CELLS[2]: [94.0], CELLS[0]: [99.0]}, "nasbench101-other-partial.parquet")
    test = truth_of(partial).splits["test"]
    assert (test.scored, test.complete) == (4, True)
    assert test.mean.tolist() == [81.0, 93.0, 94.0, 92.0]  # of the second table only what the first lacks
    assert test.best_mean.arch == CELLS[2]


def test_an_answer_says_all_that_the_source_has(partial):
    [score] = TableOracle.find(partial)[0].scores("nasbench1shot1-1", [CELLS[3]], "cifar10")
    found = answers(score, truth_of(partial))
    assert list(found) == ["valid", "test"]
    test = found["test"]
    assert (test.value, test.trials, test.n, test.epochs) == (92.0, (90.0, 91.0, 95.0), 3, 108)
    assert test.spread == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    assert (test.rank, test.scored, test.cells) == (2, 3, 4)


def test_an_answer_claims_nothing_that_the_source_lacks():
    score = Score("nasbench201", "a", "digits", None, 70.0, source="retrained", release="retrain-quick", epochs=6)
    [answer] = answers(score, None).values()
    assert (answer.split, answer.source, answer.release) == ("test", "retrained", "retrain-quick")
    assert (answer.n, answer.spread, answer.rank, answer.scored) == (None, None, None, None)


@pytest.mark.parametrize(
    ("space", "test", "valid"),
    [
        ("nasbench1shot1-1", 0.05448716878890991, 0.049278855323791504),
        ("nasbench1shot1-2", 0.057592153549194336, 0.051582515239715576),
        ("nasbench1shot1-3", 0.05338543653488159, 0.04847759008407593),
    ],
)
def test_the_zero_of_the_published_regret_is_named_with_its_source(space, test, valid):
    """search_space_{1,2,3}.py of automl/nasbench-1shot1, as fractions."""
    claims = [claim for claim in published(space) if "regret" in claim.protocol]
    assert {claim.split: claim.value for claim in claims} == pytest.approx({"test": 100 * test, "valid": 100 * valid})
    for claim in claims:
        assert claim.metric == "error"
        assert "single trainings of an incomplete list" in claim.protocol
        assert "automl/nasbench-1shot1" in claim.source
