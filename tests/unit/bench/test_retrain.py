import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bench.images.datasets import Images
from bench.machine.pace import OutOfTime
from bench.retraining import cell_training as module
from bench.retraining.recipes import RECIPES, Recipe
from bench.retraining.retrain import lock, retrain
from bench.retraining.rmsprop import RMSpropTF
from results.errors import InputError
from results.files.locks import hold
from results.scores.score import merge_scores, read_scores

NONE = ("nasbench201", "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
SKIP = ("nasbench201", "|skip_connect~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
CONV = ("nasbench1shot1-1", "111:conv3x3")
SAME = ("nasbench1shot1-3", "111:conv3x3")
RECIPE = Recipe(
    "tiny",
    epochs=3,
    batch=16,
    optimizer="sgd",
    lr=0.1,
    weight_decay=5e-4,
    nesterov=True,
    pad=1,
    flip=True,
    bn_momentum=0.5,
    size="quick",
)


@pytest.fixture
def images():
    """Three classes of noisy images: bright above, bright below, dark. 60 for training, 30 for testing."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    pixels = torch.randint(100, (90, 1, 8, 8), generator=generator)
    pixels[labels == 0, :, :4] += 120
    pixels[labels == 1, :, 4:] += 120
    pixels = pixels.to(torch.uint8)
    return Images("three", pixels[:60], labels[:60], pixels[60:], labels[60:], 3, (0.35,), (0.28,), "checksum")


@pytest.fixture
def epochs(monkeypatch):
    """Counts the epochs that are trained."""
    counted = []
    original = module._train_epoch

    def counting(*arguments):
        counted.append(1)
        return original(*arguments)

    monkeypatch.setattr(module, "_train_epoch", counting)
    return counted


def test_scores_of_cells(images, tmp_path):
    out = tmp_path / "scores.parquet"
    retrain([CONV, NONE, SKIP], images, replace(RECIPE, epochs=8), experiment="quick", out=out)
    scores = {(score.space, score.arch): score for score in read_scores(out)}
    assert set(scores) == {CONV, NONE, SKIP}
    assert scores[CONV].test > 90
    assert scores[SKIP].test > 90
    assert scores[NONE].test == pytest.approx(100 / 3)  # one class for every image
    score = scores[CONV]
    assert (score.source, score.release, score.dataset, score.epochs) == ("retrained", "retrain-quick", "three", 8)
    assert (score.valid, score.valid_trials, score.test_trials) == (None, (), (score.test,))


def test_held_out_images_are_scored_and_not_trained_on(images, tmp_path):
    """With the labels of the held-out images turned, a good network gets them all wrong."""
    labels = images.train_labels.clone()
    labels[-12:] = (labels[-12:] + 1) % 3
    recipe = replace(RECIPE, validation=12, epochs=8)
    retrain([CONV], replace(images, train_labels=labels), recipe, out=tmp_path / "s.parquet")
    (score,) = read_scores(tmp_path / "s.parquet")
    assert score.test > 90
    assert score.valid < 10
    assert score.valid_trials == (score.valid,)


def test_cell_shared_by_two_spaces_is_trained_once(images, tmp_path, epochs):
    retrain([CONV, SAME, CONV], images, RECIPE, out=tmp_path / "s.parquet")
    assert len(epochs) == RECIPE.epochs
    first, second = read_scores(tmp_path / "s.parquet")
    assert (first.space, second.space) == (CONV[0], SAME[0])
    assert replace(first, space=second.space) == second


def test_scores_do_not_depend_on_order_or_company(images, tmp_path):
    torch.manual_seed(0)
    retrain([CONV, SKIP], images, RECIPE, out=tmp_path / "a.parquet")
    torch.manual_seed(1)
    retrain([SKIP], images, RECIPE, out=tmp_path / "b.parquet")
    retrain([SAME, SKIP, CONV], images, RECIPE, out=tmp_path / "b.parquet")
    assert read_scores(tmp_path / "a.parquet") == [s for s in read_scores(tmp_path / "b.parquet") if s.space != SAME[0]]


def test_scored_cells_are_skipped(images, tmp_path, epochs):
    out = tmp_path / "s.parquet"
    retrain([SKIP], images, RECIPE, out=out)
    table, trained = out.read_bytes(), len(epochs)
    retrain([SKIP], images, RECIPE, out=out)
    assert len(epochs) == trained
    assert out.read_bytes() == table


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_interrupted_cell_resumes_as_if_it_had_not_been(images, tmp_path, epochs, monkeypatch, optimizer):
    recipe = replace(RECIPE, optimizer=optimizer)
    finished = []
    accuracy = module._accuracy

    def keeping(network, *arguments):
        finished.append(torch.cat([p.detach().flatten() for p in network.state_dict().values()]))
        return accuracy(network, *arguments)

    def interrupt(done, total, text):
        if done > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_accuracy", keeping)
    retrain([SKIP, CONV], images, recipe, out=tmp_path / "whole.parquet")
    epochs.clear()
    out = tmp_path / "cut.parquet"
    with pytest.raises(KeyboardInterrupt):
        retrain([SKIP, CONV], images, recipe, out=out, progress=interrupt, checkpoint_seconds=0)
    assert len(epochs) == recipe.epochs + 1
    assert len(read_scores(out)) == 1
    retrain([SKIP, CONV], images, recipe, out=out)
    assert len(epochs) == 2 * recipe.epochs
    assert read_scores(out) == read_scores(tmp_path / "whole.parquet")
    assert torch.equal(finished[-1], finished[1])
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".parquet"] == []


def test_a_retraining_that_is_out_of_time_goes_on_as_if_it_had_not_been(images, tmp_path, epochs, monkeypatch):
    retrain([SKIP, CONV], images, RECIPE, out=tmp_path / "whole.parquet")
    epochs.clear()
    now = [0.0]
    monkeypatch.setattr("bench.machine.pace.time.monotonic", lambda: now[0])
    counting = module._train_epoch

    def lasting(*arguments):
        counting(*arguments)
        now[0] += 10.0

    monkeypatch.setattr(module, "_train_epoch", lasting)
    out = tmp_path / "cut.parquet"
    with pytest.raises(OutOfTime):  # a fifth epoch would end at 50 seconds
        retrain([SKIP, CONV], images, RECIPE, out=out, deadline=49.0)
    assert len(epochs) == RECIPE.epochs + 1
    with pytest.raises(OutOfTime):
        retrain([SKIP, CONV], images, RECIPE, out=out, deadline=39.0)
    retrain([SKIP, CONV], images, RECIPE, out=out)
    assert len(epochs) == 2 * RECIPE.epochs
    assert read_scores(out) == read_scores(tmp_path / "whole.parquet")


def test_a_cell_of_a_space_that_was_not_asked_for_is_trained_anew(images, tmp_path, epochs):
    """The experiment's images may differ from space to space."""
    out = tmp_path / "s.parquet"
    retrain([CONV], images, RECIPE, out=out)
    other = replace(images, train=255 - images.train, test=255 - images.test, checksum="another")
    retrain([SAME], other, RECIPE, out=out)
    assert len(epochs) == 2 * RECIPE.epochs


def cut_off(images, out):
    """Begin a training and leave its checkpoint."""

    def interrupt(done, total, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retrain([CONV], images, RECIPE, out=out, progress=interrupt, checkpoint_seconds=0)
    (checkpoint,) = out.parent.glob("s.*.checkpoint.pt")
    return checkpoint


def test_the_checkpoint_of_another_training_is_left_alone(images, tmp_path, epochs):
    checkpoint = cut_off(images, tmp_path / "s.parquet")
    before = checkpoint.read_bytes()
    epochs.clear()
    other = tmp_path / "s.parquet"
    retrain([CONV], images, replace(RECIPE, lr=0.2), out=other, checkpoint_seconds=0)
    assert len(epochs) == RECIPE.epochs
    assert checkpoint.read_bytes() == before


def test_a_damaged_checkpoint_is_named_and_kept_aside(images, tmp_path, epochs):
    checkpoint, said = cut_off(images, tmp_path / "s.parquet"), []
    checkpoint.write_bytes(damaged := checkpoint.read_bytes()[:1000])
    epochs.clear()
    retrain([CONV], images, RECIPE, out=tmp_path / "s.parquet", say=said.append)
    assert len(epochs) == RECIPE.epochs
    assert said == [f"{checkpoint} is damaged; it is kept as {checkpoint.name}.damaged"]
    assert checkpoint.with_name(f"{checkpoint.name}.damaged").read_bytes() == damaged


def test_a_checkpoint_of_the_older_layout_is_gone_on_from(images, tmp_path, epochs):
    checkpoint = cut_off(images, tmp_path / "s.parquet")
    checkpoint.rename(tmp_path / "s.checkpoint.pt")
    epochs.clear()
    retrain([CONV], images, RECIPE, out=tmp_path / "s.parquet")
    assert len(epochs) == RECIPE.epochs - 1
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]


def test_a_training_of_another_length_is_replaced_on_demand_alone(images, tmp_path, epochs):
    out, longer = tmp_path / "s.parquet", replace(RECIPE, epochs=RECIPE.epochs + 1)
    retrain([CONV], images, RECIPE, out=out)
    before = out.read_bytes()
    with pytest.raises(InputError, match=f"{out} is a table with a training of {RECIPE.epochs} epochs"):
        retrain([CONV], images, longer, out=out)
    assert out.read_bytes() == before
    retrain([CONV], images, longer, out=out, replace=True)
    assert [score.epochs for score in read_scores(out)] == [longer.epochs]


def test_progress_counts_cells(images, tmp_path):
    seen = []
    retrain([CONV, SKIP], images, RECIPE, out=tmp_path / "s.parquet", progress=lambda *a: seen.append(a))
    assert [done for done, _, _ in seen] == pytest.approx([1 / 3, 2 / 3, 1, 1, 4 / 3, 5 / 3, 2, 2])
    assert {total for _, total, _ in seen} == {2}
    assert seen[-1][2].startswith(SKIP[1])


@pytest.mark.parametrize(
    ("arch", "recipe", "message"),
    [
        (("nasbench202", "x"), RECIPE, "unknown space 'nasbench202'; did you mean 'nasbench201'?"),
        (("nasbench201", "101:conv3x3"), RECIPE, "is not a NAS-Bench-201 cell"),
        (CONV, replace(RECIPE, validation=60), "lower the recipe's validation"),
    ],
)
def test_wrong_input_fails_before_anything_is_trained(images, tmp_path, epochs, arch, recipe, message):
    with pytest.raises(InputError) as error:
        retrain([CONV, arch], images, recipe, out=tmp_path / "s.parquet")
    assert message in str(error.value)
    assert epochs == []


def test_rmsprop_equals_tensorflows_recurrence():
    rng = np.random.default_rng(0)
    weight, square, velocity = 0.7, 1.0, 0.0
    parameter = nn.Parameter(torch.tensor([weight], dtype=torch.float64))
    optimizer = RMSpropTF([parameter], 0.2, momentum=0.9, weight_decay=0.01, eps=1.0)
    for lr, raw in zip((0.2, 0.1, 0.05), rng.normal(size=3), strict=True):
        gradient = raw + 0.01 * weight
        square = 0.9 * square + 0.1 * gradient**2
        velocity = 0.9 * velocity + lr * gradient / math.sqrt(square + 1.0)
        weight -= velocity
        parameter.grad = torch.tensor([raw], dtype=torch.float64)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        assert parameter.item() == pytest.approx(weight, rel=1e-14)


def test_learning_rate_falls_by_a_cosine():
    by_epoch, by_step = replace(RECIPE, epochs=10, lr_per="epoch"), replace(RECIPE, epochs=10)
    assert by_epoch.lr_at(0, 0, 4) == by_epoch.lr_at(0, 3, 4) == 0.1
    assert by_epoch.lr_at(5, 2, 4) == pytest.approx(0.05)
    assert by_step.lr_at(5, 2, 4) == pytest.approx(0.05 * (1 + math.cos(math.pi * 0.55)))


def test_presets():
    assert {"quick", "nasbench101", "nasbench201"} < set(RECIPES)
    tables = RECIPES["nasbench101"], RECIPES["nasbench201"]
    assert [(r.epochs, r.batch, r.lr, r.weight_decay, r.validation) for r in tables] == [
        (108, 256, 0.2, 1e-4, 10_000),
        (200, 256, 0.1, 5e-4, 0),
    ]
    assert [recipe.size for recipe in tables] == ["full", "full"]
    assert not RECIPES["quick"].flip  # a mirrored digit is another digit, or none


def test_a_cell_that_another_process_trains_is_left_to_it(images, tmp_path, epochs):
    out, said = tmp_path / "scores.parquet", []
    with hold(lock(out, images.name, "retrain-tiny", "nasbench201", SKIP[1])):
        retrain([SKIP, CONV], images, RECIPE, out=out, say=said.append)
    assert [score.arch for score in read_scores(out)] == [CONV[1]]
    assert said == [f"{SKIP[1]} is left out: another process trains it"]
    assert len(epochs) == RECIPE.epochs
    retrain([SKIP, CONV], images, RECIPE, out=out, say=said.append)
    assert {score.arch for score in read_scores(out)} == {SKIP[1], CONV[1]}
    assert len(epochs) == 2 * RECIPE.epochs
    assert len(said) == 1
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_cell_that_another_process_scored_meanwhile_is_not_trained_again(images, tmp_path, epochs):
    mine, theirs = tmp_path / "mine.parquet", tmp_path / "theirs.parquet"
    retrain([SKIP], images, RECIPE, out=theirs)
    begun = len(epochs)

    def beside(done, total, text):
        if done == 1:  # the first cell is scored, the second is to come
            merge_scores(mine, read_scores(theirs))

    retrain([CONV, SKIP], images, RECIPE, out=mine, progress=beside)
    assert {score.arch for score in read_scores(mine)} == {SKIP[1], CONV[1]}
    assert len(epochs) - begun == RECIPE.epochs
