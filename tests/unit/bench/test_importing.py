"""Another code's search: what can be imported, as what, and that it decides nothing unless that is asked for."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench.cli import commands
from bench.methods import method
from bench.runs import foreign
from bench.runs.merging import merge
from results.errors import InputError
from results.records.record import IMPORTED
from results.records.record_file import METADATA_KEY
from results.records.run import Run
from results.records.store import Store
from results.scores.score import Score, merge_scores

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CONV = SKIP.replace("skip_connect", "nor_conv_3x3")
RUN = Run("others", "nasbench201", "their-method", 3)
CLAIM = "nasbench201/darts/cifar10/test"


@pytest.fixture
def here(tmp_path):
    return Store(tmp_path / "results" / "runs")


@pytest.fixture
def csv(tmp_path):
    def write(*lines):
        path = tmp_path / "own.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_a_search_becomes_a_record_that_says_where_it_comes_from(csv, here):
    foreign.from_csv(csv("epoch,arch", f"0,{SKIP}", f"1,{CONV}"), RUN, here)
    record = here.read(RUN)
    assert record.points["arch"].tolist() == [SKIP, CONV]
    assert record.points["epoch"].tolist() == [0, 1]
    assert record.points["train_loss"].isna().all()
    assert (record.manifest.method.label, record.complete, record.imported) == ("their-method", True, True)
    assert record.manifest.cells.keys() == {SKIP, CONV}
    assert record.manifest.imported.as_dict() == {"source": "own.csv", "kind": "search", "epochs": 1}
    assert (record.completed, record.final_alone) == (1, False)


def test_a_known_method_keeps_its_look(csv, here):
    run = Run("others", "nasbench1shot1-1", "darts", 0)
    foreign.from_csv(csv("epoch,arch", "1,111:conv3x3-bn-relu"), run, here)
    assert here.read(run).manifest.method.colour == method.find("darts").colour


def test_known_columns_are_taken_and_the_others_named(csv, here):
    lines = ("Epoch; arch; valid_accuracy; lr; alpha; eigenvalue; mix_none", f"0; {SKIP}; ; 0.1; [1]; 0,25; 0.2")
    found = foreign.from_csv(csv(*lines, f"1; {CONV}; 51.5; 0.1; [1]; ; 0.3"), RUN, here)
    assert found.taken == ("epoch", "arch", "valid_accuracy", "eigenvalue", "mix_none")
    assert found.dropped == ("lr", "alpha")
    assert "row 0 is epoch 0, the initialisation" in str(found)
    assert "dropped lr, alpha" in str(found)
    points = here.read(RUN).points
    np.testing.assert_array_equal(points["valid_accuracy"], [np.nan, 51.5])
    np.testing.assert_array_equal(points["eigenvalue"], [0.25, np.nan])
    np.testing.assert_array_equal(points["mix_none"], [0.2, 0.3])


@pytest.mark.parametrize(
    ("column", "first", "epochs"),
    [
        ((0, 1, 2), None, [0, 1, 2]),
        ((1, 2, 3), None, [1, 2, 3]),  # after each epoch, counted from 1: the initialisation is not there
        ((0, 1, 2), 1, [1, 2, 3]),  # after each epoch, counted from 0
        ((7, 8), 3, [3, 4]),
    ],
)
def test_row_0_is_the_epoch_that_is_said(csv, here, column, first, epochs):
    found = foreign.from_csv(csv("epoch,arch", *(f"{e},{SKIP}" for e in column)), RUN, here, first=first)
    assert here.read(RUN).points["epoch"].tolist() == epochs
    assert (found.first, found.last) == (epochs[0], epochs[-1])
    where = "the initialisation" if epochs[0] == 0 else f"after {epochs[0]} completed epochs"
    assert f"row 0 is epoch {epochs[0]}, {where}" in str(found)


def test_architectures_may_be_in_any_notation(csv, here):
    rows = ('1,"(3, 3, 3, 3, 3, 3)"', '2,"[0 1 2 3 4 0]"')
    with pytest.raises(InputError, match=r"own\.csv, line 2: .* add --notation operations or --notation naslib"):
        foreign.from_csv(csv("epoch,arch", *rows), RUN, here)
    foreign.from_csv(csv("epoch,arch", *rows), RUN, here, notation="operations")
    assert here.read(RUN).points["arch"].tolist()[0] == CONV


def test_a_final_architecture_is_imported_as_what_it_is(here):
    found = foreign.final(f"Structure(4 nodes with {CONV})", RUN, here, epochs=50, source="a paper, table 5")
    record = here.read(RUN)
    assert (record.final_alone, record.completed, record.final_arch, len(record.points)) == (True, 50, CONV, 1)
    assert record.manifest.imported.as_dict() == {"source": "a paper, table 5", "kind": "final", "epochs": 50}
    assert str(found) == f"{RUN}: only a final architecture, epochs 50"
    other = Run("others", "nasbench201", "x", 0)
    assert "epochs unknown" in str(foreign.final(SKIP, other, here, source="a list"))
    assert here.read(other).completed is None


REFUSED = {
    "no heading": (["arch", SKIP], {}, "needs a header with the columns epoch and arch"),
    "no row": (["epoch,arch"], {}, "has a header but no rows"),
    "the initialisation alone": (["epoch,arch", f"0,{SKIP}"], {}, "a search has at least one completed epoch"),
    "the initialisation alone, as is said": (["epoch,arch", f"5,{SKIP}"], {"first": 0}, "at least one completed epoch"),
    "a late beginning": (["epoch,arch", f"5,{SKIP}"], {}, "begins at epoch 5; say with --first-epoch"),
    "a beginning that no search has": (["epoch,arch", f"0,{SKIP}"], {"first": 10**20}, "correct --first-epoch"),
    "a gap": (["epoch,arch", f"0,{SKIP}", f"2,{SKIP}"], {}, "line 3: epoch 2 should be 1"),
    "an epoch twice": (["epoch,arch", f"0,{SKIP}", f"0,{SKIP}"], {}, "line 3: epoch 0 should be 1"),
    "an epoch that is none": (["epoch,arch", f"-1,{SKIP}"], {}, "line 2: '-1' is not an epoch"),
    "an endless epoch": (["epoch,arch", f"{'9' * 30},{SKIP}"], {}, "is not an epoch"),
    "no architecture": (["epoch,arch", f"0,{SKIP}", "1,|none|"], {}, "line 3: '|none|' is not a NAS-Bench-201 cell"),
    "a short row": (["epoch,arch", "0"], {}, "line 2 has 1 fields but the header has 2"),
    "a word for a number": (["epoch,arch,seconds", f"1,{SKIP},long"], {}, "'long' in the column 'seconds'"),
    "fractions": (
        ["epoch,arch,valid_accuracy", f"1,{SKIP},0.51"],
        {},
        "'valid_accuracy' holds fractions, such as 0.51",
    ),
    "above 100": (["epoch,arch,train_accuracy", f"1,{SKIP},101"], {}, "holds 101, which is not a percentage"),
    "infinite": (["epoch,arch,train_accuracy", f"1,{SKIP},inf"], {}, "holds inf, which is not a percentage"),
}


@pytest.mark.parametrize(("lines", "options", "says"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_is_no_search_is_refused(csv, here, lines, options, says):
    with pytest.raises(InputError) as refused:
        foreign.from_csv(csv(*lines), RUN, here, **options)
    assert says in str(refused.value)
    assert not here.root.exists()


def test_a_final_architecture_of_no_search_is_refused(here):
    for epochs in (0, -1, 10**9):
        with pytest.raises(InputError, match=f"1 to 100,000 epochs, not {epochs:,}; correct --epochs"):
            foreign.final(CONV, RUN, here, epochs=epochs, source="a paper")
    with pytest.raises(InputError, match="unknown space 'nasbench301'"):
        foreign.final(CONV, Run("others", "nasbench301", "x", 0), here, source="a paper")
    assert not here.root.exists()


def test_importing_overwrites_no_other_record(csv, here):
    path = csv("epoch,arch", f"1,{SKIP}")
    foreign.from_csv(path, RUN, here)
    foreign.from_csv(path, RUN, here)  # the same again is not a conflict
    with pytest.raises(InputError, match="is an imported record; --replace replaces it"):
        foreign.from_csv(csv("epoch,arch", f"1,{CONV}"), RUN, here)
    with pytest.raises(InputError, match="is an imported record; --replace replaces it"):
        foreign.final(SKIP, RUN, here, source="a paper")
    assert here.read(RUN).final_arch == SKIP


def only_the_initialisation(csv, here):
    """File what earlier versions let in: one row, of the initialisation."""
    foreign.from_csv(csv("epoch,arch", f"1,{SKIP}"), RUN, here)
    path = here.path(RUN)
    table = pq.read_table(path)
    manifest = json.loads(table.schema.metadata[METADATA_KEY])
    del manifest["imported"]
    table = table.set_column(0, "epoch", [[0]]).replace_schema_metadata({METADATA_KEY: json.dumps(manifest)})
    pq.write_table(table, path)
    return path


def test_a_record_without_a_completed_epoch_cannot_be_read_or_merged(csv, here, tmp_path):
    path = only_the_initialisation(csv, here)
    with pytest.raises(InputError, match="holds no completed epoch, so it is not a search"):
        here.read(RUN)
    assert here.records() == []
    ((bad, _),) = here.unreadable()
    assert bad == path
    (filed,) = merge(here.root, Store(tmp_path / "elsewhere"))
    assert filed.status == "unreadable"
    assert "no completed epoch" in filed.detail


def dnas(*arguments):
    result = CliRunner().invoke(commands(), [*map(str, arguments)])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result.stdout


@pytest.fixture
def evidence(csv, here, tmp_path, monkeypatch):
    """Seven imported seeds that end in the published cell, as a search of two epochs or as final architectures."""
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("DNAS_DATA", str(tmp_path / "nothing"))
    scores = [Score("nasbench201", SKIP, set_, 40.0, 54.3, release="r", epochs=200) for set_ in ("cifar10", "cifar100")]
    merge_scores(here.scores_path, scores)

    def make(kind):
        for seed in range(7):
            run = Run("paper-nb201-adl", "nasbench201", "darts", seed)
            if kind == "search":
                foreign.from_csv(csv("epoch,arch", f"1,{SKIP}", f"2,{SKIP}"), run, here)
            else:
                foreign.final(SKIP, run, here, epochs=None, source="a paper")
        return here.root

    return make


def decided(runs, *options):
    found = json.loads(dnas("check", "--runs", runs, "--json", *options))
    return {v["id"]: v for v in found if (v["experiment"], v["method"]) == ("paper-nb201-adl", "darts")}


@pytest.mark.parametrize("kind", ["search", "final"])
def test_what_was_imported_decides_nothing_unless_that_is_asked_for(evidence, kind):
    runs = evidence(kind)
    plain, asked = decided(runs), decided(runs, "--imported")
    assert plain
    assert {v["status"] for v in plain.values()} <= {"not-run", "not-comparable"}
    assert "reproduced" in {v["status"] for v in asked.values()}
    for name, verdict in plain.items():
        if verdict["status"] != "not-run":
            continue
        assert len(verdict["left_out"]) == 7
        assert verdict["imported"] == []
        assert "7 imported left out, as --imported was not given" in verdict["text"]
        rested = asked[name]
        if not rested["n"]:
            continue
        assert len(rested["imported"]) == 7
        assert "7 imported from another code" in rested["text"]
        epochs = 2 if kind == "search" else None
        assert {(each["epochs"], each["planned"]) for each in rested["lengths"]} == {(epochs, 50)}
        words = "7 of 2 epochs" if kind == "search" else "7 of an unknown number of epochs"
        assert f"{words} where the protocol has 50" in rested["text"]


def test_the_commands_say_what_they_import_and_what_is_imported(csv, here, tmp_path):
    path, name = csv("epoch,arch,note", f"0,{SKIP},a", f"1,{CONV},b"), str(RUN)
    text = dnas("import", path, "--as", name, "--runs", here.root)
    assert f"imported {name}: 1 epochs; row 0 is epoch 0, the initialisation; took epoch, arch; dropped note" in text
    assert "decides claims with 'dnas check --imported' alone" in text
    dnas("merge", "--from-csv", path, "--as", name, "--runs", here.root)  # the same file, filed already
    final = Run("others", "nasbench201", "theirs", 0)
    dnas("import", "--final", CONV, "--as", final, "--source", "a paper", "--runs", here.root)
    assert "imported from a paper" in dnas("show", final, "--runs", here.root)
    listed = {each["run"]: each for each in json.loads(dnas("list", "--json", "--runs", here.root))}
    assert {each["config_hash"] for each in listed.values()} == {IMPORTED}
    assert [each["imported"] for each in listed.values()] == [True, True]
    assert "complete (imported)" in dnas("list", "--runs", here.root)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["import", "--as", str(RUN)], "give a table with one row per epoch, or --final"),
        (["import", "own.csv", "--final", CONV, "--as", str(RUN)], "give a table with one row per epoch, or --final"),
        (["import", "--final", CONV, "--as", str(RUN)], "--final needs --source"),
        (["import", "own.csv", "--as", str(RUN), "--epochs", "9"], "--epochs and --source are for --final alone"),
        (["import", "own.csv", "--as", str(RUN), "--source", "a"], "--epochs and --source are for --final alone"),
        (["import", "--final", CONV, "--as", str(RUN), "--source", "a", "--first-epoch", "7"], "is for a table alone"),
        (["merge", ".", "--as", str(RUN)], "--as is for --from-csv alone"),
        (["import", "own.csv"], "--as: '' is not a run"),
        (["import", "nothing.csv", "--as", str(RUN)], "nothing.csv cannot be read"),
    ],
)
def test_a_command_that_lacks_something_says_what(here, monkeypatch, tmp_path, arguments, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=says):
        dnas(*arguments, "--runs", here.root)


def test_a_report_marks_what_was_imported(evidence, tmp_path):
    runs = evidence("search")
    dnas("report", "--runs", runs, "--reports", tmp_path / "plain")
    page = (tmp_path / "plain" / "index.html").read_text()
    assert "counts with --imported alone" in page
    assert "(imported)" not in page
    dnas("report", "--runs", runs, "--reports", tmp_path / "asked", "--imported")
    page = (tmp_path / "asked" / "index.html").read_text()
    assert "(imported)" in page
    assert "imported from own.csv" in page
    assert "7 imported from another code; 7 of 2 epochs where the protocol has 50" in page
