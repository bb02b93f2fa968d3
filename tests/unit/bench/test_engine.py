import math
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch

from bench.engines import engine
from bench.machine.setting import Setting, choose_device
from bench.methods import method as methods
from bench.runs import checkpoint
from bench.runs.plan import plan
from bench.steps.learner import Learner
from results.errors import InputError
from results.records import side_file
from results.records.record import IMPORTED, Record
from results.records.run import Run
from results.records.store import Store

CPU = torch.device("cpu")
MEASURED = (
    "measure.eigenvalue_every=2",
    "measure.landscape=3",
    "measure.landscape_images=8",
    "measure.valid_images=12",
)


@pytest.mark.parametrize("method", ["darts", "darts-1level", "random"])
def test_a_record_has_a_row_for_every_point(search, cut_down, method):
    (record,) = search("runs", "measure.eigenvalue_every=2", seeds="5", method=method).records()
    points = record.points
    assert record.run == Run(cut_down("seeds=5", "measure.eigenvalue_every=2").name, "nasbench201", method, 5)
    assert record.complete
    assert points["epoch"].tolist() == [0, 1, 2]
    assert points["train_loss"].isna().tolist() == [True, method == "random", method == "random"]
    levels = methods.find(method).levels
    assert points["valid_accuracy"].isna().tolist() == [True, levels != 2, levels != 2]
    assert points["eigenvalue"].isna().tolist() == [levels == 0, True, levels == 0]
    assert set(points["arch"]) <= set(record.manifest.cells)
    assert record.manifest.data == {"digits": "of-noise"}
    assert record.manifest.group.seeds == (5,)


def test_a_seeds_record_is_the_same_to_rounding_whoever_shares_its_supernet(search):
    alone = {
        r.run.seed: r
        for seed in (0, 1)
        for r in search(f"alone-{seed}", seeds=str(seed), precision="float64").records()
    }
    for record in search("together", seeds="1,0", precision="float64").records():
        own = alone[record.run.seed].points
        assert record.points["arch"].tolist() == own["arch"].tolist()
        np.testing.assert_allclose(list(record.points["alpha"]), list(own["alpha"]), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(record.points["train_loss"], own["train_loss"], rtol=1e-9)


def test_the_forms_of_convolution_agree_to_rounding(search):
    stores = [search(form, form=form, precision="float64") for form in ("grouped", "loop")]
    for grouped, loop in zip(*(store.records() for store in stores), strict=True):
        assert (grouped.manifest.group.form, loop.manifest.group.form) == ("grouped", "loop")
        np.testing.assert_allclose(list(grouped.points["alpha"]), list(loop.points["alpha"]), rtol=1e-9, atol=1e-15)


def test_checkpoints_are_gone_when_the_records_are_there(search):
    store = search("runs")
    assert [p for p in (store.root / ".checkpoints").rglob("*") if p.is_file()] == []


def test_one_checkpoint_a_seed_is_kept_on_the_way(search, tmp_path):
    seen = []

    def progress(task, completed, rows):
        seen.append(sorted(p.name for p in (tmp_path / "runs" / ".checkpoints").rglob("*.ckpt")))

    search("runs", progress=progress)
    assert seen == [
        [],
        ["seed-000.epoch-0001.ckpt", "seed-001.epoch-0001.ckpt"],
        ["seed-000.epoch-0002.ckpt", "seed-001.epoch-0002.ckpt"],
    ]


def test_progress_hears_of_every_point_and_every_seed(search):
    heard = []
    search(
        "runs", progress=lambda task, completed, rows: heard.append((completed, [r["epoch"] for r in rows.values()]))
    )
    assert heard == [(0, [0, 0]), (1, [1, 1]), (2, [2, 2])]
    heard.clear()
    search("random", method="random", progress=lambda task, completed, rows: heard.append((completed, len(rows))))
    assert heard == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(("method", "measured"), [("darts", MEASURED), ("sdarts-adv", ()), ("dropnas", ())])
def test_a_search_that_diverges_is_a_result_and_says_so(search, method, measured):
    broken = ("training.lr=1e30", "training.clip=0", "methods.dropnas.lr=1e30", *measured)
    store = search("runs", *broken, method=method)
    statuses = {r.manifest.status for r in store.records()}
    assert statuses == {"diverged"}
    assert all(np.isfinite(np.stack(r.points["alpha"].to_list())).all() for r in store.records())
    before = store.path(store.records()[0].run).stat().st_mtime_ns
    search("runs", *broken, method=method)
    assert store.path(store.records()[0].run).stat().st_mtime_ns == before


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_seed_whose_weights_alone_are_broken_has_diverged(search, monkeypatch, epochs):
    """The last weight step comes after the last alpha step: alphas may look well."""
    step = Learner.weight_step

    def breaks_the_second_seed(learner, *arguments):
        outcome = step(learner, *arguments)
        if learner.seeds == 2:
            learner.state.weights[1, 0] = torch.nan
        return outcome

    monkeypatch.setattr(Learner, "weight_step", breaks_the_second_seed)
    records = search("runs", f"training.epochs={epochs}", "training.batch=20").records()
    assert [(r.manifest.status, len(r.points)) for r in records] == [("complete", epochs + 1), ("diverged", 2)]
    assert [r.manifest.error for r in records] == ["", "weights or alphas are no longer finite"]
    assert np.isfinite(records[1].points["alpha"].iloc[-1]).all()


def test_random_search_draws_for_each_seed_on_its_own(search):
    together = {r.run.seed: r.points["arch"].tolist() for r in search("runs", method="random", seeds="0-3").records()}
    (alone,) = search("alone", method="random", seeds="2").records()
    assert together[2] == alone.points["arch"].tolist()
    assert len({tuple(archs) for archs in together.values()}) == 4
    assert all(math.isnan(a) for a in alone.points["alpha"].iloc[0])


def test_seeds_start_from_their_own_weights_and_alphas(start):
    state = start("nasbench1shot1-3", "darts", seeds=(0, 1, 2, 3)).learner.state
    mask = start("nasbench1shot1-3", "darts").learner.mask
    for tensor in (state.weights, state.alpha):
        assert all(not torch.equal(one, other) for one, other in pairwise(tensor))
    assert not state.alpha[:, ~mask].any()
    assert 0.5e-3 < float(state.alpha[:, mask].std()) < 1.5e-3
    for zero in (state.momentum, state.first, state.second, state.steps):
        assert not zero.any()
    for mean, variance in state.statistics.values():
        assert not mean.any()
        assert torch.equal(variance, torch.ones_like(variance))


def test_a_failure_is_recorded_and_run_again(search, cut_down, noise_images, tmp_path):
    experiment, store = cut_down("seeds=0-1"), Store(tmp_path / "runs")
    (task,) = plan(experiment.choose(("nasbench201",), ("darts",)).arms, store)
    engine.write_failure(task, noise_images, Setting(store, CPU), "out of memory")
    assert [(r.manifest.status, r.manifest.error, len(r.points)) for r in store.records()] == [
        ("failed", "out of memory", 0)
    ] * 2
    assert store.records(complete_only=True) == []
    assert [r.manifest.status for r in search("runs").records()] == ["complete"] * 2


def test_the_landscape_of_another_run_does_not_stay_beside_a_new_record(search):
    store = search("runs", "measure.landscape=3", "measure.landscape_images=8")
    first, second = store.records()
    parts = [store.side_path(record.run, "landscape") for record in (first, second)]
    assert side_file.owner(parts[0]) == (first.run, first.config_hash)
    plain = search("plain")
    for record, part in zip(plain.records(), parts, strict=True):
        shutil.copy(part, plain.side_path(record.run, "landscape"))
        plain.path(record.run).unlink()
    search("plain")
    assert [plain.landscape(record.run) for record in plain.records()] == [None, None]


@pytest.mark.parametrize("old", [{"config_hash": "0123"}, {"config_hash": IMPORTED}, {"status": "diverged"}])
def test_a_failure_replaces_no_result(search, cut_down, noise_images, old):
    experiment, store = cut_down("seeds=0-1"), search("runs", method="random")
    (task,) = plan(experiment.choose(("nasbench201",), ("random",)).arms, Store(store.root / "none"))
    first, second = store.records()
    store.write(Record(first.run, first.points, first.manifest.changed(**old)), replace=True)
    store.path(second.run).unlink()
    engine.write_failure(task, noise_images, Setting(store, CPU), "out of memory")
    assert store.read(first.run).manifest == first.manifest.changed(**old)
    assert store.read(second.run).manifest.status == "failed"


def test_a_device_that_is_not_there_is_refused():
    assert choose_device("cpu") == CPU
    with pytest.raises(InputError, match="unknown device 'gpu'; choose auto, cpu or cuda"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        assert choose_device("auto") == CPU
        with pytest.raises(InputError, match="no CUDA device"):
            choose_device("cuda")


def test_the_images_are_those_of_the_protocol(cut_down):
    images = cut_down("images.size=4").arm("nasbench201", "darts").images(None)
    assert images.train.shape == (40, 1, 4, 4)


def test_no_checkpoint_is_left_by_random_search(search):
    store = search("runs", method="random")
    assert checkpoint.positions(store.root, store.records()[0].run) == []
