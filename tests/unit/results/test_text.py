"""Text of any program: marks, UTF-16, blanks, semicolons and tabs are taken where they mean one thing."""

import codecs

import pytest

from results.errors import InputError
from results.files import delimited, text, toml

WRITTEN = {
    "UTF-8": lambda s: s.encode(),
    "UTF-8 with a mark": lambda s: codecs.BOM_UTF8 + s.encode(),
    "UTF-16 with a mark": lambda s: s.encode("utf-16"),
    "UTF-16, big end first, with a mark": lambda s: codecs.BOM_UTF16_BE + s.encode("utf-16-be"),
    "UTF-16 without a mark": lambda s: s.encode("utf-16-le"),
    "UTF-16, big end first, without a mark": lambda s: s.encode("utf-16-be"),
}
EVERY_WAY = pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)


@EVERY_WAY
def test_text_is_read_in_every_way_of_writing_it(tmp_path, write):
    (tmp_path / "file").write_bytes(write("epoch,arch é\r\n"))
    assert text.read(tmp_path / "file") == "epoch,arch é\r\n"


@EVERY_WAY
def test_a_toml_file_may_be_written_in_every_way(tmp_path, write):
    (tmp_path / "own.toml").write_bytes(write('seeds = "0, 1"\r\n[training]\r\nepochs = 3\r\n'))
    assert toml.read(tmp_path / "own.toml") == {"seeds": "0, 1", "training": {"epochs": 3}}


@EVERY_WAY
@pytest.mark.parametrize("delimiter", [",", ", ", " ,  ", ";", "; ", "\t"])
def test_a_table_may_be_written_in_every_way(tmp_path, write, delimiter):
    lines = (("Epoch", "arch", "note"), ("0", "a|b", '"x, y; z"'), ("", "", ""), ("1", "c", ""))
    content = "\r\n".join(delimiter.join(line) if any(line) else "" for line in lines)
    (tmp_path / "own.csv").write_bytes(write(content))
    found = delimited.read(tmp_path / "own.csv", ["epoch", "arch"])
    assert found.headings == ("epoch", "arch", "note")
    assert [line.fields for line in found.lines] == [
        {"epoch": "0", "arch": "a|b", "note": "x, y; z"},
        {"epoch": "1", "arch": "c", "note": ""},
    ]
    assert [line.number for line in found.lines] == [2, 4]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "its first line is 'no line at all'"),
        (b"epoch|arch\n0|a\n", "needs a header with the columns epoch and arch; its first line is 'epoch|arch'"),
        (b"0,a\n1,b\n", "its first line is '0,a'"),
        (b"epoch,arch,epoch\n", "has the column 'epoch' twice"),
        (b"epoch,arch\n0,111:conv3x3,conv1x1\n", "line 2 has 3 fields but the header has 2; put a field that"),
        (b"epoch;arch\n0\n", "line 2 has 1 fields but the header has 2"),
        (b'epoch,arch\n0,"a\n', "cannot be read: unexpected end of data"),
        (b"epoch,arch\n0,\xe9\n", "byte 0xe9 at position 13 is not UTF-8; save it as UTF-8"),
        (codecs.BOM_UTF16_LE + b"a", "is not UTF-16"),
    ],
)
def test_a_table_that_means_nothing_says_what_was_seen(tmp_path, content, says):
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(InputError) as refused:
        delimited.read(tmp_path / "own.csv", ["epoch", "arch"])
    assert says in str(refused.value)
    assert str(tmp_path / "own.csv") in str(refused.value)


def test_an_absent_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"own\.csv cannot be read: No such file"):
        delimited.read(tmp_path / "own.csv", ["arch"])


def test_a_toml_file_that_is_no_text_says_where(tmp_path):
    (tmp_path / "own.toml").write_bytes(b"seeds = '\xff'")
    with pytest.raises(InputError, match=r"own\.toml: not a TOML file: it is not text: byte 0xff at position 9"):
        toml.read(tmp_path / "own.toml")
