"""Claim files: what they may say, and what is said of those that are wrong."""

import pytest

from results.claims.claim import Claim, Criterion, load_claims
from results.errors import InputError

FILE = """
paper = "A paper"
source = "its table"

[[group]]
kind = "number"
space = "nasbench201"
method = "darts"
metric = "accuracy"
tolerance = 1
rationale = "because"
scope = [
  { experiment = "one", comparable = "same-protocol" },
  { experiment = "two", comparable = "direction", reason = "longer" },
]
rows = [
  { id = "a", dataset = "cifar10", split = "test", value = 54, spread = 0.0, n = 3 },
  { id = "b", dataset = "cifar100", split = "valid", value = 15.61 },
]

[[group]]
id = "c"
kind = "direction"
space = "nasbench201"
dataset = "cifar10"
method = "darts"
metric = "eigenvalue"
experiment = "one"
comparable = "same-protocol"
text = "It grows."
test = { relation = ">", log = true, window = [0.8, 1], reference = [0, 0.2] }
"""


def load(tmp_path, text):
    (tmp_path / "paper.toml").write_text(text)
    return load_claims(tmp_path)


def test_groups_rows_and_scopes(tmp_path):
    claims = load(tmp_path, FILE)
    assert [c.id for c in claims] == ["a@one", "a@two", "b@one", "b@two", "c"]
    assert claims[1] == Claim(
        id="a@two",
        paper="A paper",
        kind="number",
        space="nasbench201",
        dataset="cifar10",
        method="darts",
        metric="accuracy",
        source="its table",
        split="test",
        value=54.0,
        spread=0.0,
        n=3,
        comparable="direction",
        reason="longer",
        experiment="two",
        tolerance=1.0,
        rationale="because",
    )
    assert claims[-1].test == Criterion(">", window=(0.8, 1.0), reference=(0.0, 0.2), log=True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("paper =", "papr =", "papr'; did you mean 'paper'?"),
        ('source = "its table"', "", "source' is missing"),
        ("value = 54", 'value = "54"', "value = '54' is not allowed: input should be a valid number"),
        ("value = 54", "value = true", "value = True is not allowed"),
        ("n = 3", "n = 3.5", "n = 3.5 is not allowed: input should be a valid integer"),
        ('kind = "number"', 'kind = "numbr"', "input should be 'number', 'direction' or 'published-only'"),
        ("log = true", "lg = true", "test.lg'; did you mean 'log'?"),
        ("[0.8, 1]", "[0.8]", "test.window.1' is missing"),
        ('id = "b"', 'id = "a"', "the id 'a@one' appears twice"),
        ("tolerance = 1", "", "give its value, its tolerance and the rationale"),
        (', reason = "longer"', "", "give the reason"),
        ('text = "It grows."', "", "says neither a value nor a text"),
        ('metric = "eigenvalue"', 'metric = "seed"', "'seed', which no record holds"),
        ('dataset = "cifar10", split = "test"', 'dataset = "cifar10"', "give the split"),
        ('relation = ">", ', "", "test.relation' is missing"),
        ("[[group]]", "[[group", "paper.toml: not a TOML file"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path, old, new, says):
    assert old in FILE
    with pytest.raises(InputError) as caught:
        load(tmp_path, FILE.replace(old, new, 1))
    assert says in str(caught.value)
    assert "paper.toml" in str(caught.value)
    assert "\n" not in str(caught.value)
