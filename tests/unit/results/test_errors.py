"""The hint that goes with a name that nobody knows."""

import pytest

from results.errors import printable, suggest

SPACES = ("darts", "darts-s2", "nasbench201")


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("dart", "darts"), ("DARTS-S2", "darts-s2"), ("NASBench-201", "nasbench201"), ("Darts_s2", "darts-s2")],
)
def test_the_nearest_name_is_suggested_in_any_case(word, nearest):
    assert suggest(word, SPACES) == f"; did you mean '{nearest}'?"


def test_a_name_keeps_its_own_case():
    assert suggest("quick/a/b/0", ["Quick/A/B/0"]) == "; did you mean 'Quick/A/B/0'?"


def test_nothing_is_suggested_where_nothing_is_near():
    assert suggest("quick", SPACES) == suggest("darts", ()) == ""


def test_what_is_quoted_stays_on_one_line_and_steers_no_terminal():
    assert printable("é\na\x1b[2J\udcff") == "é\\na\\x1b[2J\\udcff"
