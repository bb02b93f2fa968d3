"""Names of files and places in the page."""

import re

import pytest

from reports.names import slug


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("quick", "nasbench201", "cells"), "quick-nasbench201-cells"),
        (("reduced+5754bf4e", "final"), "reduced-5754bf4e-final"),
        (("a <b> & c|d",), "a-b-c-d"),
        (("published", "nas-bench-201 (dong & yang, iclr 2020)"), "published-nas-bench-201-dong-yang-iclr-2020"),
        (("darts-0.5",), "darts-0.5"),
        (("\u03b2-darts",), "3b2-darts"),
    ],
)
def test_a_name_is_plain(parts, expected):
    assert slug(*parts) == expected


def test_names_in_other_scripts_stay_apart_and_are_not_empty():
    names = [slug(name, "final") for name in ("\u03b2", "\u03b3", "\u65b9\u6cd5", "\u65b9", "final")]
    assert len(set(names)) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in names)
