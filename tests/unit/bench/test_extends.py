"""Experiments that extend another one: what their file does not say, the other one says."""

import pytest

from bench.experiments import reading
from results.errors import InputError

BASE = """
[methods.darts.training]
lr = 0.5

[methods.sdarts-rs]
epsilon = 0.5

[variants.wide]
method = "sdarts-rs"
label = "wide"
"""


@pytest.fixture
def extending(minimal, written):
    """Load a file that extends a small experiment with tables of its own."""
    written(minimal + BASE, "base.toml")

    def load(text, *overrides):
        return reading.load(written('extends = "base.toml"\n' + text), overrides)

    return load


def test_what_a_file_leaves_out_the_other_says(extending, tmp_path):
    found, base = extending('description = "mine"'), reading.load(str(tmp_path / "base.toml"))
    assert (found.name, found.about.base, found.about.description) == ("own", "own", "mine")
    assert (found.spaces, found.methods, found.seeds) == (base.spaces, base.methods, base.seeds)
    for name in ("darts", "sdarts-rs", "wide"):
        mine, theirs = found.arm("nasbench201", name), base.arm("nasbench201", name)
        assert (mine.protocol, mine.hash, mine.label) == (theirs.protocol, theirs.hash, theirs.label)


def test_what_a_file_says_overrides_all_that_the_other_says(extending):
    found = extending("[training]\nlr = 0.25")
    assert found.arm("nasbench201", "darts").protocol.training.lr == 0.25
    assert found.arm("nasbench201", "sdarts-rs").protocol.params.epsilon == 0.5


def test_an_override_takes_precedence_over_both(extending):
    found = extending("[training]\nlr = 0.25", "training.lr=0.125")
    assert found.arm("nasbench201", "darts").protocol.training.lr == 0.125


def test_a_variant_of_the_other_may_get_another_label(extending):
    found = extending('[variants.wide]\nlabel = "wider"')
    assert found.arm("nasbench201", "wide").label == "wider"
    assert found.arm("nasbench201", "wide").method_id == "sdarts-rs"


@pytest.mark.parametrize("name", ["quick", "paper-s4"])
def test_an_experiment_of_the_suite_is_extended_by_its_name(written, name):
    found, base = reading.load(written(f'extends = "{name}"')), reading.load(name)
    pairs = [(each.choose().arms, each.retrain) for each in (found, base)]
    assert [arm.hash for arm in pairs[0][0]] == [arm.hash for arm in pairs[1][0]]
    assert pairs[0][1] == pairs[1][1]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('extends = "qick"', "unknown experiment 'qick'; did you mean 'quick'"),
        ('extends = "none.toml"', "no file 'none.toml'"),
        ('extends = "own.toml"', "'own.toml' extends 'own.toml', which extends it in turn"),
        ('extends = "other.toml"', "'other.toml' extends 'own.toml', which extends it in turn"),
        ("extends = 3", "extends"),
    ],
)
def test_what_cannot_be_extended_is_named(written, text, fault):
    written('extends = "own.toml"', "other.toml")
    with pytest.raises(InputError) as error:
        reading.load(written(text))
    assert fault in str(error.value)


def test_extends_cannot_be_overridden():
    with pytest.raises(InputError, match="'extends' cannot be overridden"):
        reading.load("quick", ["extends=paper"])
