"""Architectures as text: of either family, or refused in a line."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spaces
from results.data.cellhash import cell_hash
from results.errors import InputError

from .strategies import TEXTS, examples

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CELL = "110011:conv3x3,maxpool3x3"  # of space 3
SIGNS = ["|", "+", "~", "0", "1", "2", ":", ",", "٣", "²", "\n", "\0", " "]
LITERALS = [
    "[(('none', 0),), (('none', 0), ('none', 1)), (('none', 0), ('none', 1), ('none', 2))]",
    "([[0, 1], [0, 0]], ['input', 'output'])",
    "{'matrix': [[[], 0], [0, 0]], 'ops': ['input', 'output']}",
    "{'1<-0': 'none', '2<-0': 3}",
    "(0, 1, 2, 3, 4, 5)",
    "[[1, 2], {3: 4}, None, -1e400, b'']",
]
WORDS = ["skip_connect~0", "nor_conv_3x3~1", "none~2", "conv3x3", "maxpool3x3", "input", "101", "1" * 21, "x" * 3000]
PIECES = st.sampled_from(SIGNS) | st.sampled_from(WORDS)
KEYS = st.one_of(
    TEXTS,
    st.sampled_from(LITERALS),
    st.sampled_from(LITERALS).flatmap(lambda text: st.integers(0, len(text)).map(lambda n: text[:n] + text[n + 1 :])),
    st.lists(PIECES, max_size=14).map("".join),
    st.tuples(
        st.text("01", max_size=28), st.lists(st.sampled_from(["conv3x3", "conv1x1", "maxpool3x3", "x"]), max_size=8)
    ).map(lambda parts: f"{parts[0]}:{','.join(parts[1])}"),
    st.sampled_from([SKIP, CELL, SKIP * 50, "1" * 4950 + ":" + ",".join(["conv3x3"] * 98)]),
)


def test_the_cells_that_are_fed_are_sound():
    assert spaces.find("nasbench201").parse(SKIP).key == SKIP
    assert spaces.find("nasbench1shot1-3").parse(CELL).key == CELL
    assert len(cell_hash(CELL)) == 32


def key_of(read, *arguments):
    """Return the key that is read; None where it is refused."""
    try:
        return read(*arguments).key
    except ValueError:
        return None


@st.composite
def told(draw):
    """Return a space and a text: the key of a cell of its own, or anything."""
    space = spaces.find(draw(st.sampled_from(spaces.names())))
    if draw(st.booleans()):
        return space, space.random(np.random.default_rng(draw(st.integers(0, 2**32)))).key
    return space, draw(KEYS)


@examples(40)
@given(told=told())
def test_parsing_gives_a_canonical_key_or_one_error(tally, told):
    found, text = told
    key = key_of(found.parse, text)
    assert key is None or found.parse(key).key == found.read(text).key == key
    for notation in found.notations:
        key = key_of(found.read, text, notation)
        assert key is None or found.parse(key).key == key
    tally(kind="fuzz: archs", cases=1)


@examples(25)
@given(text=KEYS)
def test_hashing_gives_a_hash_or_one_error(tally, text):
    with contextlib.suppress(InputError):
        assert len(cell_hash(text)) == 32
    tally(kind="fuzz: archs", cases=1)


@examples(10)
@given(space=st.sampled_from(spaces.names()), text=KEYS)
def test_scoring(feed, work, space, text):
    feed("score", "--", space, text.replace("\0", " "), cwd=work())


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J|none~0|", "\ud800"])
def test_an_error_is_one_line_whatever_it_quotes(feed, work, text):
    answer = feed("score", "nasbench201", text, cwd=work())
    assert answer.refused
    assert "\x1b" not in answer.err
