"""Claims about trainings from scratch: whose scores count, which cells, which epoch; and the rows of papers' tables."""

import pytest

from results.claims.claim import Claim, Criterion, Selection
from results.claims.evidence import Evidence
from results.claims.judge import judge
from results.claims.paper_rows import rebuilt
from results.claims.trainings import rule
from results.claims.verdict import Status
from results.errors import InputError
from results.records.run import Run
from results.scores.oracle import Chain, RetrainedOracle
from results.scores.score import Score, merge_scores

BASE = {
    "id": "x",
    "paper": "a paper",
    "kind": "number",
    "space": "darts",
    "dataset": "cifar10",
    "method": "dropnas",
    "metric": "accuracy",
    "split": "test",
    "source": "a table",
    "experiment": "own",
    "comparable": "same-protocol",
    "value": 97.0,
    "tolerance": 0.5,
    "rationale": "r",
}


def claim(cells="each", epoch="last", **other):
    return Claim(**(BASE | {"selection": Selection(cells, epoch)} | other))


@pytest.fixture
def store(make_record, tmp_path):
    """Return records and an oracle: seed s ended in a cell with the given (valid after the short training, test, best).

    None stands for what was not trained.
    """

    def make(*cells, method="dropnas", experiment="own", seconds=(0.0, 86_400.0)):
        records, path = [], tmp_path / experiment / "retrained.parquet"
        for seed, (valid, test, best) in enumerate(cells):
            arch = f"{method}{seed}"
            run = Run("own", "darts", method, seed)
            records.append(make_record(run, ("start", arch), seconds=list(seconds)))
            of = {"space": "darts", "arch": arch, "dataset": "cifar10", "source": "retrained", "epochs": 3}
            if valid is not None:
                merge_scores(path, [Score(**of, valid=valid, test=1.0, release=f"select-{experiment}")])
            if test is not None:
                score = Score(
                    **of, valid=None, test=test, best_test=best, release=f"retrain-{experiment}", parameters=3_300_000
                )
                merge_scores(path, [score])
        known = [RetrainedOracle(path, experiment)], [RetrainedOracle(path, experiment, "select")]
        return records, Chain(known[0], aside=known[1])

    return make


def only(verdicts):
    [verdict] = verdicts
    return verdict


def test_each_cell_counts_by_the_epoch_that_is_asked_for(store):
    records, oracle = store((None, 96.0, 96.8), (None, 96.2, 97.2), (None, 96.1, 96.9), (None, 95.9, 97.1))
    last, best = (only(judge([claim(epoch=epoch)], records, oracle)) for epoch in ("last", "best-test"))
    assert last.measured == pytest.approx(96.05)
    assert best.measured == pytest.approx(97.0)
    assert (last.status, best.status) == (Status.WORSE, Status.REPRODUCED)
    assert "each cell, last epoch" in last.text
    assert "each cell, best test epoch" in best.text


def test_an_error_is_what_the_accuracy_lacks(store):
    records, oracle = store((None, 96.0, None), (None, 96.2, None))
    assert only(judge([claim(metric="error", value=4.0)], records, oracle)).measured == pytest.approx(3.9)


def test_the_cell_that_validates_best_is_the_only_number(store):
    records, oracle = store((60.0, 96.0, None), (70.0, 95.0, None), (70.0, 99.0, None))
    verdict = only(judge([claim("by-validation")], records, oracle))
    assert (verdict.measured, verdict.n) == (95.0, 1)  # of two that are equal, that of the lower seed
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.seeds_to_decide is None
    assert "the cell that validates best after a short training, last epoch" in verdict.text


def test_the_best_by_test_is_the_best_of_the_epochs_that_are_asked_for(store):
    records, oracle = store((None, 96.0, 97.9), (None, 97.0, 97.1))
    assert only(judge([claim("by-test", "best-test")], records, oracle)).measured == 97.9
    assert only(judge([claim("by-test", "last")], records, oracle)).measured == 97.0


@pytest.mark.parametrize(
    ("cells", "selection"),
    [
        ([(None, None, None)] * 2, "each"),
        ([(60.0, None, None), (70.0, None, None)], "by-validation"),
        ([(60.0, 96.0, None), (None, None, None)], "by-validation"),  # one has no short training yet
        ([(60.0, 96.0, None), (70.0, None, None)], "by-validation"),  # the chosen one is not trained
        ([(None, 96.0, None), (None, None, None)], "by-test"),
    ],
)
def test_what_is_not_trained_says_which_command_trains_it(store, cells, selection):
    records, oracle = store(*cells)
    verdict = only(judge([claim(selection)], records, oracle))
    assert verdict.status is Status.NOT_RUN
    assert verdict.text.endswith("'dnas retrain own --space darts --method dropnas' does it")


def test_a_cell_that_is_not_trained_among_others_could_be_anything(store):
    records, oracle = store((None, 97.0, None), (None, None, None))
    verdict = only(judge([claim()], records, oracle))
    assert (verdict.status, verdict.unscored, verdict.points) == (Status.INCONCLUSIVE, 1, 2)


def test_trainings_of_another_experiment_do_not_count(store):
    records, oracle = store((None, 97.0, None), experiment="another")
    assert only(judge([claim()], records, oracle)).status is Status.NOT_RUN


def test_scores_of_a_table_do_not_stand_in_for_trainings(make_record, fixed_oracle):
    record = make_record(Run("own", "darts", "dropnas", 0), ("start", "a"))
    assert only(judge([claim()], [record], fixed_oracle({"a": 97.0}))).status is Status.NOT_RUN


def test_without_records_the_search_is_what_is_missing(store):
    _, oracle = store((None, 97.0, None))
    assert "'dnas run own --space darts --method dropnas' makes them" in only(judge([claim()], [], oracle)).text


def test_a_difference_is_taken_seed_by_seed(store):
    ours, first = store((None, 97.0, 97.5), (None, 96.8, 97.4))
    theirs, second = store((None, 96.0, 96.5), (None, 96.0, 96.6), method="darts-1level")
    both = claim("each", "best-test", kind="direction", text="above", test=Criterion(">", baseline="darts-1level"))
    verdict = only(judge([both], [*ours, *theirs], Chain([*first.oracles, *second.oracles])))
    assert verdict.measured == pytest.approx(0.9)
    assert verdict.n == 2


def test_a_claim_about_trainings_is_about_test_images():
    with pytest.raises(InputError, match="its split must be test"):
        claim(split="valid")


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(), "each cell, last epoch"),
        (Selection("by-test", "best-test"), "the best cell by test, best test epoch"),
    ],
)
def test_rules_in_words(selection, words):
    assert rule(selection) == words


def test_the_row_of_a_papers_table_has_size_and_cost_beside_the_number(store):
    records, oracle = store((None, 96.0, 97.0), (None, 97.0, 98.0))
    main = claim("each", "best-test", rebuilt="T")
    beside = {"kind": "published-only", "reason": "r", "rebuilt": "T", "selection": None, "tolerance": None}
    size = claim(**beside, id="y", metric="parameters", unit="M", value=3.3)
    cost = claim(**beside, id="z", metric="search-cost", unit="GPU-days", value=0.4)
    other = claim(**beside, id="o", metric="parameters", unit="M", value=9.9, method="darts")
    verdicts = judge([main, size, cost, other], records, oracle)
    ((title, [row]),) = rebuilt(verdicts, Evidence(records, oracle, {}, {})).items()
    assert title == "T"
    assert (row.values, row.measured_parameters) == ((97.0, 98.0), (3_300_000,) * 2)
    assert (row.parameters.value, row.cost.value) == (3.3, 0.4)
    assert row.days == (1.0, 1.0)


def test_a_row_without_a_published_number_still_measures(store):
    records, oracle = store((60.0, 96.0, None), (70.0, 95.0, None))
    silent = claim(
        "by-validation",
        kind="published-only",
        value=None,
        text="not available",
        reason="r",
        rebuilt="T",
        tolerance=None,
    )
    ((_, [row]),) = rebuilt(judge([silent], records, oracle), Evidence(records, oracle, {}, {})).items()
    assert row.values == (95.0,)
    assert row.verdict.status is Status.NOT_RUN


def test_a_row_without_records_is_empty(store):
    _, oracle = store((None, 96.0, 97.0))
    ((_, [row]),) = rebuilt(judge([claim(rebuilt="T")], [], oracle), Evidence([], oracle, {}, {})).items()
    assert (row.values, row.days, row.measured_parameters) == ((), (), ())
    assert row.absent.endswith("'dnas run own --space darts --method dropnas' makes them")
