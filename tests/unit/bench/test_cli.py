import json
import math
from types import SimpleNamespace

import pytest

from bench.cli import options, reports
from results.errors import InputError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("9m", 540), ("1.5h", 5400), ("0s", 0), ("", math.inf)])
def test_a_budget_is_read_as_written(text, seconds):
    assert options.seconds(text) == seconds


@pytest.mark.parametrize("text", ["9", "m", "-1m", "9 m", "9d", "1e3s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="write 90s, 9m or 2h"):
        options.seconds(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min"), (math.nan, "?")],
)
def test_a_duration_is_written_as_a_person_would(value, text):
    assert options.duration(value) == text


def test_a_document_holds_nothing_that_json_does_not_know(capsys):
    options.emit({"a": math.nan, "b": [math.inf, (1.5, {"c": -math.inf})], "d": "NaN"})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, [1.5, {"c": None}]], "d": "NaN"}


def verdict(status, *, judged=True, paper="sdarts", experiment="paper"):
    claim = SimpleNamespace(id="a-claim", judged=judged, paper=paper, experiment=experiment)
    return SimpleNamespace(status=status, claim=claim, text=status, left_out=())


@pytest.mark.parametrize(
    ("verdicts", "plain", "strict"),
    [
        ([], 0, 0),
        ([verdict("reproduced"), verdict("better")], 0, 0),
        ([verdict("worse")], 1, 1),
        ([verdict("inconclusive")], 0, 1),
        ([verdict("not-run")], 0, 1),
        ([verdict("not-comparable")], 0, 0),
        ([verdict("worse", judged=False)], 0, 0),
        ([verdict("worse", paper="dnas-bench")], 0, 0),  # our own figures are not a published claim
    ],
)
def test_a_claim_that_is_worse_decides_the_status(capsys, verdicts, plain, strict):
    assert reports.print_claims(verdicts, strict=False) == plain
    assert reports.print_claims(verdicts, strict=True) == strict


def test_claims_of_other_experiments_do_not_decide_the_status(capsys):
    worse = [verdict("worse", experiment="paper")]
    assert reports.print_claims(worse, strict=True, scope="quick") == 0
    assert reports.print_claims(worse, strict=True, scope="paper") == 1
