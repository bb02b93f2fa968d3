"""Searches that are killed at random instants, and end as if they had not been.

``DNAS_KILLS=50`` makes it the long form; the figures in docs/reproducibility.md are from that.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from results.store import Store

KILLS = int(os.environ.get("DNAS_KILLS", "2"))
CASES = [("nasbench201", "sdarts-adv"), ("nasbench1shot1-1", "dropnas")]
TINY = [
    "training.epochs=4",
    "images.limit=96",
    "training.batch=24",
    "supernet.channels=2",
    "measure.eigenvalue_every=2",
    "measure.landscape=3",
    "measure.landscape_images=8",
]


def command(runs, space, method):
    overrides = [part for override in TINY for part in ("-o", override)]
    chosen = ["--space", space, "--method", method, "--seeds", "0-1", "--workers", "1", "--runs", str(runs)]
    return [sys.executable, "-m", "bench", "run", "quick", *chosen, *overrides, "-o", 'retrain.recipe=""']


@pytest.mark.slow
@pytest.mark.parametrize(("space", "method"), CASES)
def test_killed_searches_end_as_uninterrupted_ones(tmp_path, space, method):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    subprocess.run(command(tmp_path / "whole", space, method), env=environment, check=True, capture_output=True)
    usual = time.monotonic() - began

    rng, killed = random.Random(space), 0
    while killed < -(-KILLS // len(CASES)):
        search = subprocess.Popen(
            command(tmp_path / "killed", space, method),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            search.wait(timeout=rng.uniform(0.4, 1.0) * usual)
        except subprocess.TimeoutExpired:
            search.send_signal(signal.SIGKILL)
            search.wait()
            killed += 1
        else:
            shutil.rmtree(tmp_path / "killed")  # it ended before its time came
    last = subprocess.run(
        command(tmp_path / "killed", space, method), env=environment, check=True, capture_output=True, text=True
    )

    assert "failed" not in last.stdout
    whole, resumed = Store(tmp_path / "whole"), Store(tmp_path / "killed")
    assert resumed.unreadable() == []
    expected, found = whole.records(), resumed.records()
    assert [r.run for r in found] == [r.run for r in expected]
    assert len(found) == 2
    for one, other in zip(expected, found, strict=True):
        assert other.same(one)
        paths = [store.side_path(one.run, "landscape") for store in (whole, resumed)]
        assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [p.name for p in resumed.root.rglob("*") if p.suffix in (".ckpt", ".part", ".lock")] == []
    print(json.dumps({"space": space, "method": method, "kills": killed, "records_equal": len(found)}))
