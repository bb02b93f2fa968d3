"""Searches on a Ray cluster of several nodes, some of which are killed on the way. Run by ``tox -e ray``."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
import torch

from bench.engines import inline
from bench.engines import ray as ray_engine
from bench.machine.setting import Setting
from bench.runs.plan import plan
from results.errors import InputError
from results.records.store import Store
from tests.signals import obey

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -c constraints.txt -e '.[ray]'")

CPU = torch.device("cpu")
EPOCHS = 12
SPACES, METHODS, SEEDS = ("nasbench201", "nasbench1shot1-1"), ("sdarts-adv", "dropnas"), (0, 1)
SEARCH = (f"training.epochs={EPOCHS}", "images.limit=96", "training.batch=16", "seeds=0-1")


@pytest.fixture
def cluster(monkeypatch):
    """A cluster whose head runs nothing and whose two nodes run one task each; a dead node is noticed in seconds."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": soon})
    try:
        made.add_node(num_cpus=1)
        made.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", made.address)
        yield made
    finally:
        made.shutdown()


def processes_below(pid):
    """Every process that a process has started, or one of those."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(c) for c in children] + [below for c in children for below in processes_below(c)]


def searched_by(node, root):
    """The (space, method) whose locks a node's processes hold at this moment, and the last epoch kept of it."""
    for pid in processes_below(node.all_processes["raylet"][0].process.pid):
        try:
            opened = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        for folder in {Path(name).parent for name in opened if name.endswith(".lock") and name.startswith(str(root))}:
            kept = [int(p.name.split("epoch-")[1][:4]) for p in folder.glob("seed-001.epoch-*.ckpt")]
            return folder.parts[-2:], max(kept, default=0)
    return None, 0


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="which node runs what is read from /proc")
def test_killed_nodes_lose_nothing(cluster, cut_down, one_thread, tally, tmp_path):
    """Two nodes are killed, each in the midst of a search with checkpoints; the records are those of one process."""
    arms = cut_down(*SEARCH).choose(SPACES, METHODS).arms
    whole, spread = Store(tmp_path / "whole"), Store(tmp_path / "spread")
    heard, killed = defaultdict(list), []

    def progress(task, epoch, latest):
        """Kill a node by what it runs now: what is heard may be half a second old."""
        assert [row["epoch"] for row in latest] == [epoch] * len(SEEDS)
        heard[task].append(epoch)
        for node in list(cluster.worker_nodes) if len(killed) < 2 else []:
            group, kept = searched_by(node, spread.root)
            if 2 <= kept <= EPOCHS // 2 and group not in [g for g, _ in killed]:
                cluster.remove_node(node, allow_graceful=False)
                killed.append((group, kept))
                cluster.add_node(num_cpus=1)
                return

    tasks = list(plan(arms, spread))
    outcomes = list(ray_engine.run(tasks, Setting(spread, CPU), progress, workers=0))
    retried = [outcome.group for outcome in outcomes if outcome.status == "retried"]
    assert len(killed) == 2
    assert sorted((t.arm.space_id, t.arm.id) for t in retried) == sorted(group for group, _ in killed)
    assert {outcome.status for outcome in outcomes} == {"done", "retried"}
    assert sorted(map(str, (o.group for o in outcomes if o.status == "done"))) == sorted(map(str, tasks))
    for task in tasks:  # every search continued from where it was: no epoch was begun again
        assert heard[task] == sorted(set(heard[task])), (task, killed)
        assert heard[task][-1] == EPOCHS

    list(inline.run(list(plan(arms, whole)), Setting(whole, CPU), nothing, workers=1))
    expected, found = whole.records(), spread.records()
    assert [r.run for r in found] == [r.run for r in expected]
    assert len(found) == len(SPACES) * len(METHODS) * len(SEEDS)
    equal = sum(mine.same(theirs) for mine, theirs in zip(expected, found, strict=True))
    assert equal == len(found)
    assert spread.unreadable() == list(plan(arms, spread)) == []
    assert [p for p in spread.root.rglob("*") if p.suffix in (".ckpt", ".part", ".lock")] == []
    tally(kind="ray", nodes_killed=len(killed), tasks_retried=len(retried), records=len(found), records_equal=equal)


def nothing(*_):
    pass


def test_a_stopped_run_keeps_the_step_that_it_took(child_environment, cut, tally, tmp_path):
    """Ctrl-C in the midst of a search on a cluster that the command has started itself."""
    overrides = [part for o in (*cut, "training.epochs=30", "retrain.recipe=''") for part in ("-o", o)]
    options = ["--space", "nasbench201", "--method", "darts", "--seeds", "0-1", "--device", "cpu", *overrides]

    def start(name, *engine):
        command = [sys.executable, "-m", "bench", "run", "quick", *options, "--runs", tmp_path / name, *engine]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=child_environment, start_new_session=True, preexec_fn=obey, **pipes)

    search = start("stopped", "--engine", "ray")
    while not list((tmp_path / "stopped").rglob("seed-001.epoch-000[2-9].ckpt")):
        assert search.poll() is None, search.communicate()
        time.sleep(0.005)
    os.killpg(search.pid, signal.SIGINT)
    _, err = search.communicate(timeout=120)
    assert (search.returncode, err) == (130, "dnas: stopped; the same command continues from the last checkpoint\n")
    assert Store(tmp_path / "stopped").records() == []
    assert list((tmp_path / "stopped").rglob("*.lock")) == []

    for name in ("stopped", "whole"):
        done = start(name, "--workers", "1")
        _, err = done.communicate(timeout=300)
        assert done.returncode == 0, err
    expected, found = Store(tmp_path / "whole").records(), Store(tmp_path / "stopped").records()
    assert [r.run.seed for r in found] == [0, 1]
    assert all(mine.same(theirs) for mine, theirs in zip(expected, found, strict=True))
    tally(kind="ray", runs_stopped=1, records=2, records_equal=2)


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(InputError, match=r"no Ray cluster at '127.0.0.1:1' \(.*\); start one, or unset RAY_ADDRESS"):
        ray_engine.device("auto")
