"""Every command that reads a store names what it cannot read, by path, in text and JSON."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results.records.record_file import METADATA_KEY
from results.records.store import Store
from tests.conftest import ROOT

COMMITTED = ROOT / "results" / "runs"
PAIR = "reduced/nasbench201/darts"

#: By name, what is wrong with a file of the store.
BAD = {
    f"{PAIR}/seed-000.parquet": "cut off",
    f"{PAIR}/seed-001.parquet": "of a later version",
    f"{PAIR}/seed-002.parquet": "filed under another run's name",
    f"{PAIR}/seed-003.landscape.parquet": "no table",
}
NARROW = ["--space", "nasbench201", "--method", "darts"]

#: Every command that reads a store, and whether it has --json.
COMMANDS = {
    "list": (["list"], True),
    "check": (["check"], True),
    "plan": (["plan", "reduced", *NARROW, "--device", "cpu"], True),
    "compare": (["compare", "results/runs", "sound"], True),
    "compare, the other way round": (["compare", "sound", "results/runs"], True),
    "report": (["report"], False),
    "merge": (["merge", "results/runs", "--runs", "other"], False),
    "run": (["run", "quick", *NARROW, "--budget", "0s"], False),
    "reproduce": (["reproduce", "quick", *NARROW, "--budget", "0s"], False),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store with one sound record, and one of each kind that cannot be read."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("results/runs", "sound"):
        (folder / name / PAIR).mkdir(parents=True)
        for path in (COMMITTED / PAIR).glob("*.parquet"):
            shutil.copy(path, folder / name / PAIR)
    cut, later, misfiled, landscape = (folder / "results/runs" / name for name in BAD)
    cut.write_bytes(cut.read_bytes()[:1000])
    table = pq.read_table(later)
    manifest = json.loads(table.schema.metadata[METADATA_KEY]) | {"schema": 2}
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(manifest)}), later)
    shutil.copy(misfiled.with_name("seed-003.parquet"), misfiled)
    landscape.write_bytes(b"no table")
    return folder


@pytest.fixture(scope="module")
def answers(dnas_each, folder):
    commands = [arguments for arguments, _ in COMMANDS.values()]
    as_json = {name: [*arguments, "--json"] for name, (arguments, has) in COMMANDS.items() if has}
    found = dnas_each([(arguments, folder, {}) for arguments in [*commands, *as_json.values()]])
    return dict(zip(COMMANDS, found, strict=False)), dict(zip(as_json, found[len(commands) :], strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_in_text(answers, name):
    answer = answers[0][name]
    assert "Traceback" not in answer.err
    for path in BAD:
        if name == "merge" and path.endswith("seed-002.parquet"):
            continue  # it says itself whose it is, and is filed there
        lines = [line for line in (answer.out + answer.err).splitlines() if f"results/runs/{path}" in line]
        assert lines, (path, answer.out, answer.err)


@pytest.mark.parametrize("name", [name for name, (_, has) in COMMANDS.items() if has])
def test_as_json(answers, name):
    text = json.dumps(answers[1][name].document)
    assert [path for path in BAD if f"results/runs/{path}" not in text] == []


def test_as_json_they_are_entries_of_their_own(answers):
    listed, checked = (answers[1][name].document for name in ("list", "check"))
    assert [row["run"] for row in listed if row["status"] != "unreadable"] == [f"{PAIR}/3"]
    unreadable = [row for row in listed if row["status"] == "unreadable"]
    assert [row["path"] for row in unreadable] == sorted(f"results/runs/{path}" for path in BAD)
    assert [row["run"] for row in unreadable] == [f"{PAIR}/{seed}" for seed in range(4)]
    unreadable = [row for row in checked if row["status"] == "unreadable"]
    assert [row["path"] for row in unreadable] == sorted(f"results/runs/{path}" for path in BAD)
    assert all(row.keys() == {*checked[0], "path"} for row in unreadable)


@pytest.mark.parametrize("name", ["compare", "compare, the other way round"])
def test_they_are_differences(answers, name):
    assert answers[0][name].status == answers[1][name].status == 1
    document = answers[1][name].document
    rows = document["differences"]
    assert len(rows) == len(BAD)
    assert all("cannot be read" in row["difference"] for row in rows)
    assert document["compared"] == 1  # the run whose landscape alone is damaged
    assert answers[0][name].out.splitlines()[-1] == f"1 runs in both, {len(BAD)} differences"


def test_a_damaged_table_of_scores_is_named_by_path(dnas_each, folder, tmp_path):
    shutil.copytree(folder / "sound", tmp_path / "runs")
    store = Store(tmp_path / "runs")
    pq.write_table(pa.table({"x": [1]}), store.scores_path)
    commands = [["check"], ["report"], ["show", f"{PAIR}/0"], ["run", "quick", *NARROW]]
    for answer in dnas_each([([*command, "--runs", "runs"], tmp_path, {}) for command in commands]):
        assert answer.status == 2
        assert answer.err.startswith("dnas: runs/scores.parquet lacks the column 'space'; ")
        assert "remove" not in answer.err
    assert pq.read_table(store.scores_path).column_names == ["x"]
