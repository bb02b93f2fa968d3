from dataclasses import replace

import numpy as np
import pytest
import torch

import spaces
from bench.cli import planning
from bench.engines import inline
from bench.protocol import config_hash
from bench.runs import checkpoint, recording
from bench.runs.plan import Group, measured_otherwise, plan
from bench.search import Point, Position
from results.records.run import Run
from results.records.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.fixture
def experiment(cut_down):
    return cut_down("seeds=0-2", 'spaces=["nasbench201"]', 'run=["darts", "random"]')


def run_of(experiment, seed, method="darts"):
    return Run(experiment.name, "nasbench201", method, seed)


def file_away(store, experiment, seed, status="complete", *, of=None, method="darts"):
    """Store a record of the experiment's protocol, or of another one's."""
    arm = replace((of or experiment).arm("nasbench201", method), about=experiment.about)
    space = spaces.find("nasbench201")
    points = [Point(0, [next(space.enumerate())], np.zeros((1, space.alphas)), {})] if status != "failed" else []
    rows = [recording.rows(space, point)[0] for point in points]
    made = recording.record(arm, seed, rows, images_checksum="", status=status, group={}, device={"type": "cpu"})
    store.write(made)


def leave_checkpoints(store, experiment, seeds, epoch=1, *, of=None, method="darts"):
    """What a group leaves behind that was cut off."""
    protocol = (of or experiment).arm("nasbench201", method).protocol
    meta = {"config_hash": config_hash("nasbench201", method, protocol), "group": list(seeds)}
    for seed in seeds:
        tensors = {"weights": torch.zeros(1)}
        made = checkpoint.Checkpoint(run_of(experiment, seed, method), Position(epoch), meta, [], tensors)
        checkpoint.save(store.root, made)


def hash_of(experiment, method="darts"):
    return config_hash("nasbench201", method, experiment.arm("nasbench201", method).protocol)


def planned(experiment, store, **chosen):
    return [(t.arm.id, t.seeds, t.at.epoch) for t in plan(experiment.choose(**chosen).arms, store)]


def test_everything_is_missing_at_first(experiment, store):
    tasks = list(plan(experiment.choose().arms, store))
    assert tasks == [
        Group(experiment.arm("nasbench201", "darts"), (0, 1, 2)),
        Group(experiment.arm("nasbench201", "random"), (0, 1, 2)),
    ]
    assert str(tasks[0]) == "nasbench201/darts/0,1,2"
    assert [task.epochs for task in tasks] == [2, 2]


def test_at_most_eight_seeds_share_a_supernet(cut_down, store):
    experiment = cut_down("seeds=0-9", 'spaces=["nasbench201"]', 'run=["darts"]')
    assert planned(experiment, store) == [("darts", tuple(range(8)), 0), ("darts", (8, 9), 0)]


@pytest.mark.parametrize(("status", "again"), [("complete", False), ("diverged", False), ("failed", True)])
def test_what_is_done_is_not_run_again_and_what_failed_is(experiment, store, status, again):
    file_away(store, experiment, 1, status)
    assert planned(experiment, store, methods=("darts",)) == [("darts", (0, 1, 2) if again else (0, 2), 0)]


def test_nothing_is_left_when_every_run_has_its_record(experiment, store):
    for method in ("darts", "random"):
        for seed in (0, 1, 2):
            file_away(store, experiment, seed, method=method)
    assert planned(experiment, store) == []


def test_a_record_of_another_protocol_does_not_count(experiment, store, cut_down):
    file_away(store, experiment, 1, of=cut_down("training.lr=0.5"))
    assert planned(experiment, store, methods=("darts",)) == [("darts", (0, 1, 2), 0)]


def test_a_damaged_record_does_not_count(experiment, store):
    file_away(store, experiment, 1)
    store.path(run_of(experiment, 1)).write_bytes(b"PAR1")
    assert planned(experiment, store, methods=("darts",)) == [("darts", (0, 1, 2), 0)]


def test_a_filter_narrows_and_may_name_what_the_experiment_does_not(experiment, store):
    assert planned(experiment, store, methods=("sdarts-rs",), seeds=(7,)) == [("sdarts-rs", (7,), 0)]
    tasks = plan(experiment.choose(spaces=("nasbench1shot1-2",), methods=("random",)).arms, store)
    assert [(t.arm.space_id, t.arm.id) for t in tasks] == [("nasbench1shot1-2", "random")]


def test_what_is_named_twice_is_run_once(experiment, store):
    once = plan(experiment.choose(("nasbench201",), ("random",)).arms, store)
    twice = plan(experiment.choose(("nasbench201",) * 2, ("random",) * 2).arms, store)
    assert list(twice) == list(once)


def test_the_most_wanted_come_first(cut_down, store):
    experiment = cut_down(
        'spaces=["nasbench201", "nasbench1shot1-1"]',
        'run=["darts", "random"]',
        'order=["nasbench1shot1-1/random", "nasbench201/random"]',
    )
    pairs = [(t.arm.space_id, t.arm.id) for t in plan(experiment.choose().arms, store)]
    assert pairs == [
        ("nasbench1shot1-1", "random"),
        ("nasbench201", "random"),
        ("nasbench201", "darts"),
        ("nasbench1shot1-1", "darts"),
    ]


def test_runs_lists_done_and_missing_alike(experiment, store):
    file_away(store, experiment, 1)
    (arm,) = experiment.choose(methods=("darts",)).arms
    assert list(arm.runs) == [run_of(experiment, seed) for seed in (0, 1, 2)]


def test_a_group_that_was_cut_off_goes_on_together_and_the_rest_afresh(experiment, store):
    leave_checkpoints(store, experiment, (0, 2))
    assert planned(experiment, store, methods=("darts",)) == [("darts", (0, 2), 1), ("darts", (1,), 0)]


def test_two_groups_go_on_each_from_its_own_epoch(cut_down, store):
    experiment = cut_down("seeds=0-3", "training.epochs=9")
    leave_checkpoints(store, experiment, (2, 0), epoch=3)
    leave_checkpoints(store, experiment, (1, 3), epoch=5)
    chosen = {"spaces": ("nasbench201",), "methods": ("darts",)}
    assert planned(experiment, store, **chosen) == [("darts", (1, 3), 5), ("darts", (2, 0), 3)]


def test_a_checkpoint_of_another_protocol_is_not_gone_on_from(experiment, store, cut_down):
    leave_checkpoints(store, experiment, (0, 1, 2), of=cut_down("training.lr=0.5"))
    assert planned(experiment, store, methods=("darts",)) == [("darts", (0, 1, 2), 0)]


def test_of_a_group_those_that_are_wanted_go_on_and_the_others_later(experiment, store):
    leave_checkpoints(store, experiment, (0, 1, 2))
    assert planned(experiment, store, methods=("darts",), seeds=(0, 1)) == [("darts", (0, 1), 1)]
    for seed in (0, 1):
        file_away(store, experiment, seed)
        checkpoint.remove(store.root, run_of(experiment, seed), hash_of(experiment))
    assert planned(experiment, store, methods=("darts",)) == [("darts", (2,), 1)]


def test_each_of_the_parts_of_a_group_goes_on_from_its_own_epoch(experiment, store):
    leave_checkpoints(store, experiment, (0, 1, 2))
    leave_checkpoints(store, experiment, (2, 1), epoch=2)  # killed before it had removed those of epoch 1
    assert planned(experiment, store, methods=("darts",)) == [("darts", (2, 1), 2), ("darts", (0,), 1)]


@pytest.mark.parametrize("seeds", [(), (1,)])
def test_a_group_that_was_cut_off_while_its_records_were_written_goes_on_whole(experiment, store, seeds):
    leave_checkpoints(store, experiment, (0, 1), epoch=2)
    file_away(store, experiment, 0)
    file_away(store, experiment, 2)
    assert planned(experiment, store, methods=("darts",), seeds=seeds) == [("darts", (0, 1), 2)]


@pytest.mark.parametrize(("seeds", "says"), [("1", "1 runs, 0 done, 1 to run"), ("0-1", "2 runs, 1 done, 1 to run")])
def test_seeds_that_are_recorded_and_go_along_count_as_done(experiment, store, seeds, says, capsys):
    leave_checkpoints(store, experiment, (0, 1), epoch=2)
    file_away(store, experiment, 0)
    named = {"override": list(experiment.about.overrides), "method": ["darts"], "seeds": seeds}
    planning.plan("quick", **named, device="cpu", runs=store.root)
    assert says in capsys.readouterr().out


def test_a_plan_divides_groups_as_a_run_with_as_many_workers_would(experiment, store, monkeypatch, capsys):
    store.root.mkdir()
    rooms = []
    monkeypatch.setattr(inline, "room", lambda device, workers: rooms.append(workers) or float("inf"))
    planning.plan("quick", override=list(experiment.about.overrides), device="cpu", runs=store.root, workers=3)
    assert rooms == [3]
    assert "to run" in capsys.readouterr().out


def test_random_search_has_nothing_to_go_on_from(experiment, store):
    leave_checkpoints(store, experiment, (0, 1, 2), method="random")
    assert planned(experiment, store, methods=("random",)) == [("random", (0, 1, 2), 0)]


def test_a_record_that_was_measured_otherwise_is_done_and_named(experiment, cut_down, store):
    other = cut_down("seeds=0-2", 'spaces=["nasbench201"]', 'run=["darts", "random"]', "measure.valid_images=7")
    file_away(store, experiment, 0)
    file_away(store, experiment, 1, of=other)
    file_away(store, experiment, 1, of=other, method="random")
    assert ("darts", (2,), 0) in planned(experiment, store)
    [found] = measured_otherwise(experiment.choose().arms, store)
    assert (found.run, found.there) == (run_of(experiment, 1), {"valid_images": 7})
    assert "valid_images = 7" in str(found)
    assert f"asks for valid_images = {found.planned['valid_images']}" in str(found)
