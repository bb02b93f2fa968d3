"""The three forms of a table hold the same cells, whatever is in them."""

import csv
from io import StringIO

import pytest

from reports.tabular.table import Table

TABLE = Table(
    name="x", title="A title", columns=("method", "mean"), rows=(("DARTS", "54.30"), ("other", "–")), note="A note.",
    numbers=frozenset({"mean"}),
)  # fmt: skip
HOSTILE = r"<script>alert(1)</script> | a_b & 50 % \ {x} $1 #2 ~ ^ `c` *d* [e](f)" + "\nnew line"


def test_csv_gives_back_the_cells():
    assert list(csv.reader(StringIO(TABLE.csv()))) == [["method", "mean"], ["DARTS", "54.30"], ["other", "–"]]


def test_markdown_is_a_table_with_numbers_flush_right():
    lines = TABLE.markdown().splitlines()
    assert lines[2:6] == ["| method | mean |", "| --- | ---: |", "| DARTS | 54.30 |", "| other | – |"]


def test_latex_uses_booktabs():
    text = TABLE.latex()
    for line in (
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"\begin{tabular}{lr}",
        r"DARTS & 54.30 \\",
        r"other & -- \\",
    ):
        assert line in text


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_hostile_cells_stay_in_their_row(form):
    text = getattr(Table("x", "t", ("a", "b"), ((HOSTILE, "1"),)), form)()
    (row,) = [line for line in text.splitlines() if "script" in line]
    assert "new line" in row


def test_hostile_cells_are_escaped_in_markdown():
    text = Table("x", "t", ("a",), ((HOSTILE,),)).markdown()
    assert r"\<script\>" in text
    assert r"\|" in text
    assert r"\[e\](f)" in text


def test_what_reads_as_an_entity_is_no_entity_in_markdown():
    text = Table("x", "t", ("a",), (("&lt;b&gt; &#60; A & B; R&D",),)).markdown()
    assert r"| \&lt;b\&gt; \&#60; A & B; R&D |" in text


def test_hostile_cells_are_escaped_in_latex():
    row = next(line for line in Table("x", "t", ("a",), ((HOSTILE,),)).latex().splitlines() if "script" in line)
    for escaped in (r"\textless{}", r"a\_b", r"\&", r"50 \%", r"\textbackslash{}", r"\{x\}", r"\$1", r"\#2"):
        assert escaped in row


def test_hostile_cells_come_back_from_csv():
    table = Table("x", "t", ("a",), ((HOSTILE,),))
    assert list(csv.reader(StringIO(table.csv())))[1] == [HOSTILE]


@pytest.mark.parametrize(("rows", "size"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_its_size_is_said_in_words(rows, size):
    assert Table("x", "t", ("a",), (("b",),) * rows).size == size


def test_three_files_are_written(tmp_path):
    TABLE.write(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.csv", "x.md", "x.tex"]
    assert b"\r" not in (tmp_path / "x.csv").read_bytes()
