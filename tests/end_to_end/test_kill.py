"""Searches that are killed at random instants, and end as if they had not been.

``DNAS_KILLS=50`` makes it longer; the figures in docs/reproducibility.md are from that.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from results.records.store import Store

KILLS = int(os.environ.get("DNAS_KILLS", "2"))
#: Every method that searches, and every space; the first two where few are killed.
CASES = [
    ("nasbench201", "sdarts-adv"),
    ("nasbench1shot1-1", "dropnas"),
    ("nasbench1shot1-2", "darts-2nd"),
    ("nasbench1shot1-3", "sdarts-rs"),
    ("nasbench201", "darts"),
    ("nasbench1shot1-2", "darts-1level"),
][: None if KILLS > 2 else 1]
SEEDS, EPOCHS = 2, 4
TINY = [
    f"training.epochs={EPOCHS}",
    "images.limit=96",
    "training.batch=24",
    "supernet.channels=2",
    "measure.eigenvalue_every=2",
    "measure.landscape=3",
    "measure.landscape_images=8",
]
#: What no search of this size takes: the test ends however it fares.
PATIENCE = 300.0


def start(runs, space, method):
    """Start a search; return its process when it holds its runs, the time at which it began to."""
    overrides = [part for override in TINY for part in ("-o", override)]
    chosen = ["--space", space, "--method", method, "--seeds", f"0-{SEEDS - 1}", "--workers", "1", "--runs", str(runs)]
    search = subprocess.Popen(
        [sys.executable, "-m", "bench", "run", "quick", *chosen, *overrides, "-o", 'retrain.recipe=""'],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    given_up = time.monotonic() + PATIENCE
    while search.poll() is None and not list(runs.glob(".checkpoints/**/*.lock")):
        assert time.monotonic() < given_up, "the search does not begin"
        time.sleep(0.005)
    return search


def finish(search, patience=PATIENCE):
    """Wait for a search; return whether it ended by itself in that time."""
    try:
        out, _ = search.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        search.send_signal(signal.SIGKILL)
        search.communicate()
        return False
    assert search.returncode == 0, out
    assert "failed" not in out
    return True


def compare(whole, found):
    """Return how many records of a search that was killed are lost, doubled, and equal to those of one that was not."""
    expected, here = ({record.run: record for record in store.records()} for store in (whole, found))
    files = [p for p in found.root.rglob("*.parquet") if ".landscape" not in p.name and p.name != "scores.parquet"]
    same = 0
    for run in expected.keys() & here.keys():
        sides = [store.side_path(run, "landscape").read_bytes() for store in (whole, found)]
        same += here[run].same(expected[run]) and sides[0] == sides[1]
    return {"lost": len(expected.keys() - here.keys()), "doubled": len(files) - len(here), "equal": same}


@pytest.mark.slow
@pytest.mark.parametrize(("space", "method"), CASES)
def test_killed_searches_end_as_uninterrupted_ones(tmp_path, tally, space, method):
    whole, killed = Store(tmp_path / "whole"), Store(tmp_path / "killed")
    search = start(whole.root, space, method)
    began = time.monotonic()
    assert finish(search)
    usual = time.monotonic() - began
    assert len(whole.records()) == SEEDS

    rng, kills, wanted = random.Random(f"{space} {method}"), 0, -(-KILLS // len(CASES))
    while True:
        resumes = bool(list(killed.root.glob(".checkpoints/**/*.ckpt")))
        search = start(killed.root, space, method)
        tally(kind="SIGKILL", starts=1, resumes=int(resumes))
        left = 1 - max((int(p.name.split(".epoch-")[1][:4]) for p in killed.root.rglob("*.ckpt")), default=0) / EPOCHS
        if not finish(search, rng.uniform(0, usual * max(left, 1 / EPOCHS)) if kills < wanted else PATIENCE):
            kills += 1
            tally(kind="SIGKILL", kills=1)
            assert killed.unreadable() == []
            continue
        found = compare(whole, killed)
        tally(kind="SIGKILL", searches=1, records=SEEDS, **found)
        assert found == {"lost": 0, "doubled": 0, "equal": SEEDS}
        assert [p.name for p in killed.root.rglob("*") if p.suffix in (".ckpt", ".part", ".lock")] == []
        if kills == wanted:
            return
        shutil.rmtree(killed.root)  # it ended before its time came: the next one starts anew
