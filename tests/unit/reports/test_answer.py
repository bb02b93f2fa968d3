"""The answer of an experiment: which sentences the records give, and the small table."""

from dataclasses import replace

import pytest

from reports.study.study import Study
from reports.tabular.answer import answer
from reports.tabular.claim_tables import OWN
from results.claims.verdict import Status, Verdict

from .factory import ALL_SKIP, CONVOLUTIONS, TRUTH, Table, record
from .test_build import CLAIM


def study_of(ends, space="nasbench201"):
    """Return a study of methods that end in these cells, one per seed."""
    records = [
        record(method, seed, archs=[CONVOLUTIONS, arch], space=space)
        for method, archs in ends.items()
        for seed, arch in enumerate(archs)
    ]
    return Study.of(records, Table(TRUTH))


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        (
            {"darts": [ALL_SKIP, CONVOLUTIONS], "sdarts-adv": [CONVOLUTIONS]},
            "DARTS ends in the all-skip cell in 1 of 2 seeds, SDARTS-ADV in none (n=1).",
        ),
        (
            {"darts": [CONVOLUTIONS], "dropnas": [CONVOLUTIONS] * 2},
            "No seed of DARTS and DropNAS ends in the all-skip cell (n=1 to 2).",
        ),
        ({"sdarts-rs": [ALL_SKIP]}, "SDARTS-RS ends in the all-skip cell in its only seed."),
    ],
)
def test_the_sentence_counts_the_seeds_that_end_in_the_all_skip_cell(ends, sentence):
    assert answer([study_of(ends)], []).sentence == sentence


def test_a_space_without_skips_says_how_good_the_cells_are():
    found = answer([study_of({"darts": [CONVOLUTIONS] * 2, "random": [ALL_SKIP]}, space="nasbench1shot1-1")], [])
    assert found.sentence == (
        "Mean CIFAR-10 test error on NAS-Bench-1Shot1, space 1: DARTS 6.00\u00a0% (n=2), random 45.70\u00a0% (n=1)."
    )


def test_the_table_has_a_method_a_row_with_seeds_and_marks():
    verdict = Verdict(CLAIM, Status.REPRODUCED, "")
    found = answer([study_of({"darts": [ALL_SKIP] * 2, "dropnas": [CONVOLUTIONS, "unknown"]})], [verdict])
    assert found.columns == ("NAS-Bench-201, CIFAR-10 test accuracy, %",)
    rows = {method.id: number for method, (number,) in found.rows}
    assert (rows["darts"].value, rows["darts"].n) == ("54.30 ± 0.00", "n=2")
    assert [meaning for _, meaning in rows["darts"].marks] == ["1 reproduced"]
    assert (rows["dropnas"].value, rows["dropnas"].n, rows["dropnas"].marks) == ("94.00", "n=1 of 2", ())
    assert found.more[-1] == "1 claim on this experiment, 1 decided: 1 reproduced."


def test_claims_of_the_suite_itself_are_called_expectations():
    own = Verdict(replace(CLAIM, paper=OWN), Status.REPRODUCED, "")
    study = study_of({"darts": [ALL_SKIP] * 2})
    note = "These claims are this suite's own expectations, not published numbers."
    assert note in answer([study], [own]).claims
    assert note not in answer([study], [own, Verdict(CLAIM, Status.REPRODUCED, "")]).claims


def test_as_a_table_it_says_in_words_what_the_claims_came_to_and_where_scores_are_from():
    verdicts = [Verdict(CLAIM, Status.REPRODUCED, ""), Verdict(CLAIM, Status.NOT_RUN, "")]
    study = study_of({"darts": [ALL_SKIP] * 2, "random": [CONVOLUTIONS, "unknown"]})
    table = answer([study], verdicts).table("paper")
    assert table.name == "paper-answer"
    assert table.columns == ("method", "NAS-Bench-201, CIFAR-10 test accuracy, %", "claims")
    assert table.rows == (
        ("DARTS", "54.30 ± 0.00 (n=2)", "1 reproduced, 1 not run"),
        ("random", "94.00 (n=1 of 2)", "–"),
    )
    assert "and the verdicts of all claims about each method. random" in table.note
    assert "random: the last draw of each seed alone." in table.note
    assert f"Scores: {study.releases('cifar10')[0]}." in table.note


def test_claims_beside_an_accuracy_that_are_not_about_it_are_called_so():
    other = Verdict(replace(CLAIM, metric="eigenvalue", split=""), Status.REPRODUCED, "")
    found = answer([study_of({"darts": [ALL_SKIP] * 2})], [other])
    assert "all claims about each method, most of them not about accuracy." in found.table("paper").note


def test_as_a_table_each_space_has_its_numbers_and_its_claims():
    studies = [study_of({"darts": [CONVOLUTIONS]}), study_of({"dropnas": [ALL_SKIP]}, space="nasbench1shot1-1")]
    table = answer(studies, [Verdict(CLAIM, Status.REPRODUCED, "")]).table("paper")
    assert table.columns[1:] == (
        "NAS-Bench-201, CIFAR-10 test accuracy, %",
        "claims, NAS-Bench-201",
        "NAS-Bench-1Shot1, space 1, CIFAR-10 test error, %",
        "claims, NAS-Bench-1Shot1, space 1",
    )
    assert table.rows[0] == ("DARTS", "94.00 (n=1)", "1 reproduced", "–", "–")
    assert table.rows[1][0] == "DropNAS"
