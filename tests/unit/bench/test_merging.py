import json
import shutil
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from bench.machine.setting import Setting
from bench.protocol import config_hash
from bench.runs import checkpoint
from bench.runs.execution import run_group
from bench.runs.merging import merge
from bench.runs.plan import plan
from bench.search import Position
from results.errors import InputError
from results.records.manifest import Manifest
from results.records.record import Record
from results.records.record_file import METADATA_KEY
from results.records.run import Run
from results.records.store import Store
from results.scores.score import Score, merge_scores, read_scores

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
CONV = SKIP.replace("skip_connect", "nor_conv_3x3")
LANDSCAPE = pd.DataFrame({"kind": ["plane"], "x": [0.0], "y": [0.0], "valid_accuracy": [50.0]})


@pytest.fixture
def experiment(cut_down):
    return cut_down("seeds=0-1")


@pytest.fixture
def elsewhere(experiment, noise_images, tmp_path):
    """A store of another machine: two records, a landscape, and the checkpoints of a search on its way."""
    store = Store(tmp_path / "elsewhere")
    (task,) = plan(experiment.choose(("nasbench201",), ("random",)).arms, store)
    run_group(task, noise_images, Setting(store, torch.device("cpu")), lambda *_: None)
    store.write_side(run_of(experiment, 0), "landscape", LANDSCAPE, task_hash(experiment, "random"))
    meta = {"config_hash": task_hash(experiment, "darts")}
    for seed in (0, 1):
        run = run_of(experiment, seed, "darts")
        checkpoint.save(
            store.root, checkpoint.Checkpoint(run, Position(1), meta | {"group": [0, 1]}, [], {"w": torch.ones(2)})
        )
    return store


@pytest.fixture
def here(tmp_path):
    return Store(tmp_path / "here")


def task_hash(experiment, method_id):
    return config_hash("nasbench201", method_id, experiment.arm("nasbench201", method_id).protocol)


def run_of(experiment, seed, method_id="random"):
    return Run(experiment.name, "nasbench201", method_id, seed)


def statuses(store, folder):
    return sorted(filed.status for filed in merge(folder, store))


def test_everything_is_filed_where_it_belongs(experiment, elsewhere, here):
    assert statuses(here, elsewhere.root) == ["filed"] * 5
    assert [one.same(other) for one, other in zip(here.records(), elsewhere.records(), strict=True)] == [True, True]
    assert pd.read_parquet(here.side_path(run_of(experiment, 0), "landscape")).equals(LANDSCAPE)
    (task,) = plan(experiment.choose(("nasbench201",), ("random", "darts")).arms, here)
    assert (task.arm.id, task.seeds, task.at) == ("darts", (0, 1), (1, 0))


def test_names_and_folders_do_not_matter(elsewhere, here, tmp_path):
    heap = tmp_path / "heap"
    heap.mkdir()
    for number, path in enumerate(p for p in sorted(elsewhere.root.rglob("*")) if p.is_file()):
        kind = ".landscape.parquet" if "landscape" in path.name else path.suffix
        shutil.copy(path, heap / f"{number}{kind}")
    assert statuses(here, heap) == ["filed"] * 5
    assert [r.run for r in here.records()] == [r.run for r in elsewhere.records()]


def test_a_damaged_landscape_replaces_no_sound_one(experiment, here, tmp_path):
    run, there = run_of(experiment, 0), Store(tmp_path / "there")
    large = pd.concat([LANDSCAPE.assign(x=i / 500) for i in range(500)])
    for store in (there, here):
        store.write_side(run, "landscape", large, "of-one")
    path = there.side_path(run, "landscape")
    content = bytearray(path.read_bytes())
    content[300:400] = bytes(100)  # of a page: its footer says whose it is
    path.write_bytes(content)
    (filed,) = merge(there.root, here, replace=True)
    assert (filed.status, "damaged" in filed.detail) == ("unreadable", True)
    assert not here.is_side_damaged(run, "landscape")


def test_again_everything_is_there(elsewhere, here):
    statuses(here, elsewhere.root)
    assert statuses(here, elsewhere.root) == ["already there"] * 5


def test_a_different_record_is_not_overwritten(experiment, elsewhere, here):
    mine = elsewhere.read(run_of(experiment, 0))
    other = Record(mine.run, mine.points.assign(train_loss=1.0), mine.manifest)
    here.write(other)
    found = {filed.path.name: filed.status for filed in merge(elsewhere.root / experiment.name, here)}
    assert found["seed-000.parquet"] == "differs"
    assert found["seed-001.parquet"] == "filed"
    assert here.read(mine.run).same(other)


def test_a_record_replaces_one_that_failed(experiment, elsewhere, here):
    mine = elsewhere.read(run_of(experiment, 0))
    here.write(Record(mine.run, mine.points, mine.manifest.changed(status="failed")))
    assert "differs" not in statuses(here, elsewhere.root)
    assert here.read(mine.run).complete


@pytest.mark.parametrize("status", ["failed", "complete"])
def test_a_record_of_one_seed_sends_no_group_back(cut_down, search, here, tmp_path, status):
    experiment, elsewhere = cut_down("seeds=0-1"), search("elsewhere")
    record = elsewhere.read(run_of(experiment, 0, "darts"))
    sent = Record(record.run, record.points.assign(train_loss=7.0), record.manifest.changed(status=status))
    Store(tmp_path / "one").write(sent)
    meta = {"config_hash": record.config_hash, "group": [0, 1]}
    for seed in (0, 1):
        found = checkpoint.Checkpoint(run_of(experiment, seed, "darts"), Position(1), meta, [], {"w": torch.ones(1)})
        checkpoint.save(here.root, found)
    assert statuses(here, tmp_path / "one") == ["filed"]
    (task,) = plan(experiment.choose(("nasbench201",), ("darts",)).arms, here)
    assert (task.seeds, task.at) == ((0, 1), (1, 0))


def test_a_merged_record_is_not_overwritten_by_the_group_that_goes_on(cut_down, search, tmp_path):
    experiment, elsewhere = cut_down("seeds=0-1"), search("elsewhere")
    record = elsewhere.read(run_of(experiment, 0, "darts"))
    sent = Record(record.run, record.points.assign(train_loss=7.0), record.manifest)

    def cut_off(task, completed, rows):
        if completed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search("cut", progress=cut_off)
    Store(tmp_path / "one").write(sent)
    cut = Store(tmp_path / "cut")
    assert statuses(cut, tmp_path / "one") == ["filed"]
    search("cut")
    assert cut.read(record.run).same(sent)
    other = run_of(experiment, 1, "darts")
    assert cut.read(other).same(elsewhere.read(other))


def score(arch, test, experiment="quick"):
    release = f"retrain-{experiment}"
    return Score("nasbench201", arch, "digits", None, test, (), (test,), "retrained", release, 3)


def test_scores_of_retrained_cells_are_filed_and_none_is_overwritten(here, tmp_path):
    merge_scores(tmp_path / "away" / "heap" / "retrained.parquet", [score("a", 1.0), score("b", 2.0, "own")])
    assert statuses(here, tmp_path / "away") == ["filed"]
    assert read_scores(here.root / "quick" / "retrained.parquet") == [score("a", 1.0)]
    assert read_scores(here.root / "own" / "retrained.parquet") == [score("b", 2.0, "own")]
    assert statuses(here, tmp_path / "away") == ["already there"]
    merge_scores(tmp_path / "later" / "retrained.parquet", [score("a", 9.0), score("c", 3.0)])
    (filed,) = merge(tmp_path / "later", here)
    assert (filed.status, filed.detail) == ("differs", "score of a on nasbench201; 1 other filed")
    assert read_scores(here.root / "quick" / "retrained.parquet") == [score("a", 1.0), score("c", 3.0)]


@pytest.mark.parametrize("release", ["NATS-tss-v1_0-3ffb9", "retrain-../outside"])
def test_scores_of_no_retraining_are_not_filed(here, tmp_path, release):
    merge_scores(tmp_path / "away" / "retrained.parquet", [replace(score("a", 1.0), release=release)])
    assert statuses(here, tmp_path / "away") == ["unreadable"]
    assert not here.root.exists()


def test_a_landscape_of_another_protocol_is_not_put_beside_a_record(experiment, elsewhere, here):
    mine = elsewhere.read(run_of(experiment, 0))
    here.write(Record(mine.run, mine.points, mine.manifest.changed(config_hash="another")))
    found = {filed.path.name: filed.status for filed in merge(elsewhere.root / experiment.name, here)}
    assert (found["seed-000.parquet"], found["seed-000.landscape.parquet"]) == ("differs", "differs")
    assert here.landscape(mine.run) is None


@pytest.mark.parametrize("pattern", ["seed-000.parquet", "seed-000.landscape.parquet", "seed-000.epoch-0001.ckpt"])
def test_what_is_damaged_is_named_and_left_where_it_is(elsewhere, here, pattern):
    (path,) = elsewhere.root.rglob(pattern)
    path.write_bytes(path.read_bytes()[:40])
    found = {filed.path: filed for filed in merge(elsewhere.root, here)}
    assert found[path].status == "unreadable"
    assert found[path].detail
    assert sorted(filed.status for filed in found.values()) == ["filed"] * 4 + ["unreadable"]
    assert not list(here.root.rglob(pattern))


def test_a_file_cannot_name_a_place_outside_the_store(experiment, elsewhere, here, tmp_path):
    record = elsewhere.read(run_of(experiment, 0))
    with pytest.raises(ValueError, match="without slashes and leading dots"):
        Run("..", "nasbench201", "darts", 0)
    outside = record.manifest.as_dict() | {"run": vars(record.run) | {"experiment": "../outside"}}
    with pytest.raises(ValueError, match="without slashes and leading dots"):
        Manifest.of(outside)
    evil = Store(tmp_path / "evil" / "runs")
    evil.write(record)
    path = evil.path(record.run)
    table = pq.read_table(path).replace_schema_metadata({METADATA_KEY: json.dumps(outside).encode()})
    pq.write_table(table, path)
    assert statuses(here, evil.root) == ["unreadable"]
    assert not (tmp_path / "outside").exists()


def test_a_folder_that_is_none_is_refused(here, tmp_path):
    with pytest.raises(InputError, match="is neither a folder nor an archive"):
        list(merge(tmp_path / "nowhere", here))
