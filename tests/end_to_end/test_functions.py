"""What a notebook does: plan, run, load, score and check, through the public functions alone."""

import subprocess
import sys

import pandas as pd
import pytest

import bench
import results

pytestmark = pytest.mark.filterwarnings("error")


def test_a_program_plans_runs_loads_scores_and_checks(cut, tmp_path, monkeypatch, one_thread):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    experiment = bench.load_experiment("quick", [*cut, "seeds=0-1", "retrain.recipe="])
    only = {"spaces": ["nasbench201"], "methods": ["darts", "random"], "runs": tmp_path / "runs"}
    planned = bench.plan(experiment, **only)
    records = list(bench.run(experiment, **only, workers=1))
    table = results.load(tmp_path / "runs")
    scores = bench.score("nasbench201", [record.final_arch for record in records], runs=tmp_path / "runs")
    verdicts = bench.check(tmp_path / "runs")

    assert [str(group) for group in planned] == ["nasbench201/darts/0,1", "nasbench201/random/0,1"]
    assert [(r.run.method, r.run.seed) for r in records] == [("darts", 0), ("darts", 1), ("random", 0), ("random", 1)]
    assert table.groupby(["space", "method", "seed"])["epoch"].apply(list).tolist() == [[0, 1, 2]] * 4
    assert table["status"].unique().tolist() == ["complete"]
    assert list(scores.columns)[:4] == ["arch", "dataset", "split", "accuracy"]
    assert {verdict.status for verdict in verdicts} >= {"not-run"}
    assert bench.plan(experiment, **only) == []
    again = list(bench.run(experiment, **only))
    assert all(one.same(other) for one, other in zip(records, again, strict=True))


def test_scores_are_a_row_an_architecture_data_set_and_split(tmp_path, monkeypatch):
    from results.records.store import Store
    from results.scores.score import Score, merge_scores

    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    arch = "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
    merge_scores(Store(tmp_path).scores_path, [Score("nasbench201", arch, "cifar10", 90.0, 93.5, epochs=200)])
    found = bench.score("nasbench201", [arch, arch.replace("skip_connect", "none")], runs=tmp_path)
    rows = found[["arch", "dataset", "split", "accuracy", "epochs"]].values.tolist()
    assert [arch, "cifar10", "test", 93.5, 200] in rows
    with pytest.raises(ValueError, match="did you mean 'nasbench201'"):
        bench.score("nasbench20", [arch])


def test_a_folder_without_records_is_an_empty_table(tmp_path):
    found = results.load(tmp_path)
    assert isinstance(found, pd.DataFrame)
    assert len(found) == 0
    assert {"seed", "epoch", "arch", "alpha"} <= set(found.columns)


def test_the_packages_are_light_until_a_function_is_used(child_environment, tmp_path):
    text = "import sys, bench, results; print({'torch', 'pandas', 'pydantic', 'numpy'} & set(sys.modules), dir(bench))"
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=child_environment, capture_output=True, text=True
    )
    assert done.stdout.startswith("set()"), done.stderr
    assert "load_experiment" in done.stdout
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        bench.runn  # noqa: B018
