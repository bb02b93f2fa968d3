"""Files of claims: read and judged, or refused in a line."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from results.claims.claim import PUBLISHED, load_claims
from results.claims.judge import judge
from results.errors import InputError

from .strategies import NUMBERS, TEXTS, damaged, examples, nested
from .test_experiments import toml

SOUND = """
paper = "a paper"
kind = "number"
space = "nasbench201"
dataset = "cifar10"
metric = "accuracy"
split = "test"
source = "its table"
comparable = "same-protocol"
experiment = "paper"
tolerance = 1.0
rationale = "a guess"
[[group]]
method = "darts"
rows = [{id = "one", value = 54.3, n = 4}, {id = "two", value = 90, spread = 0.5}]
[[group]]
id = "three"
method = "sdarts-rs"
kind = "direction"
text = "it ends higher"
test = {relation = ">", window = [0.5, 1], baseline = "darts"}
scope = [{experiment = "paper"}, {experiment = "reduced"}]
"""
KEYS = [
    "paper",
    "kind",
    "metric",
    "split",
    "value",
    "spread",
    "n",
    "tolerance",
    "coverage",
    "test",
    "group",
    "rows",
    "scope",
]
VALUES = st.one_of(
    NUMBERS.map(toml),
    TEXTS.map(toml),
    st.sampled_from(
        [nested(5000), "9" * 6000, "[]", "[1]", "[[]]", "[{}]", "{}", '"error"', '"share:x"', '"landscape-drop"']
    )
    | st.sampled_from(
        ['{relation = ">", window = [1, 0]}', '{relation = "<", threshold = nan, log = true}', "-1", "1e400"]
    ),
)
FILES = sorted(PUBLISHED.glob("*.toml"))


def read(tally, folder, data):
    (folder / "own.toml").write_bytes(data)
    read_to_the_end = False
    with contextlib.suppress(InputError):
        judge(load_claims(folder), [], None)  # pyright: ignore[reportArgumentType]
        read_to_the_end = True
    tally(kind="fuzz: claims", cases=1, refused=int(not read_to_the_end))


def test_the_file_that_is_changed_is_sound(tmp_path):
    (tmp_path / "own.toml").write_text(SOUND)
    assert len(load_claims(tmp_path)) == 4


@examples(30)
@given(data=damaged(SOUND.encode()))
def test_damaged_files(tally, work, data):
    read(tally, work(), data)


@examples(30)
@given(key=st.sampled_from(KEYS), value=VALUES, place=st.integers(0, 3))
def test_files_with_a_line_of_anything(tally, work, key, value, place):
    parts = SOUND.split("[[group]]\n")
    place %= len(parts)
    lines = [line for line in parts[place].splitlines() if not line.startswith(f"{key} ")]
    parts[place] = "\n".join([f"{key} = {value}", *lines, ""])
    read(tally, work(), "[[group]]\n".join(parts).encode(errors="replace"))


@examples(3, share=10)
@given(data=st.sampled_from(FILES).flatmap(lambda path: damaged(path.read_bytes())))
def test_damaged_files_of_the_suite(tally, work, data):
    read(tally, work(), data)
