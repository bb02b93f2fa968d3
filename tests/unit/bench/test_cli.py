import json
import math
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from bench import cli
from bench.cli import exporting, options, planning, reports
from results.errors import InputError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("9m", 540), ("1.5h", 5400), ("0s", 0), ("", math.inf)])
def test_a_budget_is_read_as_written(text, seconds):
    assert options.seconds(text) == seconds


@pytest.mark.parametrize("text", ["9", "m", "-1m", "9 m", "9d", "1e3s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="write 90s, 9m or 2h"):
        options.seconds(text)


def test_seeds_of_an_empty_variable_are_not_all_seeds(tmp_path):
    with pytest.raises(InputError, match="'' is not a list of seeds"):
        planning.plan("quick", seeds="", device="cpu", runs=tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min"), (math.nan, "?")],
)
def test_a_duration_is_written_as_a_person_would(value, text):
    assert options.duration(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1 MiB"), (47.4 * 2**20, "47 MiB"), (2**30, "1.0 GiB"), (9.26 * 2**30, "9.3 GiB"), (math.nan, "?")],
)
def test_a_size_is_written_as_a_person_would(value, text):
    assert options.size(value) == text


@pytest.mark.parametrize(
    ("prices", "last"), [([math.nan, math.nan], None), ([60.0, math.nan], "total: 1 min 00 s and what")]
)
def test_a_plan_has_a_total_of_what_has_a_price(monkeypatch, capsys, tmp_path, prices, last):
    found = iter(prices)
    price = SimpleNamespace(memory=3e6, basis="none")
    monkeypatch.setattr("bench.runs.price.Prices.of", lambda *_: SimpleNamespace(seconds=next(found), **vars(price)))
    planning.plan("quick", space=["nasbench201"], method=["darts", "sdarts-rs"], device="cpu", runs=tmp_path)
    *_, row, end = capsys.readouterr().out.splitlines()
    assert "3 MiB" in (row if last else end)
    assert end.startswith(last) if last else "total" not in end


STOPPING = """
import signal, sys, time
from bench import cli
cli._ONE_REQUEST = float(sys.argv[1])
signal.signal(signal.SIGTERM, cli._Stop())
try:
    print("begun", flush=True)
    time.sleep(30)
except cli.Stopped as stopped:
    print("stopping", flush=True)
    time.sleep(0.2 if cli._ONE_REQUEST else 30)
    sys.exit(stopped.code)
"""


@pytest.mark.parametrize(("one_request", "said"), [(0, "dnas: stopped at once"), (60, "")])
def test_a_second_signal_ends_a_command_in_one_line(one_request, said):
    with subprocess.Popen(
        [sys.executable, "-c", STOPPING, str(one_request)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in ("begun", "stopping"):
            assert process.stdout.readline() == f"{line}\n"
            process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert err.startswith(said)
    assert err.count("\n") == bool(said)


def test_a_document_holds_nothing_that_json_does_not_know(capsys):
    options.emit({"a": math.nan, "b": [math.inf, (1.5, {"c": -math.inf})], "d": "NaN"})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, [1.5, {"c": None}]], "d": "NaN"}


def verdict(status, *, judged=True, single=False, paper="sdarts", experiment="paper"):
    claim = SimpleNamespace(id="a-claim", judged=judged, single=single, paper=paper, experiment=experiment)
    return SimpleNamespace(status=status, claim=claim, text=status, left_out=())


@pytest.mark.parametrize(
    ("verdicts", "plain", "strict"),
    [
        ([], 0, 0),
        ([verdict("reproduced"), verdict("better")], 0, 0),
        ([verdict("worse")], 1, 1),
        ([verdict("inconclusive")], 0, 1),
        ([verdict("not-run")], 0, 1),
        ([verdict("inconclusive", single=True)], 0, 0),  # no number of searches decides it
        ([verdict("worse", single=True)], 1, 1),
        ([verdict("not-comparable")], 0, 0),
        ([verdict("worse", judged=False)], 0, 0),
        ([verdict("worse", paper="dnas-bench")], 0, 0),  # our own figures are not a published claim
    ],
)
def test_a_claim_that_is_worse_decides_the_status(capsys, verdicts, plain, strict):
    assert reports.print_claims(verdicts, strict=False) == plain
    assert reports.print_claims(verdicts, strict=True) == strict


def test_claims_of_other_experiments_do_not_decide_the_status(capsys):
    worse = [verdict("worse", experiment="paper")]
    assert reports.print_claims(worse, strict=True, scope="quick") == 0
    assert reports.print_claims(worse, strict=True, scope="paper") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["info", "darts", "--jso"], "no such option: --jso; did you mean '--json'?"),
        (["report", "--workers", "2"], "no such option: --workers; see dnas report -h"),
        (["pln"], "no such command 'pln'. Did you mean 'plan'?"),
        (["info"], "missing argument 'space'; see dnas info -h"),
        (["run", "quick", "--seeds"], "option '--seeds' requires an argument"),
    ],
)
def test_words_that_cannot_be_read_are_answered_in_one_line(monkeypatch, capsys, words, line):
    monkeypatch.setattr(sys, "argv", ["dnas", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, *capsys.readouterr()) == (2, "", f"dnas: {line}\n")


@pytest.mark.parametrize("time", ["first", "again"])
def test_what_a_command_does_at_signals_ends_with_its_test(monkeypatch, time):
    before = [signal.getsignal(number) for number in cli.STOPPING]
    assert not any(isinstance(handler, cli._Stop) for handler in before)
    monkeypatch.setattr(sys, "argv", ["dnas", "pln"])
    with pytest.raises(SystemExit):
        cli.main()
    assert [signal.getsignal(number) for number in cli.STOPPING] != before


def test_a_group_of_commands_without_words_prints_its_help(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dnas", "data"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert "verify" in out + err
    assert "dnas:" not in err


def test_a_file_for_tables_that_is_no_text_is_refused_before_the_work(tmp_path):
    page = tmp_path / "README.md"
    page.write_bytes("café".encode("latin-1"))
    with pytest.raises(InputError, match=r"README\.md is not UTF-8 at byte 3; save it as UTF-8"):
        reports.report(runs=options.RUNS, reports=tmp_path / "reports", into=[page])


def invoke(*words):
    """Return how a command ends: what it prints, and what it raises."""
    return CliRunner().invoke(cli.commands(), [str(word) for word in words])


def test_tables_are_refreshed_in_a_file_and_the_page_is_opened(monkeypatch, capsys, tmp_path):
    out, page, opened = tmp_path / "out", tmp_path / "README.md", []
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "one.md").write_text("| 1 |\n")
    page.write_text("é\n<!-- dnas: one -->\n<!-- dnas: end -->\n", encoding="utf-8")
    built = SimpleNamespace(
        figures=(), tables=("one",), page=out / "index.html", unreadable=(), outdated=(), removed=("a",), verdicts=()
    )
    monkeypatch.setattr(reports, "build_reports", lambda *_, **__: built)
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address))  # as where there is no browser
    reports.report(runs=options.RUNS, reports=out, into=[page], open_page=True)
    assert page.read_text(encoding="utf-8") == "é\n<!-- dnas: one -->\n\n| 1 |\n\n<!-- dnas: end -->\n"
    assert opened == [(out / "index.html").as_uri()]
    assert capsys.readouterr().out.splitlines() == [
        f"0 figures, 1 tables: {out / 'index.html'}",
        "removed 1 files of an earlier report that this one does not have",
        f"tables refreshed in {page}",
        "no browser could be opened",
    ]


def test_reports_know_the_spaces_that_no_table_holds(tmp_path):
    untabled = reports.background(tmp_path).untabled
    assert "s2" in untabled or "darts-s2" in untabled
    assert not untabled & {"nasbench201", "nasbench1shot1-1", "nasbench1shot1-2", "nasbench1shot1-3"}


def test_a_store_without_records_is_not_exported(tmp_path):
    (tmp_path / "runs").mkdir()
    with pytest.raises(InputError, match=r"no records under .*; make some with 'dnas run', or correct --runs"):
        exporting.export(tmp_path / "out", runs=tmp_path / "runs")
    assert not (tmp_path / "out").exists()


def test_the_doctor_says_which_folders_cannot_be_used(monkeypatch, tmp_path):
    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    sound = invoke("doctor", "--runs", tmp_path).stdout.splitlines()
    assert f"records      {tmp_path}" in sound
    assert f"data         {tmp_path}; see 'dnas data status'" in sound
    monkeypatch.setenv("DNAS_DATA", str(tmp_path / "none"))
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    faulty = invoke("doctor", "--runs", tmp_path).stdout.splitlines()
    assert f"records      {tmp_path}  NOT WRITABLE: use --runs" in faulty
    assert f"data         {tmp_path / 'none'}  NO FOLDER: correct DNAS_DATA" in faulty


def test_names_are_completed():
    assert options._complete_space("nasbench1shot1-") == [f"nasbench1shot1-{number}" for number in (1, 2, 3)]
    assert options._complete_method("sdarts-") == ["sdarts-rs", "sdarts-adv"]
    assert options._complete_experiment("qui") == ["quick"]
