"""Experiment files and overrides: read, or refused in a line."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.experiments import reading

from .strategies import NUMBERS, TEXTS, damaged, examples, nested

QUICK = (reading.FOLDER / "quick.toml").read_text(encoding="utf-8")
TABLES = tomllib.loads(QUICK)
KEYS = [
    *(f"{table}.{key}" for table in ("images", "supernet", "training", "measure", "retrain") for key in TABLES[table]),
    *TABLES,
    "methods.sdarts-rs.epsilon",
    "space.nasbench201.training.epochs",
    "space.nasbench201.methods.darts.x",
    "space.x.y",
    "training",
    "a.b.c.d",
    "",
    "..",
]


def toml(value):
    """Write a value as TOML, as far as TOML has it."""
    if isinstance(value, str):
        text = value.encode(errors="replace").decode()
        return (
            '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c) & 0xFFFF:04x}" for c in text) + '"'
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value).lower()


VALUES = st.one_of(
    st.sampled_from(
        ["0", "1", "2", "16", "0.5", "true", '"digits"', '"grouped"', "[0.5, 0.9]", '["nasbench201"]', "1e-30"]
    ),
    NUMBERS.map(toml),
    TEXTS.map(toml),
    st.lists(st.one_of(NUMBERS, TEXTS), max_size=3).map(toml),
    st.sampled_from([nested(50), nested(5000), "{" * 500, "{a = 1}", "1979-05-27", "0x" + "f" * 40, "9" * 6000, ""]),
)


def plan(feed, folder, data, *options):
    path = folder / "own.toml"
    path.write_bytes(data)
    return feed("plan", str(path), "--json", "--space", "nasbench201", "--method", "darts", *options, cwd=folder)


def test_what_is_changed_is_sound(feed, work):
    assert not plan(feed, work(), QUICK.encode()).refused


@examples(13)
@given(data=damaged(QUICK.encode()))
def test_damaged_files(feed, work, data):
    plan(feed, work(), data)


@examples(13)
@given(key=st.sampled_from(KEYS), value=VALUES)
def test_files_with_a_line_of_anything(feed, work, key, value):
    table, _, name = key.rpartition(".")
    lines = QUICK.splitlines()
    if f"[{table}]" in lines:  # in the place of what stands there
        place = lines.index(f"[{table}]") + 1
        end = next((i for i in range(place, len(lines)) if lines[i].startswith("[")), len(lines))
        lines[place:end] = [line for line in lines[place:end] if line.partition("=")[0].strip() != name] + [
            f"{name} = {value}"
        ]
    else:
        lines = [f"{key} = {value}", *(line for line in lines if line.partition("=")[0].strip() != key)]
    plan(feed, work(), "\n".join(lines).encode(errors="replace"))


@examples(15)
@given(overrides=st.lists(st.tuples(st.sampled_from(KEYS) | TEXTS, VALUES | TEXTS), min_size=1, max_size=3))
def test_overrides(feed, work, overrides):
    options = [
        part for key, value in overrides for part in ("-o", f"{key}={value}".replace("\0", "").replace("\ud800", "?"))
    ]
    plan(feed, work(), QUICK.encode(), *options)


@pytest.mark.parametrize("name", ["a\nb.toml", "\x1b[2J.toml", ".toml", " .toml", "x" * 300 + ".toml", "\udcff.toml"])
def test_names(feed, work, name):
    folder = work()
    try:
        (folder / name).write_text(QUICK)
    except OSError:  # no file can have this name
        assert len(name) > 255
    answer = feed("plan", name, "--method", "random", cwd=folder)
    assert answer.refused or name == " .toml"
