"""The recipes of the DARTS spaces: auxiliary head, dropped paths, clipping, the best test beside the last one."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bench.images.datasets import Images
from bench.retraining import cell_training as module
from bench.retraining import networks
from bench.retraining.recipes import RECIPES, Recipe
from bench.retraining.retrain import release, retrain
from results.errors import InputError
from results.published import cells
from results.scores.score import read_scores
from spaces import find
from spaces.base import Size

V2 = cells()["darts-v2"]
CELL = (V2.space, V2.arch)
NOISY = ("darts-s4", cells()["sdarts-rs-s4-c10"].arch.replace("sep_conv_3x3~1", "noise~1"))
RECIPE = Recipe(
    "tiny",
    epochs=3,
    batch=16,
    optimizer="sgd",
    lr=0.1,
    weight_decay=3e-4,
    lr_per="epoch",
    pad=1,
    size=Size(2, 3),
    network="darts",
    clip=0.5,
    drop_path=0.4,
    test_every=1,
    bn_momentum=0.5,
)


def images_of(side=8, count=48):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 3
    pixels = torch.randint(256, (count, 3, side, side), generator=generator).to(torch.uint8)
    parts = pixels[:32], labels[:32], pixels[32:], labels[32:]
    return Images("three", *parts, 3, (0.5,) * 3, (0.28,) * 3, "checksum")


@pytest.fixture
def images():
    return images_of()


@pytest.mark.parametrize("cell", [CELL, NOISY], ids=["darts", "noise"])
def test_an_interrupted_training_ends_as_if_it_had_not_been(images, tmp_path, cell):
    def interrupt(done, total, text):
        if done > 0.5:
            raise KeyboardInterrupt

    retrain([cell], images, RECIPE, out=tmp_path / "whole.parquet")
    with pytest.raises(KeyboardInterrupt):
        retrain([cell], images, RECIPE, out=tmp_path / "cut.parquet", progress=interrupt, checkpoint_seconds=0)
    assert list(tmp_path.glob("cut.*.checkpoint.pt"))
    retrain([cell], images, RECIPE, out=tmp_path / "cut.parquet")
    assert read_scores(tmp_path / "cut.parquet") == read_scores(tmp_path / "whole.parquet")


def test_the_best_test_stands_beside_the_last(images, tmp_path, monkeypatch):
    tests = iter([40.0, 90.0, 50.0, 50.0])  # after three epochs, and the last one's again
    monkeypatch.setattr(module, "_accuracy", lambda *_: next(tests))
    retrain([CELL], images, RECIPE, out=tmp_path / "s.parquet")
    (score,) = read_scores(tmp_path / "s.parquet")
    assert (score.test, score.best_test) == (50.0, 90.0)
    with torch.device("meta"):
        network = networks.build(find(V2.space), V2.arch, seed=0, channels=2, cells=3, classes=3)
    assert score.parameters == sum(p.numel() for p in network.parameters())


def test_the_best_test_survives_an_interruption(images, tmp_path, monkeypatch):
    tests = iter([90.0, 40.0, 50.0, 50.0])
    monkeypatch.setattr(module, "_accuracy", lambda *_: next(tests))

    def interrupt(done, total, text):
        raise KeyboardInterrupt

    out = tmp_path / "s.parquet"
    with pytest.raises(KeyboardInterrupt):
        retrain([CELL], images, RECIPE, out=out, progress=interrupt, checkpoint_seconds=0)
    retrain([CELL], images, RECIPE, out=out)
    assert read_scores(out)[0].best_test == 90.0


def test_without_tests_on_the_way_there_is_no_best(images, tmp_path):
    retrain([CELL], images, replace(RECIPE, test_every=0), out=tmp_path / "s.parquet")
    assert read_scores(tmp_path / "s.parquet")[0].best_test is None


def test_the_gradient_is_clipped_over_all_weights(images, tmp_path, monkeypatch):
    norms, clip = [], nn.utils.clip_grad_norm_

    def noting(parameters, most):
        weights = list(parameters)
        before = clip(weights, most)
        norms.append((most, float(torch.stack([p.grad.norm() for p in weights]).norm()), len(weights)))
        return before

    monkeypatch.setattr(module.nn.utils, "clip_grad_norm_", noting)
    retrain([CELL], images, replace(RECIPE, epochs=1), out=tmp_path / "s.parquet")
    network = networks.build(find(V2.space), V2.arch, seed=0, channels=2, cells=3, classes=3)
    assert {(most, count) for most, _, count in norms} == {(0.5, len(list(network.parameters())))}
    assert max(norm for _, norm, _ in norms) == pytest.approx(0.5, rel=1e-5)  # it was longer


def test_the_loss_counts_the_auxiliary_head_by_its_weight():
    recipe = replace(RECIPE, auxiliary=0.4, drop_path=0.0)
    network = networks.build(find(V2.space), V2.arch, seed=0, channels=2, cells=3, auxiliary=True).double().train()
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(4)
    main, second = network.logits(x)
    expected = cross_entropy(main, labels) + 0.4 * cross_entropy(second, labels)
    found = module._loss(network, x, labels, recipe, 0, torch.Generator())
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_the_rate_of_dropped_paths_grows_epoch_by_epoch():
    recipe = RECIPES["darts"]
    assert recipe.drop_path_at(0) == 0
    assert recipe.drop_path_at(300) == pytest.approx(0.1)
    assert recipe.drop_path_at(599) == pytest.approx(0.2 * 599 / 600)


def test_presets():
    found = {name: RECIPES[name] for name in ("darts", "dropnas", "darts-8x16")}
    values = [(r.epochs, r.batch, r.lr, r.weight_decay, r.clip, r.pool_norm) for r in found.values()]
    assert values == [(600, 96, 0.025, 3e-4, 5.0, False), (600, 192, 0.05, 3e-4, 3.0, True), *values[:1]]
    for recipe in found.values():
        assert (recipe.auxiliary, recipe.drop_path, recipe.cutout, recipe.pad, recipe.flip) == (0.4, 0.2, 16, 4, True)
        assert recipe.lr_at(0, 5, 9) == recipe.lr
        assert recipe.lr_at(300, 0, 9) == pytest.approx(recipe.lr / 2)
        assert recipe.lr_at(599, 8, 9) == pytest.approx(recipe.lr * (1 + math.cos(math.pi * 599 / 600)) / 2)
    assert find("darts").retraining.full == Size(36, 20)
    assert found["darts-8x16"].size == Size(16, 8)


def test_half_of_the_images_validate_as_in_a_search_of_two_levels():
    recipe = RECIPES["darts-short"]
    assert [recipe.held_out(count) for count in (50_000, 73_257)] == [25_000, 36_629]


def test_a_checkpoint_of_an_older_version_keeps_its_name():
    assert str(RECIPES["nasbench201"]) == (
        "Recipe(name='nasbench201', epochs=200, batch=256, optimizer='sgd', lr=0.1, weight_decay=0.0005, momentum=0.9,"
        " nesterov=True, lr_per='epoch', pad=4, flip=True, cutout=0, validation=0, bn_momentum=None, size='full',"
        " seed=0)"
    )
    assert "clip=5.0" in str(RECIPES["darts"])


def test_trainings_that_choose_and_that_score_are_kept_apart(images, tmp_path):
    out, short = tmp_path / "s.parquet", replace(RECIPE, epochs=1, validation="half")
    retrain([CELL], images, short, experiment="own", purpose="select", out=out)
    retrain([CELL], images, RECIPE, experiment="own", out=out)
    found = {score.release: score for score in read_scores(out)}
    assert set(found) == {release("own", "select"), release("own")} == {"select-own", "retrain-own"}
    assert found["select-own"].valid is not None
    assert found["retrain-own"].valid is None


@pytest.mark.parametrize(
    ("cell", "side", "recipe", "message"),
    [
        (("nasbench201", "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|none~2|"), 8, RECIPE, "not for cells of"),
        (CELL, 16, replace(RECIPE, auxiliary=0.4), "needs images of 32 pixels a side, and these have 16"),
        (CELL, 8, replace(RECIPE, validation=32), "lower the recipe's validation"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is(tmp_path, cell, side, recipe, message):
    with pytest.raises(InputError, match=message):
        retrain([cell], images_of(side), recipe, out=tmp_path / "s.parquet")
    assert not list(tmp_path.iterdir())
