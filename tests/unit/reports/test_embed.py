import pytest

from reports.embed import embed, narrowed
from reports.tabular.table import Table
from results.errors import InputError

TEXT = """Before.

<!-- dnas: one -->
| old |
<!-- dnas: end -->

Between.

<!-- dnas: two -->
<!-- dnas: end -->

After.
"""


def test_blocks_hold_their_tables_and_the_rest_stays():
    once = embed(TEXT, {"one": "| 1 |\n", "two": "| 2 |"})
    assert once == (
        "Before.\n\n<!-- dnas: one -->\n\n| 1 |\n\n<!-- dnas: end -->\n\nBetween.\n\n"
        "<!-- dnas: two -->\n\n| 2 |\n\n<!-- dnas: end -->\n\nAfter.\n"
    )
    assert embed(once, {"one": "| 1 |\n", "two": "| 2 |"}) == once


def test_a_table_may_hold_what_regular_expressions_take_for_groups():
    assert "\\1 \\g<name>" in embed(TEXT, {"one": "\\1 \\g<name>", "two": ""})


def test_a_last_column_of_architectures_is_left_out():
    def table(*columns, rows):
        return Table("t", "A title", columns, rows, "A note.").markdown()

    whole = table("cell", "test", "architecture", rows=(("a | b", "1", "x~0|y~1+z_3x3~0"), ("c", "2", "")))
    assert narrowed(whole) == table("cell", "test", rows=(("a | b", "1"), ("c", "2")))
    other = table("architecture", "test", rows=(("x|y", "1"),))
    assert narrowed(other) == other


def test_an_unknown_table_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"no table 'two'; did you mean 'to'\?"):
        embed(TEXT, {"one": "", "to": ""})


def test_a_text_without_a_block_says_how_to_write_one():
    with pytest.raises(InputError, match="write '<!-- dnas: NAME -->'"):
        embed("nothing", {})
