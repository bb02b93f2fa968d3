"""From an experiment's name to its reports, and from its records to what every command prints."""

import json
import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from results.records.store import Store
from results.scores.score import read_scores

MEASURED = ("training.epochs=1", "measure.eigenvalue_every=1", "measure.landscape=3", "measure.landscape_images=8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def first(dnas, narrow, folder):
    """What a first ``dnas reproduce`` printed."""
    return dnas("reproduce", "quick", *narrow(*MEASURED), cwd=folder)


@pytest.fixture(scope="module")
def record(first, folder):
    """The one record that it made, as it was before any other command."""
    (record,) = Store(folder / "results" / "runs").records()
    return record


@pytest.fixture(scope="module")
def run(record):
    """The one run that it made."""
    return record.run


@pytest.fixture(scope="module")
def later(dnas_each, narrow, folder, run):
    """What other commands answer once the run is there, by their first words."""
    name = run.experiment
    commands = {
        "reproduce": ["reproduce", "quick", *narrow(*MEASURED)],
        "plan": ["plan", "quick", *narrow(*MEASURED)[:-2], "-o", MEASURED[-1], "--json"],
        "plan more": ["plan", "quick", "--method", "random", "--method", "darts", "--seeds", "0-9", "--json"],
        "list": ["list", "--json"],
        "show": ["show", str(run), "--json"],
        "show text": ["show", str(run)],
        "check": ["check", "--json"],
        "strict": ["check", "--strict"],
        "doctor": ["doctor", "--json"],
        "data": ["data", "status", "--json"],
        "compare": ["compare", "results/runs", "results/runs", "--json"],
        "report": ["report", name, "--reports", "other"],
        "cite": ["cite", "darts"],
    }
    commands["plan"].remove("--workers")
    commands["plan"].remove("1")
    nothing = {"DNAS_DATA": str(folder / "no-data")}
    (folder / "no-data").mkdir()
    answers = dnas_each([(arguments, folder, nothing) for arguments in commands.values()])
    return dict(zip(commands, answers, strict=True))


def test_reproduce_ends_well_and_says_what_it_did(first):
    assert first.status == 0, first.err
    assert "nasbench201/darts/0: done" in first.out
    assert "score: 1 of 1 distinct final architectures scored by retraining" in first.out
    assert "report: reports/index.html" in first.out
    assert all(": epoch " in line for line in first.err.splitlines())


def test_reproduce_leaves_a_complete_record(first, folder, run):
    record = Store(folder / "results" / "runs").read(run)
    assert record.complete
    assert record.points["epoch"].tolist() == [0, 1]
    assert record.points["eigenvalue"].notna().all()
    assert len(record.manifest.data["digits"]) == 64
    landscape = pd.read_parquet(Store(folder / "results" / "runs").side_path(run, "landscape"))
    assert len(landscape) == 9 + 11
    assert list((folder / "results" / "runs").rglob("*.ckpt")) == []


def test_reproduce_leaves_figures_tables_and_a_page(first, folder):
    figures = {path.stem: path for path in (folder / "reports" / "figures").glob("*.svg")}
    assert figures
    for path in figures.values():
        assert ElementTree.parse(path).getroot().tag.endswith("svg")  # noqa: S314 - our own file
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    tables = {path.name for path in (folder / "reports" / "tables").iterdir()}
    wanted = {name.removesuffix(".csv") for name in tables if name.endswith("-summary.csv")}
    assert len(wanted) == 1
    for stem in (*wanted, "verdicts", "deviations", "environments"):
        assert {f"{stem}.csv", f"{stem}.md", f"{stem}.tex"} <= tables
    page = (folder / "reports" / "index.html").read_text()
    assert "DARTS (1st order)" in page
    fetched = re.findall(r"<link|<script[^>]+src|@import|src=\"(?!data:)|url\((?!data:|#)", page)
    assert fetched == []  # one file that needs no other


def test_again_nothing_is_run(later, folder, record):
    assert later["reproduce"].status == 0
    assert f"experiment {record.run.experiment}: nothing left to run" in later["reproduce"].out
    assert "done after" not in later["reproduce"].out
    assert record.same(Store(folder / "results" / "runs").read(record.run))


def test_the_plan_knows_what_is_done_and_what_is_not(later, run):
    done = later["plan"].document
    assert (done["experiment"], done["runs"], done["done"], done["tasks"]) == (run.experiment, 1, 1, [])
    more = later["plan more"].document
    assert (more["runs"], more["done"]) == (40, 0)
    assert [len(task["seeds"]) for task in more["tasks"]] == [8, 2] * 4
    prices = {task["method"]: task["seconds"] for task in more["tasks"]}
    assert prices == {"darts": None, "random": 0.0}  # nothing of this size has been run


def test_a_run_is_listed_and_shown(later, folder, run):
    (listed,) = later["list"].document
    shown = later["show"].document
    assert listed["run"] == shown["run"] == str(run)
    assert listed["status"] == "complete"
    assert [point["arch"] for point in shown["points"]][-1] == listed["arch"]
    assert shown["points"][0]["train_loss"] is None
    (score,) = read_scores(Store(folder / "results" / "runs").retrained_path(run.experiment))
    assert shown["points"][1]["test_score"] == score.test
    assert listed["arch"] in later["show text"].out


def test_quick_decides_no_published_claim(later):
    assert later["check"].status == 0
    statuses = {verdict["status"] for verdict in later["check"].document}
    assert statuses == {"not-run", "not-comparable"}
    assert later["strict"].status == 1  # not run is not enough


def test_the_machine_and_the_data_are_described(later, folder):
    doctor = later["doctor"].document
    assert doctor["versions"]["torch"]
    assert doctor["runs"]["writable"] is True
    assert doctor["data"]["path"] == str(folder / "no-data")
    files = later["data"].document
    assert {"cifar10", "nasbench201.parquet"} <= {file["name"] for file in files}
    assert {file["state"] for file in files} == {"missing"}


def test_a_store_equals_itself(later):
    assert later["compare"].document == {"compared": 1, "differences": []}


def test_a_report_of_one_experiment_goes_where_it_is_asked(later, folder):
    assert later["report"].status == 0
    assert (folder / "other" / "index.html").is_file()


def test_a_method_is_cited(later):
    assert later["cite"].out.startswith("@inproceedings{liu2019darts,")


def test_every_command_ends_well_and_says_nothing_on_the_side(later):
    ended = {name: (answer.status, answer.err) for name, answer in later.items()}
    assert ended == {name: (1 if name == "strict" else 0, "") for name in later}


def test_spaces_are_described_as_published(dnas_each, folder):
    names = ("nasbench201", "nasbench1shot1-1", "nasbench1shot1-2", "nasbench1shot1-3")
    documents = [answer.document for answer in dnas_each([(["info", name, "--json"], folder, {}) for name in names])]
    assert [d["space"] for d in documents] == list(names)
    assert [d["weights"] for d in documents] == [1_686_106, 1_101_402, 1_101_402, 1_509_594]
    assert [d["alphas"] for d in documents] == [30, 24, 26, 35]
    assert [d["feature_maps"] for d in documents] == [[32, 16, 8], *[[32, 17, 9]] * 3]
    assert [d["reachable_cells"] for d in documents] == [15_625, 2_685, 7_773, 55_854]
    assert json.dumps(documents[1]["sites"][0]["choices"]) == '["maxpool3x3", "conv3x3", "conv1x1"]'
