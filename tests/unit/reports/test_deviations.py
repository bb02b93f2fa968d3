"""A deviation stands once, with the shortest true words for where it holds."""

import pytest

from reports.tabular.deviation_table import deviation_table

from .factory import record

WHAT = {"id": "an-id", "what": "What.", "why": "Why.", "effect": "None.", "switch": "", "source": "a paper"}
FIRST, SECOND = "nasbench201", "nasbench1shot1-1"


@pytest.mark.parametrize(
    ("stating", "words"),
    [
        ([(m, s) for m in ("darts", "random") for s in (FIRST, SECOND)], "every run"),
        ([("darts", FIRST), ("random", FIRST)], "NAS-Bench-201"),
        ([("darts", FIRST), ("darts", SECOND)], "DARTS"),
        ([("darts", FIRST)], "DARTS on NAS-Bench-201"),
        ([("darts", FIRST), ("random", SECOND)], "DARTS on NAS-Bench-201, random on NAS-Bench-1Shot1, space 1"),
    ],
)
def test_where_a_deviation_holds_is_said_in_few_words(stating, words):
    records = [
        record(method, seed, space=space, manifest={"deviations": [WHAT] if (method, space) in stating else []})
        for method in ("darts", "random")
        for space in (FIRST, SECOND)
        for seed in (0, 1)
    ]
    ((where, *_),) = deviation_table(records).rows
    assert where == words


def test_what_one_of_two_experiments_states_names_it():
    records = [record("darts", manifest={"deviations": [WHAT]}), record("darts", experiment="other")]
    ((where, *_),) = deviation_table(records).rows
    assert where == "NAS-Bench-201 (paper)"


def test_several_methods_on_one_space_name_it_once():
    records = [
        record(method, manifest={"deviations": [WHAT] if method != "random" else []})
        for method in ("darts", "sdarts-rs", "random")
    ] + [record("darts", space=SECOND)]
    ((where, *_),) = deviation_table(records).rows
    assert where == "DARTS, SDARTS-RS on NAS-Bench-201"
