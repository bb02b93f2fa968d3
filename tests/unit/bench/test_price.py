import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import spaces
from bench import reproduce
from bench.engines import inline
from bench.machine import environment
from bench.machine.setting import Setting
from bench.methods import method
from bench.runs import price, recording
from bench.runs.plan import Filter, Task
from bench.runs.price import Prices, fitted, memory_of
from bench.search import Point
from results.errors import InputError
from results.records.run import Run
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
                Run("own", space, method_id, seeds[0]),
                experiment,
                experiment.protocol(space, method_id),
                [recording.rows(found, p)[0] for p in points],
                images_checksum="",
                group={"seeds": list(seeds)},
                device=device or environment.device_info(CPU),
            )
        )

    return file_away


def task(method_id="darts", seeds=(0, 1), done=0, epochs=10, space="nasbench201"):
    return Task(space, method_id, seeds, done, epochs)


def seconds(store, experiment, of):
    return Prices(store, experiment, CPU).of(of).seconds


def test_nothing_is_known_without_a_record(store, cut_down):
    found = Prices(store, cut_down(), CPU).of(task())
    assert np.isnan(found.seconds)
    assert found.basis == "no record on this device yet"
    assert found.memory > 0


def test_an_epoch_is_priced_by_the_seed_and_what_is_left_of_it(store, cut_down, filed):
    filed("darts", [3.0, 5.0], seeds=(4, 5))  # two seeds, four seconds an epoch: two a seed
    assert seconds(store, cut_down(), task()) == pytest.approx(2 * 2 * 10)
    assert seconds(store, cut_down(), task(seeds=(0,), done=7)) == pytest.approx(2 * 3)


def test_another_methods_record_is_scaled_by_its_passes(store, cut_down, filed):
    filed("sdarts-adv", [4.15])  # two training passes and seven steps of an attack at 0.9, over two halves
    assert seconds(store, cut_down(), task("darts", seeds=(0,))) == pytest.approx(10.0)
    assert "other methods" in Prices(store, cut_down(), CPU).of(task()).basis
    filed("darts", [3.0])  # its own record takes precedence
    assert seconds(store, cut_down(), task("darts", seeds=(0,))) == pytest.approx(30.0)


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
def test_a_record_of_another_size_or_machine_says_nothing(store, cut_down, filed, other):
    filed("darts", [4.0], *other.pop("overrides", ()), **other)
    assert np.isnan(seconds(store, cut_down(), task()))


def test_a_device_never_measured_has_no_price_and_says_what_another_took(store, cut_down, filed):
    filed("darts", [4.0], device={"type": "cuda", "name": "another machine"})
    found = Prices(store, cut_down(), CPU).of(task(seeds=(0, 1), done=7))
    assert np.isnan(found.seconds)
    assert found.basis == "no record on this device yet (on another machine: 24 s)"


GROUPS = [task(seeds=tuple(range(8))), task("random", seeds=tuple(range(8))), task("dropnas", seeds=(8, 9))]


def sizes(found):
    return [(t.method, len(t.seeds)) for t in found]


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (8.0, [("darts", 8), ("random", 8), ("dropnas", 2)]),
        (7.9, [("darts", 4), ("darts", 4), ("random", 8), ("dropnas", 2)]),
        (3.0, [("darts", 2), ("darts", 3), ("darts", 3), ("random", 8), ("dropnas", 2)]),
        (0.5, [("darts", 1)] * 8 + [("random", 8), ("dropnas", 1), ("dropnas", 1)]),  # one alone is tried all the same
    ],
)
def test_groups_are_divided_so_that_each_fits(cut_down, monkeypatch, room, expected):
    monkeypatch.setattr(price, "memory_of", lambda task, protocol: len(task.seeds) * 2**30)
    found, line = fitted(GROUPS, cut_down(), room * 2**30)
    assert sizes(found) == expected
    for method_id in ("darts", "random", "dropnas"):
        seeds = [s for t in found if t.method == method_id for s in t.seeds]
        assert seeds == [s for t in GROUPS if t.method == method_id for s in t.seeds]
    more = f"memory: 3 groups are {len(found)} now, so that each is predicted to fit into {room:.2f} GiB"
    assert line == (more if len(found) > 3 else "")


def test_a_group_that_was_cut_off_stays_whole(cut_down):
    cut = [task(done=3), replace(task(), step=2)]
    assert fitted(cut, cut_down(), 1.0) == (cut, "")


def test_a_plan_is_run_in_groups_that_fit(cut_down, store, monkeypatch):
    experiment = cut_down("seeds=0-2", "training.epochs=1")
    one = memory_of(task(seeds=(0,)), experiment.protocol("nasbench201", "darts"))
    monkeypatch.setattr(inline.memory, "free", lambda device: 2.5 * one)
    said, chosen = [], Filter(("nasbench201",), ("darts",))
    setting = Setting(store, CPU)
    outcomes = list(reproduce.run(experiment, chosen, setting, lambda *_: None, by=inline, workers=1, say=said.append))
    assert [o.status for o in outcomes] == ["done", "done"]
    assert [r.manifest.group.seeds for r in store.records()] == [(0,), (1, 2), (1, 2)]
    assert said == [f"memory: a group became 2, so that each is predicted to fit into {2.5 * one / 2**30:.2f} GiB"]


def test_what_costs_no_time_does_not_change_the_price(store, cut_down, filed):
    filed("darts", [4.0], "training.lr=0.5", "training.epochs=1")
    assert seconds(store, cut_down(), task(seeds=(0,))) == pytest.approx(40.0)


def test_a_gpu_without_a_record_gives_a_lower_bound(store, cut_down, monkeypatch):
    prices = Prices(store, cut_down(), CPU)
    prices.device = torch.device("cuda")
    monkeypatch.setattr(price.clock, "copied", lambda device, *, size: 1e9)
    protocol = cut_down().protocol("nasbench201", "sdarts-adv")
    least = price.floor.of_epoch("nasbench201", "sdarts-adv", protocol, width=4).bytes
    found = prices.of(task("sdarts-adv", seeds=(0, 1, 2), done=4))
    assert found.seconds == pytest.approx(3 * 6 * least / 1e9)
    assert found.basis == "no record on this device yet; floor x 1 at 1 GB/s copied: at least"


def test_random_search_is_free(store, cut_down):
    found = Prices(store, cut_down(), CPU).of(task("random"))
    assert (found.seconds, found.memory) == (0.0, 0)


def test_a_method_without_a_factor_is_priced_by_its_own_records_alone(store, cut_down, filed, monkeypatch):
    counted = method.find("sdarts-rs")
    monkeypatch.setitem(method._all(), "sdarts-rs", replace(counted, passes={}))
    filed("darts", [4.0])
    assert np.isnan(seconds(store, cut_down(), task("sdarts-rs")))
    filed("sdarts-rs", [6.0])
    assert seconds(store, cut_down(), task("sdarts-rs", seeds=(0,))) == pytest.approx(60.0)


def test_memory_grows_with_seeds_batch_width_and_depth(cut_down):
    def memory(*overrides, seeds=(0,), space="nasbench201"):
        return memory_of(task(seeds=seeds, space=space), cut_down(*overrides).protocol(space, "darts"))

    base = memory()
    assert memory(seeds=(0, 1, 2)) == 3 * base
    assert base < memory("training.batch=16") < 2 * base + 1
    assert memory("supernet.channels=4") > 1.5 * base
    assert memory("supernet.cells=2") > 1.3 * base
    assert memory("images.size=4") < base
    assert memory(space="nasbench1shot1-3") > memory(space="nasbench1shot1-1") > 0


def test_the_saved_maps_of_the_full_network_are_of_the_right_size(cut_down):
    # one image of 32 x 32 in the network of 16 channels: its stem alone saves 16 maps, in four bytes a number
    protocol = cut_down("supernet.channels=16", "supernet.cells=5", "images.dataset=cifar10").protocol(
        "nasbench201", "darts"
    )
    each = memory_of(task(seeds=(0,)), protocol) / protocol.training.batch
    assert 15 * 16 * 32 * 32 * 4 < each < 2**25


def test_a_supernet_larger_than_its_checkpoint_may_be_is_refused(cut_down):
    experiment = cut_down("supernet.channels=200", "seeds=0")
    with pytest.raises(InputError, match=r"channels = 200 .* weights on nasbench201"):
        fitted([Task("nasbench201", "darts", (0,), 0, 2)], experiment, room=math.inf)
