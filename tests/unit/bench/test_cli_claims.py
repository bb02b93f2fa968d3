"""``dnas check`` and ``dnas report`` on records of this protocol and of others."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli import reports  # noqa: F401 - it adds its commands
from bench.cli.application import app
from bench.experiments import reading
from bench.protocol import config_hash
from results.errors import InputError
from results.records.run import Run
from results.records.store import Store

COMMITTED = Path(__file__).parents[3] / "results" / "runs"


@pytest.fixture
def runs(tmp_path):
    """Return a store with committed records under the name of an experiment in whose scope claims lie."""
    store = Store(tmp_path / "runs")
    protocol = reading.load("paper").arm("nasbench201", "darts").protocol
    now = config_hash("nasbench201", "darts", protocol)
    for seed in range(4):
        record = Store(COMMITTED).read(replace(store_run(seed), experiment="reduced"))
        run = store_run(seed)
        hashed = now if seed < 3 else "0123456789abcdef"
        store.write(replace(record, run=run, manifest=record.manifest.changed(run=vars(run), config_hash=hashed)))
    shutil.copy(COMMITTED / "scores.parquet", store.root)
    return store.root


def store_run(seed):
    return Run("paper", "nasbench201", "darts", seed)


def check(*arguments):
    return CliRunner().invoke(app, ["check", *map(str, arguments)]).output


def test_an_old_record_decides_nothing_and_is_named(runs):
    text = check("--runs", runs)
    assert "left out: paper/nasbench201/darts/3: protocol 0123456789abcdef, but the experiment is" in text
    assert "'dnas run paper --space nasbench201 --method darts --replace' makes it anew" in text
    text = check("--runs", runs, "--json")
    spoken = [verdict for verdict in json.loads(text) if verdict["n"]]
    assert {verdict["n"] for verdict in spoken} == {3}
    assert all(len(verdict["left_out"]) == 1 for verdict in spoken)
    assert all(verdict["p"] <= verdict["p_adjusted"] <= 1 for verdict in spoken if verdict["family"])


def test_a_search_that_diverged_or_failed_is_named_and_only_the_first_counts(runs):
    store = Store(runs)
    for seed, status in ((1, "diverged"), (2, "failed")):
        record = store.read(store_run(seed))
        store.write(replace(record, manifest=record.manifest.changed(status=status)), replace=True)
    text = check("--runs", runs, "--json")
    verdict, *_ = [v for v in json.loads(text) if v["n"] and v["unit"] == "percent" and v["kind"] == "number"]
    assert (verdict["n"], verdict["measured_n"], verdict["unscored"]) == (2, 1, 0)
    assert (verdict["diverged"], verdict["failed"]) == (["paper/nasbench201/darts/1"], ["paper/nasbench201/darts/2"])
    assert "1 seed diverged, 1 seed failed" in verdict["text"]


def test_a_claim_alone_has_the_verdict_that_it_has_among_all(runs):
    text = check("--runs", runs, "--json")
    among = next(verdict for verdict in json.loads(text) if verdict["family"] > 1)
    name = among["id"]
    text = check(name, "--runs", runs, "--json")
    assert json.loads(text) == [among]
    text = check(name, "--runs", runs)
    assert text.splitlines()[0].startswith(f"{among['status'].upper():14} {name}: measured")


def test_a_claim_that_was_not_judged_is_printed_where_it_is_asked_for(tmp_path):
    text = check("own-drop-rates-flat-201", "--runs", tmp_path)
    assert text.startswith("NOT-RUN        own-drop-rates-flat-201: no experiment varies the drop rate")


def test_an_unknown_claim_names_the_nearest(tmp_path):
    result = CliRunner().invoke(app, ["check", "dropnas-grid-fla", "--runs", str(tmp_path)])
    assert isinstance(result.exception, InputError)
    assert "did you mean 'dropnas-grid-flat'?" in str(result.exception)


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_what_was_not_run_fails_only_where_that_is_asked_for(tmp_path, more):
    words = ["check", "nb201-darts-all-skip@paper", "--runs", str(tmp_path), *more]
    assert [CliRunner().invoke(app, [*words, *strict]).exit_code for strict in ([], ["--strict"])] == [0, 1]
