"""A claim is printed as the paper has it, beside what was measured."""

import math

import pytest

from reports.tabular.claim_tables import MARKS, paper_tables, verdict_table
from results.claims.claim import Claim, Criterion
from results.claims.stats import Interval
from results.claims.verdict import Status, Verdict
from results.labels import Labels
from results.records.run import Run

NUMBER = Claim(
    id="a-number", paper="A paper", kind="number", space="nasbench201", dataset="cifar10", method="darts",
    metric="accuracy", split="test", value=54.3, spread=0.0, n=3, experiment="paper", tolerance=0.5, rationale="why",
    comparable="same-protocol", source="a table",
)  # fmt: skip
GROWS = Claim(
    id="it-grows", paper="Another", kind="direction", space="nasbench201", dataset="cifar10", method="darts",
    metric="eigenvalue", experiment="paper", comparable="direction", reason="fewer epochs",
    source="a figure", text="It grows.",
    test=Criterion(">", math.log(1.5), log=True, reference=(0.0, 0.1)),
)  # fmt: skip
LABELS = Labels({"darts": "DARTS"}, {"nasbench201": "NAS-Bench-201"}, {})
NO_LABELS = Labels({}, {}, {})


def cells(table):
    (row,) = table.rows
    return dict(zip(table.columns, row, strict=True))


def test_our_column_stands_beside_the_published_one():
    verdict = Verdict(NUMBER, Status.REPRODUCED, "reproduced: ...", 54.31, Interval(54.2, 54.4), 4, points=4)
    (table,) = paper_tables([verdict], LABELS)
    row = cells(table)
    assert row["published"] == "54.30 ± 0.00 (n=3)"
    assert row["measured"] == "54.31 [54.20, 54.40]"
    assert (row["n"], row["verdict"]) == ("4", "✓ reproduced")
    assert row["where"] == "NAS-Bench-201, CIFAR-10 (paper)"
    assert row["claim"] == "test accuracy"
    assert row["source"] == "a table"


def test_a_direction_in_logarithms_is_printed_as_a_ratio():
    verdict = Verdict(GROWS, Status.BETTER, "...", math.log(2), Interval(0.0, math.log(3)), 4, p=0.01, adjusted=0.01)
    row = cells(verdict_table([verdict], LABELS))
    assert row["expected"] == "> ×1.50"
    assert row["measured"] == "×2.00 [×1.00, ×3.00]"
    assert row["note"] == "at the end of the search, against the first 10%; another protocol: fewer epochs"


def test_undecided_says_what_would_decide():
    lost = (Run("paper", "nasbench201", "darts", 4),)
    verdict = Verdict(
        NUMBER, Status.INCONCLUSIVE, "...", 54.0, None, 4, seeds_to_decide=5, unscored=1, points=4, diverged=lost
    )
    row = cells(verdict_table([verdict], NO_LABELS))
    assert "1 of 4 architectures not scored" in row["note"]
    assert "at least 100% must be scored" in row["note"]
    assert "5 seeds like these would decide; 1 seed diverged" in row["note"]


def test_what_was_not_run_says_why_and_is_no_verdict():
    verdict = Verdict(NUMBER, Status.NOT_RUN, "not run: no complete record; 'dnas run' makes some")
    assert verdict_table([verdict], NO_LABELS).rows == ()
    (table,) = paper_tables([verdict], NO_LABELS)
    row = cells(table)
    assert row["note"] == "no complete record; 'dnas run' makes some"
    assert (row["measured"], row["n"]) == ("–", "–")


def test_worse_comes_first_and_papers_have_a_table_each():
    verdicts = [Verdict(NUMBER, Status.REPRODUCED, ""), Verdict(GROWS, Status.WORSE, "")]
    assert [row[0] for row in verdict_table(verdicts, NO_LABELS).rows] == ["▼ worse", "✓ reproduced"]
    assert [t.name for t in paper_tables(verdicts, NO_LABELS)] == ["published-a-paper", "published-another"]


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_mark_of_its_own(status):
    assert list(MARKS.values()).count(MARKS[status]) == 1


def test_p_stands_raw_and_adjusted_and_a_claim_lost_to_the_others_says_so():
    verdict = Verdict(
        NUMBER, Status.INCONCLUSIVE, "...", 54.3, None, 4, p=0.03, adjusted=0.21, family=7, seeds_to_decide=6, points=4
    )
    row = cells(verdict_table([verdict], NO_LABELS))
    assert row["p (adjusted)"] == "0.03 (0.21)"
    assert "alone it would be decided, but not as one of 7 claims; 6 seeds like these would decide" in row["note"]
    tiny = Verdict(NUMBER, Status.REPRODUCED, "...", 54.3, None, 4, p=1e-9, adjusted=7e-9, family=7, points=4)
    assert cells(verdict_table([tiny], NO_LABELS))["p (adjusted)"] == "< 0.0001 (< 0.0001)"
    unscored = Verdict(NUMBER, Status.INCONCLUSIVE, "...", None, None, 4, unscored=4, points=4)
    assert cells(verdict_table([unscored], NO_LABELS))["p (adjusted)"] == "–"
