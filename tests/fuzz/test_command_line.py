"""The command line with anything on it: done, or refused; never a traceback."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bench.reproduce
from results.records.store import Store

from .strategies import NAMES, TEXTS, examples
from .test_records import record

OPTIONS = {
    "--space": ["nasbench201", "nasbench1shot1-3", "nasbench200"],
    "--method": ["darts", "random", "dart"],
    "--seeds": ["0", "0-3", "3-0", "0,2", "-", "0-99999999", "٣", "0-" + "9" * 30],
    "-o": ["training.epochs=2", "training.epochs=0", "a=b", "=", "seeds=0", "space.nasbench201.training.lr=1"],
    "--runs": ["results/runs", "file", "file/x", "nowhere", "/proc/nothing"],
    "--reports": ["reports", "file", "file/x"],
    "--device": ["cpu", "auto", "gpu"],
    "--engine": ["inline", "x"],
    "--budget": ["1s", "9m", "0h", "-1s", "nan", "9" * 400 + "h"],
    "--workers": ["0", "1", "-1", "x", "9" * 30],
    "--conv-form": ["grouped", "loop", "x"],
    "--strict": [],
    "--json": [],
    "--stats": [],
    "--from-csv": ["file", "nowhere"],
    "--as": ["a/nasbench201/b/0", "a", "../a/b/0"],
    "--help": [],
}
COMMANDS = [
    *(["reproduce"], ["run"], ["plan"], ["report"], ["check"], ["compare"], ["show"], ["list"], ["merge"], ["score"]),
    *(["info"], ["cite"], ["data"], ["data", "status"], ["data", "fetch"], ["data", "convert"], ["data", "verify"], []),
]
WORDS = st.sampled_from(
    ["quick", "paper", "nasbench201", "darts", "cifar10", "paper/nasbench201/darts/0", "results/runs", "file", "."]
)


@st.composite
def lines(draw):
    """Return the words of a command line."""
    words = list(draw(st.sampled_from(COMMANDS)))
    words += draw(st.lists(WORDS | TEXTS, max_size=2))
    for name in draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=3)):
        values = OPTIONS[name]
        words += [name, draw(st.sampled_from(values) | NAMES)] if values else [name]
    return [word.replace("\0", "\1")[:4000] for word in words]  # no system passes a NUL


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch):
    """What is fed here is the reading of a command line; the searches have tests of their own."""
    monkeypatch.setattr(bench.reproduce.Work, "run", lambda *_, **__: iter(()))


@examples(30)
@given(words=lines())
def test_any_line(feed, work, words):
    folder = work()
    (folder / "file").write_text("a regular file")
    if "report" in words or "reproduce" in words:
        words = [*words, "--runs", "nothing"]  # drawing is what other tests are about
    Store(folder / "results" / "runs").write(record())
    feed(*words, cwd=folder, statuses=(0, 1, 2))
