"""Records of one protocol that were measured differently."""

from dataclasses import replace

import pandas as pd
import pytest

from results.claims.claim import Claim, Criterion
from results.claims.judge import judge
from results.records.run import Run

NAN = float("nan")


def claim(metric: str, relation: str = ">", **test) -> Claim:
    criterion = Criterion(relation, **test)
    where = {"paper": "p", "space": "nasbench201", "dataset": "cifar10", "method": "darts", "source": "s"}
    scope = {"comparable": "same-protocol", "experiment": "paper"}
    return Claim(id="c", kind="direction", metric=metric, test=criterion, text="t", **where, **scope)


@pytest.fixture
def measured(make_record):
    def make(seed: int, method: str = "darts", archs: int = 5, measure: dict | None = None, **columns):
        made = make_record(Run("paper", "nasbench201", method, seed), ("a",) * archs, **columns)
        protocol = made.manifest.protocol.as_dict() | {"measure": measure or {}}
        return replace(made, manifest=made.manifest.changed(protocol=protocol))

    return make


def test_landscapes_of_other_sizes_are_left_out_and_named(measured, fixed_oracle):
    plane = pd.DataFrame({"kind": "plane", "x": [0.0, 1.0], "y": [0.0, 0.0], "valid_accuracy": [50.0, 30.0]})
    large, small = {"landscape": 11, "landscape_images": 1000}, {"landscape": 11, "landscape_images": 500}
    records = [measured(seed, measure=large if seed < 4 else small) for seed in range(6)]
    landscapes = {record.run: plane for record in records[:4]}
    landscapes |= {record.run: plane.assign(valid_accuracy=[50.0, 49.0]) for record in records[4:]}
    [verdict] = judge([claim("landscape-drop")], records, fixed_oracle({}), landscapes)
    assert (verdict.n, verdict.measured) == (4, 10.0)  # the mean of the four alone
    assert [left.run.seed for left in verdict.left_out] == [4, 5]
    assert "landscape_images = 500" in verdict.left_out[0].why
    assert "landscape_images = 1000" in verdict.left_out[0].why


def test_methods_that_were_measured_differently_are_not_compared(measured, fixed_oracle):
    records = [measured(seed, "darts", measure={"valid_images": 2000}, valid_accuracy=[50.0] * 5) for seed in range(4)]
    records += [
        measured(seed, "sdarts-rs", measure={"valid_images": 500}, valid_accuracy=[60.0] * 5) for seed in range(2)
    ]
    [verdict] = judge([claim("valid_accuracy", baseline="sdarts-rs")], records, fixed_oracle({}))
    assert (verdict.n, len(verdict.left_out)) == (0, 2)
    assert "darts and sdarts-rs were measured differently: measured with valid_images = 500" in verdict.text
    assert "not measured in" not in verdict.text


def test_images_evaluated_do_not_matter_to_what_does_not_rest_on_them(measured, fixed_oracle):
    records = [
        measured(seed, measure={"valid_images": 100 * seed}, mix_skip=[0.1 * e + 0.01 * seed for e in range(5)])
        for seed in range(4)
    ]
    [verdict] = judge([claim("mix_skip")], records, fixed_oracle({}))
    assert (verdict.n, verdict.left_out) == (4, ())


def test_of_two_frequencies_the_common_epochs_count(measured, fixed_oracle):
    often = [[1.0, 9.0, 2.0, 9.0, 4.0 + 0.1 * seed] for seed in range(4)]
    seldom = [[1.0, NAN, 2.0, NAN, 3.0 + 0.1 * seed] for seed in range(4)]
    records = [measured(seed, "darts", eigenvalue=often[seed]) for seed in range(4)]
    records += [measured(seed, "sdarts-rs", eigenvalue=seldom[seed]) for seed in range(4)]
    test = claim("eigenvalue", window=(0.0, 1.0), baseline="sdarts-rs")
    [verdict] = judge([test], records, fixed_oracle({}))
    assert verdict.n == 4
    assert verdict.measured == pytest.approx(1 / 3)  # the nines, of epochs that SDARTS-RS did not measure, are left out


def test_without_a_common_epoch_there_is_no_reading_and_the_verdict_says_why(measured, fixed_oracle):
    records = [measured(seed, "darts", eigenvalue=[NAN, 1.0, NAN, 2.0, NAN]) for seed in range(4)]
    records += [measured(seed, "sdarts-rs", eigenvalue=[1.0, NAN, 2.0, NAN, 3.0]) for seed in range(4)]
    test = claim("eigenvalue", window=(0.0, 1.0), baseline="sdarts-rs")
    [verdict] = judge([test], records, fixed_oracle({}))
    assert "at no epoch that all searches share" in verdict.text
