"""``dnas score``: many architectures, in the notations of others, with parameters and FLOPs."""

import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench import architectures
from bench.cli import inspect  # noqa: F401 - it adds its commands
from bench.cli.application import app
from results.errors import InputError
from results.published import cells
from results.scores.oracle import TableOracle
from results.scores.score import Score, merge_scores

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CONV = SKIP.replace("skip_connect", "nor_conv_3x3")
ELSE = SKIP.replace("skip_connect~2", "avg_pool_3x3~2")  # in no table


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("DNAS_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    columns = {
        "index": [7, 3, 7, 3],
        "arch": [SKIP, CONV] * 2,
        "dataset": ["cifar10"] * 2 + ["cifar100"] * 2,
        "valid_accuracy": [40.0, 90.0, 15.0, 70.0],
        "test_accuracy": [54.0, 93.0, 15.5, 71.0],
        "parameters": [73_306, 802_426, 79_156, None],
        "mflops": [7.78, 113.95, 7.79, None],
    }
    pq.write_table(pa.table(columns), tmp_path / "data" / "nasbench201.parquet")
    return tmp_path


def run(*arguments, given=None):
    result = CliRunner().invoke(app, ["score", *arguments], input=given)
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def keys(text):
    return [line for line in text.splitlines() if line.startswith("|")]


def test_one_prints_the_network_where_the_table_has_it(folder):
    text = run("nasbench201", CONV)
    assert "network 802,426 parameters, 113.95 million FLOPs" in text
    assert text.count("network") == 1  # on cifar100 the table does not say
    document = json.loads(run("nasbench201", CONV, "--json"))
    assert (document["scores"]["cifar10"]["parameters"], document["scores"]["cifar10"]["mflops"]) == (802_426, 113.95)
    assert "parameters" not in document["scores"]["cifar100"]
    assert (document["space"], document["arch"], document["test"]) == (
        "nasbench201",
        CONV,
        {"cifar10": 93.0, "cifar100": 71.0},
    )


def test_several_on_the_command_line(folder):
    assert keys(run("nasbench201", CONV, f"Structure(4 nodes with {SKIP})", ELSE)) == [CONV, SKIP, ELSE]
    assert run("nasbench201", CONV, ELSE).endswith(f"{ELSE}\n  not scored by what is here\n")


def test_those_of_a_file_and_of_standard_input(folder):
    (folder / "cells.txt").write_bytes(f"\ufeff# found\r\n{CONV}\r\n\r\n'{SKIP}'\r\n".encode())
    assert keys(run("nasbench201", "--from", "cells.txt")) == [CONV, SKIP]
    assert keys(run("nasbench201", "-", given=f"{SKIP}\n\n{CONV}\n")) == [SKIP, CONV]
    assert keys(run("nasbench201", "--from", "-", given=f"{SKIP}\n")) == [SKIP]
    document = json.loads(run("nasbench201", "--from", "cells.txt", "--json"))
    assert [each["arch"] for each in document["architectures"]] == [CONV, SKIP]
    assert document["architectures"][1]["scores"]["cifar10"]["parameters"] == 73_306


def test_the_column_arch_of_a_table(folder):
    (folder / "own.csv").write_text(f"epoch; Arch; note\n0; {CONV}; a\n1; {SKIP}; b\n")
    assert keys(run("nasbench201", "--from", "own.csv")) == [CONV, SKIP]


def test_a_comment_on_architectures_is_no_heading_of_a_table(folder):
    (folder / "cells.txt").write_text(f"# the best architectures\n{CONV}\n")
    assert keys(run("nasbench201", "--from", "cells.txt")) == [CONV]


def test_an_index_of_the_benchmarks_own_list(folder):
    assert keys(run("nasbench201", "3", "7", "--notation", "index")) == [CONV, SKIP]
    for given in ("5", "-3", "x", "٣", "9" * 20):
        with pytest.raises(InputError, match="not an index; write a number from 3 to 7"):
            run("nasbench201", "--notation", "index", "--", given)
    (folder / "data" / "nasbench201.parquet").unlink()
    with pytest.raises(InputError, match="no table here lists the cells of nasbench201 by index"):
        run("nasbench201", "3", "--notation", "index")
    with pytest.raises(InputError, match="no table here lists the cells of nasbench1shot1-1 by index"):
        run("nasbench1shot1-1", "3", "--notation", "index")


def test_ambiguous_ones_need_their_notation(folder):
    with pytest.raises(InputError, match="add --notation operations or --notation naslib"):
        run("nasbench201", "(3, 3, 3, 3, 3, 3)")
    assert keys(run("nasbench201", "(3, 3, 3, 3, 3, 3)", "--notation", "operations")) == [CONV]
    assert keys(run("nasbench201", "(2, 2, 2, 2, 2, 2)", "--notation", "naslib")) == [CONV]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"{CONV}\n\n|skip~0|\n", "cells.txt, line 3: '|skip~0|' is not a NAS-Bench-201 cell"),
        ("", "nothing to score; name an architecture"),
        ("# nothing\n", "nothing to score"),
        (ELSE, f"nothing here scores {ELSE}"),
        (f"{ELSE}\n{ELSE}", "nothing here scores any of the 2 architectures"),
        ("\xfd\xff", "cells.txt is not text: byte 0xfd at position 0 is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_scored_is_named_with_its_line(folder, content, says):
    (folder / "cells.txt").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError) as refused:
        run("nasbench201", "--from", "cells.txt")
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_named(folder):
    with pytest.raises(InputError, match=r"nothing\.txt cannot be read: No such file"):
        run("nasbench201", "--from", "nothing.txt")
    with pytest.raises(InputError, match="nothing to score; name an architecture, or a file with --from"):
        run("nasbench201")


def test_thousands_are_looked_up_in_one_step(folder, monkeypatch):
    calls = []
    for name in ("find", "score", "scores", "networks"):
        monkeypatch.setattr(TableOracle, name, _counting(getattr(TableOracle, name), calls))
    given = f"{CONV}\n{SKIP}\n" * 1_000
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    found = architectures.parse("nasbench201", [*architectures.listed("-")], "", folder / "data")
    known = architectures.look_up("nasbench201", found, folder / "runs", folder / "data")
    assert len(known) == 2_000
    assert {each.scores["cifar10"].test for each in known} == {54.0, 93.0}
    assert 0 < len(calls) < 50


def _counting(function, calls):
    def count(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return count


def test_a_cell_that_was_trained_from_scratch_prints_both_epochs_and_its_size(folder):
    cell = cells()["sdarts-rs-s2-c10"]
    score = Score(
        cell.space, cell.arch, "cifar10", None, 96.0, (), (96.0,), "retrained", "retrain-own", 8, 96.5, 64_000
    )
    merge_scores(Path("results/runs/own/retrained.parquet"), [score])
    text = run(cell.space, cell.arch)
    assert "cifar10 (retrain-own, 8 epochs, retrained)" in text
    assert " 96.00 %" in text
    assert "best epoch  96.50 % (the epoch that tests best)" in text
    assert "network 64,000 parameters" in text
    assert json.loads(run(cell.space, cell.arch, "--json"))["scores"]["cifar10"]["best_test"] == 96.5
