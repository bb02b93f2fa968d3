"""Verdicts on records whose truth is known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from results.claims.claim import Claim, Criterion
from results.claims.judge import judge
from results.claims.stats import Interval
from results.claims.verdict import Status, Verdict
from results.records.record import IMPORTED, Record
from results.records.run import Run
from results.scores.score import Score

BASE = {
    "id": "x",
    "paper": "a paper",
    "space": "nasbench201",
    "dataset": "cifar10",
    "method": "darts",
    "metric": "accuracy",
    "source": "a table",
    "split": "test",
    "experiment": "paper",
    "comparable": "same-protocol",
}


def number(value: float, tolerance: float = 1.0, **other) -> Claim:
    return Claim(**(BASE | {"kind": "number", "value": value, "tolerance": tolerance, "rationale": "r"} | other))


def direction(test: Criterion, **other) -> Claim:
    return Claim(**(BASE | {"kind": "direction", "text": "it rises", "test": test} | other))


@pytest.fixture
def measured(make_record, fixed_oracle):
    """Return records and an oracle of which the last architectures score ``values``; None is not scored."""

    def make(values: Sequence[float | None], method: str = "darts") -> tuple[list[Record], object]:
        archs = [f"{method}{seed}" for seed in range(len(values))]
        runs = [Run("paper", "nasbench201", method, seed) for seed in range(len(values))]
        known = {arch: value for arch, value in zip(archs, values, strict=True) if value is not None}
        return [make_record(run, ("start", arch)) for run, arch in zip(runs, archs, strict=True)], (
            fixed_oracle({"start": 50.0} | known)
        )

    return make


def only(verdicts: list[Verdict]) -> Verdict:
    [verdict] = verdicts
    return verdict


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([90.1, 89.9, 90.2, 89.8], Status.REPRODUCED),
        ([95.1, 94.9, 95.2, 94.8], Status.BETTER),
        ([85.1, 84.9, 85.2, 84.8], Status.WORSE),
        ([80.0, 95.0, 92.0, 88.0], Status.INCONCLUSIVE),
    ],
)
def test_a_number(measured, values, status):
    verdict = only(judge([number(90.0)], *measured(values)))
    assert verdict.status is status
    assert verdict.measured == pytest.approx(np.mean(values))
    assert (verdict.n, verdict.points, verdict.unscored) == (4, 4, 0)
    assert verdict.text.startswith(str(status))


def test_a_lower_error_is_better(measured):
    records, oracle = measured([95.1, 94.9, 95.2, 94.8])
    verdict = only(judge([number(10.0, metric="error")], records, oracle))
    assert verdict.status is Status.BETTER
    assert verdict.measured == pytest.approx(5.0)


def test_an_undecided_number_says_how_many_seeds_it_takes(measured):
    verdict = only(judge([number(90.0, 2.0)], *measured([88.0, 92.0, 91.0, 89.5])))
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.seeds_to_decide is not None
    assert f"{verdict.seeds_to_decide} seeds like these would decide" in verdict.text


def test_the_published_spread_widens_the_interval(measured):
    values = [90.4, 89.6, 90.3, 89.7]
    exact = only(judge([number(90.0)], *measured(values)))
    uncertain = only(judge([number(90.0, spread=2.0, n=3)], *measured(values)))
    assert exact.status is Status.REPRODUCED
    assert uncertain.status is Status.INCONCLUSIVE


def test_a_collapse_is_judged_on_the_architecture(measured):
    claim = number(54.30, 0.1, spread=0.0, n=3)
    collapsed = only(judge([claim], *measured([54.2967] * 6)))
    assert collapsed.status is Status.REPRODUCED
    assert collapsed.interval == Interval(*[pytest.approx(54.2967)] * 2)
    assert only(judge([claim], *measured([54.2967] * 8 + [90.0]))).status is Status.REPRODUCED
    assert only(judge([claim], *measured([54.2967, 54.2967, 90.0, 91.0]))).status is Status.INCONCLUSIVE
    assert only(judge([claim], *measured([90.0, 91.0, 93.0, 94.0, 90.0, 91.0]))).status is Status.BETTER
    three = only(judge([claim], *measured([54.2967] * 3)))
    assert (three.status, three.seeds_to_decide) == (Status.INCONCLUSIVE, 6)


def test_counted_seeds_are_said_and_no_interval_of_their_mean_is_printed(measured):
    claim = direction(Criterion(">", 0.999, every=True))
    counted = only(judge([claim], *measured([100.0, 0.5, 0.25, 0.0])))
    assert counted.counted == 1
    assert counted.text.startswith("worse: measured 25.19 (n=4); expected > 0.999; p 0, 0 adjusted over 1")
    assert "seeds are counted: 1 of 4 as claimed, every seed must be" in counted.text
    most = only(judge([number(54.3, 0.1, spread=0.0, n=3)], *measured([54.3, 54.3, 90.0, 54.3])))
    assert "seeds are counted: 3 of 4 as claimed, more than half are needed" in most.text
    averaged = only(judge([number(90.0)], *measured([90.1, 89.9, 90.2, 89.8])))
    assert averaged.counted is None
    assert "[" in averaged.text
    assert "counted" not in averaged.text


def test_only_records_of_the_experiment_count(measured, make_record):
    records, oracle = measured([90.1, 89.9, 90.2, 89.8])
    others = [
        make_record(Run("paper+0123abcd", "nasbench201", "darts", 4), ("start", "start")),
        make_record(Run("paper", "nasbench1shot1-1", "darts", 6), ("start", "start")),
    ]
    assert judge([number(90.0)], records + others, oracle) == judge([number(90.0)], records, oracle)


def test_a_diverged_seed_counts_as_one_that_is_not_scored(measured, make_record):
    """Else the mean would be of the survivors."""
    records, oracle = measured([90.1, 89.9, 90.2, 89.8])
    lost = make_record(Run("paper", "nasbench201", "darts", 4), ("start",), status="diverged")
    assert only(judge([number(90.0)], records, oracle)).status is Status.REPRODUCED
    verdict = only(judge([number(90.0, coverage=0.8)], [*records, lost], oracle))
    assert (verdict.status, verdict.n, verdict.points, verdict.unscored) == (Status.INCONCLUSIVE, 5, 4, 0)
    assert (verdict.measured, verdict.known) == (pytest.approx(90.0), 4)
    assert "(mean of 4 of n=5)" in verdict.text
    assert verdict.interval == only(judge([number(90.0)], *measured([90.1, 89.9, 90.2, 89.8, None]))).interval
    assert (verdict.diverged, verdict.failed) == ((lost.run,), ())
    assert "1 seed diverged" in verdict.text


def test_a_diverged_seed_among_many_does_not_keep_the_others_from_deciding(measured, make_record):
    """A claim asks that all architectures are scored, and there is none of a search that diverged."""
    records, oracle = measured([20.0, 21.0, 22.0] * 4)
    lost = make_record(Run("paper", "nasbench201", "darts", 12), ("start",), status="diverged")
    verdict = only(judge([number(90.0)], [*records, lost], oracle))
    assert (verdict.status, verdict.n, verdict.known) == (Status.WORSE, 13, 12)


def test_a_diverged_seed_has_every_change(measured, make_record, fixed_oracle):
    records, oracle = measured([60.0, 61.0, 62.0, 63.0])
    lost = [make_record(Run("paper", "nasbench201", "darts", 4 + k), (), status="diverged") for k in range(2)]
    change = Criterion(">", window=(0.0, 1.0), reference=(0.0, 0.0))
    verdict = only(judge([direction(change, coverage=0.5)], [*records, *lost], oracle))
    assert (verdict.n, verdict.points, verdict.unscored) == (6, 4 * 3, 0)
    assert verdict.interval is not None
    assert verdict.interval.low < -30
    assert verdict.interval.high > 30
    baseline = direction(Criterion(">", baseline="random"), coverage=0.1)
    others, known = measured([50.0] * 6, "random")
    verdict = only(judge([baseline], [*records, *lost, *others], fixed_oracle(oracle.test | known.test)))
    assert (verdict.n, verdict.unscored, verdict.diverged) == (6, 0, tuple(record.run for record in lost))


def test_where_every_seed_diverged_nothing_is_decided(measured, make_record, fixed_oracle):
    archs = tuple(f"a{epoch}" for epoch in range(21))
    others = [make_record(Run("paper", "nasbench201", "random", seed), archs) for seed in range(4)]
    lost = [make_record(Run("paper", "nasbench201", "darts", seed), archs, status="diverged") for seed in range(4)]
    claim = direction(Criterion(">", window=(0.0, 1.0), baseline="random"), coverage=0.9)
    verdict = only(judge([claim], [*others, *lost], fixed_oracle(dict.fromkeys(archs, 90.0))))
    assert (verdict.status, verdict.p, verdict.known, verdict.measured) == (Status.INCONCLUSIVE, 1.0, 0, None)


def test_a_diverged_seed_could_have_any_share(make_record, fixed_oracle):
    """So it is one seed of nine that may or may not have collapsed, and refutes nothing."""
    records = [make_record(Run("paper", "nasbench201", "darts", seed), (cell(6),)) for seed in range(8)]
    lost = make_record(Run("paper", "nasbench201", "darts", 8), (), status="diverged")
    claim = direction(Criterion(">", 0.999, every=True), metric="share:skip_connect", split="")
    verdict = only(judge([claim], [*records, lost], fixed_oracle({})))
    assert (verdict.status, verdict.counted, verdict.n) == (Status.REPRODUCED, 8, 9)
    assert verdict.p == pytest.approx(2 * (9 + 1) / 2**9)
    seven = only(judge([claim], [*records[:5], lost], fixed_oracle({})))
    assert (seven.status, seven.n) == (Status.INCONCLUSIVE, 6)


def test_what_has_no_bounds_is_judged_without_the_diverged_and_says_so(make_record, fixed_oracle):
    records = [trajectory(make_record, [1.0, 2.0 + s / 10], s) for s in range(4)]
    lost = make_record(Run("paper", "nasbench201", "darts", 4), status="diverged")
    claim = direction(Criterion(">", 1.0), metric="eigenvalue")
    verdict = only(judge([claim], [*records, lost], fixed_oracle({})))
    assert (verdict.status, verdict.n, verdict.diverged) == (Status.REPRODUCED, 4, (lost.run,))
    assert verdict.text.endswith("; 1 seed diverged")
    alone = only(judge([claim], [lost], fixed_oracle({})))
    assert alone.text == "not run: every search of paper/nasbench201/darts diverged; 1 seed diverged"


def test_a_failed_seed_is_not_run_yet_and_named(measured, make_record):
    records, oracle = measured([90.1, 89.9, 90.2, 89.8])
    lost = [make_record(Run("paper", "nasbench201", "darts", 4 + k), (), status="failed") for k in range(2)]
    verdict = only(judge([number(90.0)], [*records, *lost], oracle))
    assert (verdict.status, verdict.n, verdict.failed) == (Status.REPRODUCED, 4, tuple(record.run for record in lost))
    assert "2 seeds failed" in verdict.text
    alone = only(judge([number(90.0)], lost, oracle))
    assert alone.status is Status.NOT_RUN
    assert alone.text.endswith("--method darts' makes them; 2 seeds failed")


def test_a_failed_run_of_the_planned_protocol_hides_nothing_that_was_imported(measured, make_record):
    records, oracle = measured([90.1, 89.9, 90.2, 89.8])
    records = [replace(r, manifest=r.manifest.changed(config_hash=IMPORTED)) for r in records]
    lost = make_record(Run("paper", "nasbench201", "darts", 4), (), status="failed")
    planned = {("paper", "nasbench201", "darts"): lost.config_hash}
    verdict = only(judge([number(90.0)], [*records, lost], oracle, planned=planned, imported=True))
    assert (verdict.status, verdict.n, [left.run for left in verdict.left_out]) == (Status.REPRODUCED, 4, [lost.run])


def test_records_of_different_protocols_are_not_averaged(measured):
    records, oracle = measured([90.1, 89.9, 90.2, 89.8, 10.0])
    records[4] = replace(records[4], manifest=records[4].manifest.changed(config_hash="another"))
    verdict = only(judge([number(90.0)], records, oracle))
    assert (verdict.status, verdict.n) == (Status.REPRODUCED, 4)
    assert [left.run.seed for left in verdict.left_out] == [4]
    assert "1 left out, of another protocol or measured differently" in verdict.text


def test_equal_differences_are_equal_whatever_their_last_bits(make_record, fixed_oracle):
    """1/6 - 2/6 and 4/6 - 5/6 differ by rounding alone; two seeds that differ as much decide nothing."""
    cells = {"darts": (2, 5), "sdarts-rs": (1, 4)}
    records = [
        make_record(Run("paper", "nasbench201", method, seed), (cell(0), cell(skips)))
        for method, counts in cells.items()
        for seed, skips in enumerate(counts)
    ]
    claim = direction(Criterion("<", baseline="darts"), method="sdarts-rs", metric="share:skip_connect", split="")
    verdict = only(judge([claim], records, fixed_oracle({})))
    assert verdict.measured == pytest.approx(-1 / 6)
    assert (verdict.status, verdict.counted, verdict.seeds_to_decide) == (Status.INCONCLUSIVE, 2, 6)


def cell(skips: int) -> str:
    """Return a cell of NAS-Bench-201 of which so many of the six edges are skip connections."""
    names = ["skip_connect"] * skips + ["none"] * (6 - skips)
    edges = [(0,), (0, 1), (0, 1, 2)]
    rows = [[f"{names.pop()}~{start}" for start in starts] for starts in edges]
    return "+".join(f"|{'|'.join(row)}|" for row in rows)


def test_records_of_an_old_protocol_decide_nothing(measured):
    """All agree with each other, and none with what the experiment is now."""
    planned = {("paper", "nasbench201", "darts"): "0000000000000000"}
    records, oracle = measured([90.1, 89.9, 90.2, 89.8])
    verdict = only(judge([number(90.0)], records, oracle, planned=planned))
    assert (verdict.status, verdict.measured, len(verdict.left_out)) == (Status.NOT_RUN, None, 4)
    assert "of the protocol that the experiment has now; 'dnas run paper --space nasbench201 --me" in verdict.text
    baseline = only(judge([direction(Criterion(">", baseline="random"))], records, oracle, planned=planned))
    assert len(baseline.left_out) == 4


def test_the_claims_of_a_paper_are_corrected_for_being_many(measured):
    claims = [number(90.0, id=f"c{k}") for k in range(4)]
    verdicts = judge(claims, *measured([90.0, 90.9, 89.1, 90.4, 89.6]))
    alone = only(judge(claims[:1], *measured([90.0, 90.9, 89.1, 90.4, 89.6])))
    assert (alone.status, alone.family) == (Status.REPRODUCED, 1)
    assert alone.p == alone.adjusted
    assert [v.p for v in verdicts] == [alone.p] * 4
    assert [v.adjusted for v in verdicts] == [pytest.approx(4 * (alone.p or 0))] * 4
    assert {v.status for v in verdicts} == {Status.INCONCLUSIVE}
    assert all(v.decided_alone and v.family == 4 for v in verdicts)
    assert all((v.seeds_to_decide or 0) > 5 for v in verdicts)
    assert f"p {alone.p:.2g}, {4 * (alone.p or 0):.2g} adjusted over 4" in verdicts[0].text


def test_other_papers_other_experiments_and_claims_without_records_are_no_family(measured, make_record):
    records, oracle = measured([90.0, 90.9, 89.1, 90.4, 89.6])
    others = [
        number(90.0, id="another-paper", paper="another"),
        number(90.0, id="another-experiment", experiment="reduced"),
        number(90.0, id="not-run", method="dropnas"),
        number(90.0, id="published-only", kind="published-only", reason="why"),
    ]
    elsewhere = [make_record(Run("reduced", "nasbench201", "darts", r.run.seed), ("darts0",)) for r in records]
    verdicts = judge([number(90.0), *others], records + elsewhere, oracle)
    assert [v.family for v in verdicts] == [1, 1, 1, 0, 0]
    assert [v.status for v in verdicts[:2]] == [Status.REPRODUCED] * 2


def test_a_claim_with_too_few_scores_has_no_p_and_counts_for_no_family(measured, fixed_oracle):
    first, known = measured([90.1, 89.9, 90.2, 89.8])
    second, partly = measured([90.0, None, 90.0, 90.0], "dropnas")
    oracle = fixed_oracle(known.test | partly.test)
    verdicts = judge([number(90.0), number(90.0, id="y", method="dropnas")], first + second, oracle)
    assert [v.family for v in verdicts] == [1, 0]
    assert (verdicts[1].p, verdicts[1].adjusted, verdicts[1].status) == (None, None, Status.INCONCLUSIVE)


def test_the_order_of_records_does_not_matter(measured):
    records, oracle = measured([80.0, 95.0, 92.0, 88.0])
    assert judge([number(90.0)], records[::-1], oracle) == judge([number(90.0)], records, oracle)


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"kind": "published-only", "reason": "needs retraining"}, Status.NOT_RUN, "not run: needs retraining"),
        ({"experiment": ""}, Status.NOT_RUN, "not run"),
        ({"comparable": "no", "reason": "another split"}, Status.NOT_COMPARABLE, "not comparable: another split"),
        ({"method": "dropnas"}, Status.NOT_RUN, "'dnas run paper --space nasbench201 --method dropnas'"),
        ({"metric": "eigenvalue"}, Status.NOT_RUN, "eigenvalue was not measured"),
        ({"metric": "mix_none"}, Status.NOT_RUN, "mix_none was not measured"),
        ({"metric": "landscape-drop"}, Status.NOT_RUN, "landscape-drop was not measured"),
    ],
)
def test_claims_without_evidence(measured, change, status, says):
    verdict = only(judge([number(90.0, **change)], *measured([90.0] * 4)))
    assert verdict.status is status
    assert says in verdict.text
    assert verdict.n == 0


def test_unscored_architectures_bound_the_verdict(measured):
    values = [90.1, 89.9, 90.2, None, 90.0, 89.8]
    strict = only(judge([number(90.0)], *measured(values)))
    assert strict.status is Status.INCONCLUSIVE
    assert (strict.unscored, strict.points, strict.n) == (1, 6, 6)
    assert strict.measured == pytest.approx(90.0)
    assert "1 of 6 architectures not scored; at least 100% must be scored" in strict.text
    bounded = only(judge([number(90.0, coverage=0.8)], *measured(values)))
    assert bounded.status is Status.INCONCLUSIVE
    assert bounded.seeds_to_decide is None
    assert bounded.interval is not None
    assert bounded.interval.low < 80
    assert bounded.interval.high < 97


def test_a_verdict_that_no_missing_score_could_change_stands(measured):
    """Eleven of twelve cells are far below; even at the optimum the twelfth does not save them."""
    claim = number(90.0, coverage=0.9)
    assert only(judge([claim], *measured([20.0, 21.0] * 6 + [None]))).status is Status.WORSE


def test_retrained_scores_do_not_count(measured):
    class Retrained:
        def score(self, space, arch, dataset):
            return Score(space, arch, dataset, 90.0, 90.0, source="retrained", release="retrain-paper")

        def scores(self, space, archs, dataset):
            return [self.score(space, arch, dataset) for arch in archs]

    records, _ = measured([90.0] * 4)
    verdict = only(judge([number(90.0)], records, Retrained()))
    assert (verdict.status, verdict.measured, verdict.unscored) == (Status.INCONCLUSIVE, None, 4)
    assert "measured not scored" in verdict.text


def trajectory(make_record, values: list[float], seed: int = 0, method: str = "darts") -> Record:
    """A record whose eigenvalue takes ``values``."""
    run = Run("paper", "nasbench201", method, seed)
    return make_record(run, ("start",) * len(values), eigenvalue=values)


def test_a_change_between_two_parts_of_the_search(make_record, fixed_oracle):
    rising = [[1.0, 1.0, 1.0, 1.0, 2.0 + i / 10] for i in range(5)]
    records = [trajectory(make_record, values, seed) for seed, values in enumerate(rising)]
    change = Criterion(">", window=(1.0, 1.0), reference=(0.0, 0.5))
    claims = [
        direction(change, metric="eigenvalue"),
        direction(Criterion("<", window=(1.0, 1.0), reference=(0.0, 0.5)), metric="eigenvalue"),
        direction(Criterion(">", 0.6, window=(1.0, 1.0), reference=(0.0, 0.5), log=True), metric="eigenvalue"),
        direction(Criterion(">", 9.0, window=(0.9, 1.0)), metric="eigenvalue"),
    ]
    verdicts = judge(claims, records, fixed_oracle({}))
    assert [v.status for v in verdicts] == [Status.REPRODUCED, Status.WORSE, Status.REPRODUCED, Status.WORSE]
    assert verdicts[0].measured == pytest.approx(1.2)
    assert verdicts[0].points == 0
    assert "expected > 0" in verdicts[0].text
    assert "; at the end of the search, against the first 50%" in verdicts[0].text
    assert "; over the last 10% of the search" in verdicts[3].text


def test_what_is_measured_every_few_epochs_is_averaged_over_what_there_is(make_record, fixed_oracle):
    nan = float("nan")
    records = [trajectory(make_record, [1.0, nan, nan, 5.0 + s, nan], s) for s in range(4)]
    claim = direction(Criterion(">", window=(0.5, 1.0), reference=(0.0, 0.3)), metric="eigenvalue")
    assert only(judge([claim], records, fixed_oracle({}))).measured == pytest.approx(5.5)
    late = direction(Criterion(">", window=(1.0, 1.0)), metric="eigenvalue")
    assert only(judge([late], records, fixed_oracle({}))).status is Status.NOT_RUN


def test_methods_are_compared_seed_by_seed(measured, fixed_oracle):
    ours, first = measured([60.0, 80.0, 70.0, 90.0, 50.0])
    theirs, second = measured([59.0, 78.8, 69.1, 88.9], "random")
    oracle = fixed_oracle(first.test | second.test)
    claim = direction(Criterion(">", baseline="random"))
    verdict = only(judge([claim], ours + theirs, oracle))
    assert verdict.status is Status.REPRODUCED
    assert verdict.n == 4
    assert verdict.measured == pytest.approx(1.05)
    assert "method random" in only(judge([claim], ours, oracle)).text
    apart = [r for r in ours if r.run.seed == 4] + [r for r in theirs if r.run.seed == 0]
    assert "no seed has both darts and random" in only(judge([claim], apart, oracle)).text


def test_what_is_said_of_every_seed_is_counted(measured):
    claim = direction(Criterion(">", 50.0, every=True))
    assert only(judge([claim], *measured([60.0] * 6))).status is Status.REPRODUCED
    assert only(judge([claim], *measured([60.0] * 19 + [0.0]))).status is Status.WORSE
    assert only(judge([direction(Criterion(">", 50.0))], *measured([60.0] * 7 + [0.0]))).status is Status.INCONCLUSIVE


def test_one_number_decides_nothing_and_corrects_no_other_claim(measured, make_record):
    records, oracle = measured([90.1, 89.9, 90.2, 89.8])
    other, known = measured([95.0], "random")
    claims = [number(90.0, id="many"), number(95.0, id="one", method="random")]
    many, one = judge(claims, [*records, *other], type(oracle)(oracle.test | known.test))
    assert (many.status, many.family) == (Status.REPRODUCED, 1)
    assert (one.status, one.p, one.family) == (Status.INCONCLUSIVE, None, 0)
    assert one.text.endswith("one number decides nothing")


def test_a_family_that_was_fixed_has_its_size_before_all_its_records(measured):
    """Else a record that comes later would undo a verdict."""
    claims = [number(90.0, id=f"c{k}", method=f"m{k}", family="fixed") for k in range(3)]
    claims.append(number(90.0, id="darts", family="fixed"))
    claims.append(number(90.0, id="elsewhere", family="fixed", experiment="another"))
    claims.append(number(90.0, id="shown", family="fixed", kind="published-only", reason="not run here"))
    verdict = judge(claims, *measured([90.0, 90.9, 89.1, 90.4, 89.6]))[3]
    assert (verdict.n, verdict.family, verdict.adjusted) == (5, 4, pytest.approx(4 * (verdict.p or 0)))


def test_the_share_of_an_operation(make_record, fixed_oracle):
    cells = ("|none~0|+|skip_connect~0|skip_connect~1|", "1011:conv3x3,maxpool3x3")
    records = [make_record(Run("paper", "nasbench201", "darts", s), (cells[0],)) for s in range(6)]
    claim = direction(Criterion(">", 0.5), metric="share:skip_connect")
    verdict = only(judge([claim], records, fixed_oracle({})))
    assert (verdict.status, verdict.measured) == (Status.REPRODUCED, pytest.approx(2 / 3))
    records = [make_record(Run("paper", "nasbench201", "darts", s), (cells[1],)) for s in range(4)]
    claim = direction(Criterion("<", 0.6), metric="share:conv3x3")
    assert only(judge([claim], records, fixed_oracle({}))).measured == 0.5


@pytest.mark.parametrize(
    ("metric", "measured"),
    [
        ("count:skip_connect@normal", 2),
        ("count:skip_connect", 3),
        ("share:skip_connect@reduce", 0.5),
        ("count:noise@reduce", 0),
    ],
)
def test_the_count_of_an_operation_in_a_kind_of_cell(make_record, fixed_oracle, metric, measured):
    key = "normal:skip_connect~0|skip_connect~1;reduce:skip_connect~0|sep_conv_3x3~1"
    records = [make_record(Run("paper", "nasbench201", "darts", seed), (key,)) for seed in range(4)]
    claim = direction(Criterion(">", -1.0), metric=metric)
    assert only(judge([claim], records, fixed_oracle({}))).measured == measured


def test_the_drop_of_the_landscape(make_record, fixed_oracle):
    plane = pd.DataFrame({"x": [-1.0, 0.0, 1.0], "y": [0.0, 0.0, 0.0], "valid_accuracy": [30.0, 90.0, 30.0]})
    radius = pd.DataFrame({"x": [0.0], "y": [0.0], "valid_accuracy": [0.0]})
    landscape = pd.concat([plane.assign(kind="plane"), radius.assign(kind="radius")])
    records = [make_record(Run("paper", "nasbench201", "darts", s)) for s in range(6)]
    claim = direction(Criterion(">", 10.0), metric="landscape-drop")
    verdict = only(judge([claim], records, fixed_oracle({}), {r.run: landscape for r in records}))
    assert (verdict.status, verdict.measured) == (Status.REPRODUCED, pytest.approx(40.0))


COST = Criterion(">", 0.693, log=True, window=(0.1, 1.0), baseline="sdarts-rs")


def timed(make_record, method: str, seeds: Sequence[int], seconds: float, *, device: str = "a card") -> list[Record]:
    """Records of seeds that shared a supernet, whose epochs took ``seconds``."""
    nan, runs = float("nan"), [Run("paper", "nasbench201", method, seed) for seed in seeds]
    records = [make_record(run, ("start",) * 3, seconds=[nan, seconds, seconds]) for run in runs]
    where = {"device": {"name": device}, "group": {"seeds": list(seeds), "dtype": "float32"}}
    return [replace(record, manifest=record.manifest.changed(**where)) for record in records]


def test_costs_are_compared_by_group_not_by_seed(make_record, fixed_oracle):
    """Seeds that share a supernet share its clock: eight of them are one measurement."""
    together = timed(make_record, "sdarts-adv", range(8), 30.0) + timed(make_record, "sdarts-rs", range(8), 10.0)
    claim = direction(COST, metric="seconds", method="sdarts-adv")
    verdict = only(judge([claim], together, fixed_oracle({})))
    assert (verdict.status, verdict.n, verdict.points) == (Status.INCONCLUSIVE, 1, 0)
    assert "measured ×3.00 (n=1 pair of groups); expected > ×2.00" in verdict.text
    apart = [
        record
        for seed, factor in enumerate((2.9, 3.0, 3.1, 3.0))
        for method, seconds in (("sdarts-adv", 10 * factor), ("sdarts-rs", 10.0))
        for record in timed(make_record, method, [seed], seconds)
    ]
    verdict = only(judge([claim], apart, fixed_oracle({})))
    assert (verdict.status, verdict.n) == (Status.REPRODUCED, 4)


def test_a_group_is_timed_once_however_many_groups_share_its_seeds(make_record, fixed_oracle):
    """Groups of seeds 0, 1 and 2, 3 against 0, 2 and 1, 3: four overlapping pairs are two measurements."""
    ours = [r for pair in ((0, 1), (2, 3)) for r in timed(make_record, "sdarts-adv", pair, 30.0 + pair[0])]
    theirs = [r for pair in ((0, 2), (1, 3)) for r in timed(make_record, "sdarts-rs", pair, 10.0)]
    claim = direction(COST, metric="seconds", method="sdarts-adv")
    verdict = only(judge([claim], [*ours, *theirs], fixed_oracle({})))
    assert (verdict.n, verdict.status) == (2, Status.INCONCLUSIVE)
    assert "(n=2 pairs of groups)" in verdict.text


@pytest.mark.parametrize("other", [{"device": "another card"}, {"seeds": range(1)}])
def test_times_of_other_devices_and_group_sizes_are_not_compared(make_record, fixed_oracle, other):
    theirs = timed(make_record, "sdarts-rs", **({"seeds": range(2), "seconds": 10.0} | other))
    claim = direction(COST, metric="seconds", method="sdarts-adv")
    verdict = only(judge([claim], timed(make_record, "sdarts-adv", range(2), 30.0) + theirs, fixed_oracle({})))
    assert verdict.status is Status.NOT_RUN
    assert "were not timed on one device with as many seeds at once" in verdict.text
