import gc
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import spaces
from bench import reproduce
from bench.arms import About
from bench.engines import inline
from bench.images import datasets
from bench.machine import environment
from bench.machine.setting import Setting
from bench.methods import method
from bench.runs import price, recording
from bench.runs.plan import Group
from bench.runs.price import Prices, fitted, memory_of
from bench.search import Point, Position
from results.errors import InputError
from results.records.store import Store

CPU = torch.device("cpu")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def filed(cut_down, store):
    """File away a record whose epochs took so many seconds."""

    def file_away(method_id, seconds, *overrides, space="nasbench201", seeds=(0,), device=None):
        experiment, found = cut_down(*overrides), spaces.find(space)
        archs = [next(found.enumerate())]
        values = [{}, *({"seconds": np.array([s])} for s in seconds)]
        points = [Point(e, archs, np.zeros((1, found.alphas)), v) for e, v in enumerate(values)]
        store.write(
            recording.record(
                replace(experiment.arm(space, method_id), about=About("own", "own")),
                seeds[0],
                [recording.rows(found, p)[0] for p in points],
                images_checksum="",
                group={"seeds": list(seeds)},
                device=device or environment.device_info(CPU),
            )
        )

    return file_away


@pytest.fixture
def group(cut_down):
    """Make a group of ten epochs."""

    def make(method_id="darts", *overrides, seeds=(0, 1), done=0, space="nasbench201"):
        experiment = cut_down("training.epochs=10", *overrides)
        return Group(experiment.arm(space, method_id), seeds, Position(done))

    return make


def seconds(store, of):
    return Prices(store, CPU).of(of).seconds


def test_nothing_is_known_without_a_record(store, group):
    found = Prices(store, CPU).of(group())
    assert np.isnan(found.seconds)
    assert found.basis == "no record on this device yet"
    assert found.memory > 0


def test_an_epoch_is_priced_by_the_seed_and_what_is_left_of_it(store, group, filed):
    filed("darts", [3.0, 5.0], seeds=(4, 5))  # two seeds, four seconds per epoch: two per seed
    assert seconds(store, group()) == pytest.approx(2 * 2 * 10)
    assert seconds(store, group(seeds=(0,), done=7)) == pytest.approx(2 * 3)


def test_another_methods_record_is_scaled_by_its_passes(store, group, filed):
    filed("sdarts-adv", [4.15])  # two training passes and seven steps of an attack at 0.9, over two halves
    assert seconds(store, group("darts", seeds=(0,))) == pytest.approx(10.0)
    assert "other methods" in Prices(store, CPU).of(group()).basis
    filed("darts", [3.0])  # its own record takes precedence
    assert seconds(store, group("darts", seeds=(0,))) == pytest.approx(30.0)


@pytest.mark.parametrize(
    "other",
    [
        {"overrides": ("supernet.channels=4",)},
        {"overrides": ("training.batch=16",)},
        {"overrides": ("images.limit=20",)},
        {"space": "nasbench1shot1-1"},
        {"device": {"type": "cpu", "name": "another machine"}},
    ],
    ids=str,
)
def test_a_record_of_another_size_or_machine_says_nothing(store, group, filed, other):
    filed("darts", [4.0], *other.pop("overrides", ()), **other)
    assert np.isnan(seconds(store, group()))


def test_a_device_never_measured_has_no_price_and_says_what_another_took(store, group, filed):
    filed("darts", [4.0], device={"type": "cuda", "name": "another machine"})
    found = Prices(store, CPU).of(group(seeds=(0, 1), done=7))
    assert np.isnan(found.seconds)
    assert found.basis == "no record on this device yet (on another machine: 24 s)"


@pytest.fixture
def groups(group):
    return [group(seeds=tuple(range(8))), group("random", seeds=tuple(range(8))), group("dropnas", seeds=(8, 9))]


def sizes(found):
    return [(g.arm.id, len(g.seeds)) for g in found]


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (8.0, [("darts", 8), ("random", 8), ("dropnas", 2)]),
        (7.9, [("darts", 4), ("darts", 4), ("random", 8), ("dropnas", 2)]),
        (3.0, [("darts", 2), ("darts", 3), ("darts", 3), ("random", 8), ("dropnas", 2)]),
        (0.5, [("darts", 1)] * 8 + [("random", 8), ("dropnas", 1), ("dropnas", 1)]),  # one alone is tried all the same
    ],
)
def test_groups_are_divided_so_that_each_fits(groups, monkeypatch, room, expected):
    monkeypatch.setattr(price, "memory_of", lambda group: len(group.seeds) * 2**30)
    found, line = fitted(groups, room * 2**30)
    assert sizes(found) == expected
    for method_id in ("darts", "random", "dropnas"):
        seeds = [s for g in found if g.arm.id == method_id for s in g.seeds]
        assert seeds == [s for g in groups if g.arm.id == method_id for s in g.seeds]
    more = f"memory: 3 groups are {len(found)} now, so that each is predicted to fit into {room:.2f} GiB"
    assert line == (more if len(found) > 3 else "")


def test_where_the_system_does_not_say_what_is_free_no_group_is_divided(groups):
    assert fitted(groups, math.inf) == (groups, "")


def test_a_group_that_was_cut_off_stays_whole(group):
    cut = [group(done=3), replace(group(), at=Position(0, 2))]
    assert fitted(cut, 1.0) == (cut, "")


def test_a_plan_is_run_in_groups_that_fit(cut_down, store, monkeypatch):
    experiment = cut_down("seeds=0-2", "training.epochs=1")
    chosen = experiment.choose(("nasbench201",), ("darts",))
    one = memory_of(Group(chosen.arms[0], (0,)))
    monkeypatch.setattr(inline.memory, "free", lambda device: 2.5 * one)
    said, setting = [], Setting(store, CPU)
    work = reproduce.Work(experiment, chosen, setting, inline, workers=1)
    outcomes = list(work.run(lambda *_: None, say=said.append))
    assert [o.status for o in outcomes] == ["done", "done"]
    assert [r.manifest.group.seeds for r in store.records()] == [(0,), (1, 2), (1, 2)]
    assert said == [f"memory: a group became 2, so that each is predicted to fit into {2.5 * one / 2**30:.2f} GiB"]


def test_what_costs_no_time_does_not_change_the_price(store, group, filed):
    filed("darts", [4.0], "training.lr=0.5", "training.epochs=1")
    assert seconds(store, group(seeds=(0,))) == pytest.approx(40.0)


def test_random_search_is_free(store, group):
    found = Prices(store, CPU).of(group("random"))
    assert (found.seconds, found.memory) == (0.0, 0)


def test_a_method_without_a_factor_is_priced_by_its_own_records_alone(store, group, filed, monkeypatch):
    counted = method.find("sdarts-rs")
    monkeypatch.setitem(method._all(), "sdarts-rs", replace(counted, passes={}))
    filed("darts", [4.0])
    assert np.isnan(seconds(store, group("sdarts-rs")))
    filed("sdarts-rs", [6.0])
    assert seconds(store, group("sdarts-rs", seeds=(0,))) == pytest.approx(60.0)


def test_what_is_measured_for_a_price_does_not_stay_in_memory(group):
    def tensors():
        gc.collect()
        return sum(type(each) is torch.Tensor for each in gc.get_objects())

    memory_of(group())  # makes the constant tensors
    before = tensors()
    memory_of(group())
    assert tensors() == before


def test_memory_grows_with_seeds_batch_width_and_depth(group):
    def memory(*overrides, seeds=(0,), space="nasbench201"):
        return memory_of(group("darts", *overrides, seeds=seeds, space=space))

    base = memory()
    assert memory(seeds=(0, 1, 2)) == 3 * base
    assert base < memory("training.batch=16") < 2 * base + 1
    assert memory("supernet.channels=4") > 1.5 * base
    assert memory("supernet.cells=2") > 1.3 * base
    assert memory("images.size=4") < base
    assert memory(space="nasbench1shot1-3") > memory(space="nasbench1shot1-1") > 0


def test_the_saved_maps_of_the_full_network_are_of_the_right_size(group):
    # one image of 32 x 32 in the network of 16 channels: its stem alone saves 16 maps, in four bytes a number
    one = group("darts", "supernet.channels=16", "supernet.cells=5", "images.dataset=cifar10", seeds=(0,))
    each = memory_of(one) / one.arm.protocol.training.batch
    assert 15 * 16 * 32 * 32 * 4 < each < 2**25


def test_partial_channels_need_less_memory_and_have_prices_of_their_own(store, group, filed):
    whole, part = (group("darts", "supernet.channels=8", f"supernet.partial={partial}") for partial in (1, 4))
    assert memory_of(part) < memory_of(whole) / 2
    filed("darts", [10.0], "supernet.channels=8")
    assert math.isfinite(seconds(store, whole))
    assert math.isnan(seconds(store, part))


def test_a_warm_up_takes_no_passes_for_the_alphas(store, group, filed):
    """Half of an epoch's passes reach the alphas: with a warm-up of half of all epochs, a quarter is not made."""
    filed("darts", [10.0], "supernet.channels=8", "supernet.partial=4")
    whole = seconds(store, group("darts", "supernet.channels=8", "supernet.partial=4"))
    waiting = group("pc-darts", "supernet.channels=8", "methods.pc-darts.warmup=0.5")
    assert seconds(store, waiting) == pytest.approx(0.75 * whole)


def test_a_supernet_larger_than_its_checkpoint_may_be_is_refused(group):
    with pytest.raises(InputError, match=r"channels = 200 .* weights on nasbench201"):
        fitted([group("darts", "supernet.channels=200", seeds=(0,))], room=math.inf)


def test_a_selection_is_priced_by_what_it_trains_and_tries(store, group, filed):
    """25 epochs, and 30 mixes without a gradient on one half, each a third of a pass of two."""
    filed("darts", [4.0])
    assert seconds(store, group("darts-pt", "methods.darts-pt.interval=5", seeds=(0,))) == pytest.approx(4.0 * 40)
    half = group("darts-pt", "methods.darts-pt.interval=5", seeds=(0,), done=10 + 5)
    assert seconds(store, half) == pytest.approx(4.0 * 30 * 20 / 25)
    one_by_one = group("setn", "methods.setn.candidates=30", "methods.setn.batch=20", seeds=(0,))  # of forty images
    assert seconds(store, one_by_one) == pytest.approx(4.0 * (10 + 5))


def test_rounds_cost_what_they_cost_in_earlier_records(store, group, search):
    done = search("runs", "training.epochs=1", "measure.evaluate_every=0", method="setn", seeds="0")
    (record,) = done.records()
    chosen = group("setn", seeds=(0,))
    epoch, a_round = (float(points["seconds"].mean()) for points in (record.searched, record.selected))
    assert seconds(done, chosen) == pytest.approx(10 * epoch + a_round)


@pytest.mark.parametrize("dataset", datasets.DATASETS)
def test_a_selection_on_batches_has_a_price_on_every_data_set(store, group, dataset):
    of_trials = group("setn", "images.limit=0", f"images.dataset={dataset}")
    assert Prices(store, CPU).of(of_trials).basis.startswith("no record")


def test_a_record_of_another_depth_says_nothing_on_the_darts_spaces(store, group, filed):
    filed("darts", [4.0], "space.darts.supernet.layers=3", space="darts-s1")
    assert np.isfinite(seconds(store, group("darts", "space.darts.supernet.layers=3", space="darts-s1")))
    assert np.isnan(seconds(store, group("darts", "space.darts.supernet.layers=8", space="darts-s1")))
