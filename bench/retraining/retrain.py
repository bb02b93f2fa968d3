"""Train found cells from scratch and score them on images that the search never saw.

Searches find few distinct cells, again and again. Each is trained once, and its score goes into a table as soon as
it is known. A retraining that was cut off resumes inside the cell that it was at, and ends as it
would have without the interruption (bit for bit on the same CPU with the same number of threads).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

import spaces
from bench import seeding
from bench.images.augment import augment, draw_augmentation
from bench.images.datasets import Images
from bench.machine.pace import Pace
from bench.retraining import networks
from bench.retraining.cell_checkpoint import CellCheckpoint
from bench.retraining.recipes import RECIPES, Recipe
from results.errors import InputError, suggest
from results.files import kept
from results.scores.score import Score, merge_scores, read_scores
from spaces.base import Size, Space

__all__ = ["RECIPES", "Progress", "Recipe", "retrain"]

#: Called as ``progress(done, total, text)``: cells trained, with fractions of one, of how many.
Progress = Callable[[float, int, str], None]

_EVALUATION_BATCH = 500


def retrain(
    archs: Iterable[tuple[str, str]],
    images: Images,
    recipe: Recipe,
    *,
    experiment: str | None = None,
    device: torch.device | str = "cpu",
    out: Path,
    progress: Progress | None = None,
    checkpoint_seconds: float = 60.0,
    deadline: float = float("inf"),
    replace: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Train each distinct cell once and add its score to the table ``out``.

    A score has the source "retrained", the release "retrain-EXPERIMENT", and one trial. A cell that the table holds
    with this release, data set and number of epochs is not trained again.

    Parameters
    ----------
    archs : pairs of space id and architecture key. A cell that two of these spaces share, of one family, is trained
        once.
    images : the experiment's images. The recipe says how many of the training images are held out for the
        validation accuracy, which is None where there are none.
    experiment : its id; by default the recipe's name.
    out : the table, as ``results.scores.score`` keeps it. While a cell is in training, its checkpoint lies beside it.
    checkpoint_seconds : least time between two checkpoints; they are written at the ends of epochs.
    deadline : of ``time.monotonic``.
    replace : whether scores of trainings of another length may be replaced.
    say : is told of a damaged checkpoint, which is set aside.

    Raises
    ------
    InputError
        A space or a key is unknown, the recipe holds out all training images, or the table has a cell that was trained
        for another number of epochs.
    OutOfTime
        Before an epoch that would end after the deadline; a later call goes on from there.
    """
    if recipe.validation >= len(images.train):
        raise InputError(
            f"recipe '{recipe.name}' holds out {recipe.validation} images for validation, and there are"
            f" {len(images.train)} training images; lower its validation"
        )
    cells: dict[tuple[str, str], list[str]] = {}
    for space, arch in dict.fromkeys(archs):
        found = _known(space)
        networks.check(found, arch)  # so that a wrong key fails before the first cell is trained
        cells.setdefault((found.family, arch), []).append(space)

    out, device = Path(out), torch.device(device)
    named = release(experiment or recipe.name)
    there = read_scores(out)
    asked_for = {(space, arch) for (_, arch), ids in cells.items() for space in ids}
    mine = [score for score in there if score.dataset == images.name and (score.space, score.arch) in asked_for]
    if (others := other_trainings(mine, named, recipe)) and not replace:
        what = f"a table with a training of {others[0].epochs} epochs of {others[0].arch}"
        raise InputError(kept.line([kept.Kept(out, what)]))
    wanted = (images.name, named, recipe.epochs)
    table = [score for score in there if (score.dataset, score.release, score.epochs) == wanted]
    keys = {score.key for score in table}
    asked = {space for ids in cells.values() for space in ids}  # other spaces may have other images
    known = {(_known(score.space).family, score.arch): score for score in table if score.space in asked}
    parts = ("train", "train_labels", "test", "test_labels")
    images = dataclasses.replace(images, **{part: getattr(images, part).to(device) for part in parts})
    checkpoint = CellCheckpoint(out, say)
    pace = Pace(deadline, checkpoint_seconds)
    for position, ((family, arch), ids) in enumerate(cells.items()):
        score = known.get((family, arch))
        if score is None:
            report = partial(_report, progress, position, len(cells), arch)
            valid, test = _train(_known(ids[0]), arch, images, recipe, checkpoint, pace, report)
            score = Score(
                space=ids[0],
                arch=arch,
                dataset=images.name,
                valid=valid,
                test=test,
                valid_trials=() if valid is None else (valid,),
                test_trials=(test,),
                source="retrained",
                release=named,
                epochs=recipe.epochs,
            )
        new = [row for row in (dataclasses.replace(score, space=space) for space in ids) if row.key not in keys]
        if new:
            merge_scores(out, new)
        if (family, arch) not in known:
            checkpoint.remove()
        if progress:
            progress(position + 1, len(cells), f"{arch}: test accuracy {score.test:.2f} %")


def release(experiment: str) -> str:
    """Return the release that the scores of an experiment's retraining carry."""
    return f"retrain-{experiment}"


def other_trainings(scores: Iterable[Score], release: str, recipe: Recipe) -> list[Score]:
    """Return the scores of a retraining that another number of epochs made."""
    return [score for score in scores if score.release == release and score.epochs != recipe.epochs]


def _train(
    space: Space,
    arch: str,
    images: Images,
    recipe: Recipe,
    checkpoint: CellCheckpoint,
    pace: Pace,
    report: Callable[[float], None],
) -> tuple[float | None, float]:
    """Train one cell; return validation and test accuracy in percent."""
    stream = f"retrain/{space.family}/{arch}"
    assert space.retraining is not None
    size: Size = getattr(space.retraining, recipe.size)
    options = {} if recipe.bn_momentum is None else {"bn_momentum": recipe.bn_momentum}
    network = networks.build(
        space,
        arch,
        seed=seeding.key(recipe.seed, f"{stream}/init"),
        channels=size.channels,
        cells=size.cells,
        image_channels=images.train.shape[1],
        classes=images.classes,
        **options,
    )
    network.to(images.train.device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (not in torch's stub)
    optimizer = recipe.make_optimizer(network)
    checkpoint.begin(f"{stream} on {images.checksum} by {recipe}")
    count = len(images.train) - recipe.validation
    trained_on = dataclasses.replace(images, train=images.train[:count], train_labels=images.train_labels[:count])
    pace.stop()
    pace.keep()  # the clock of an epoch begins
    for epoch in range(checkpoint.restore(network, optimizer), recipe.epochs):
        generator = seeding.stream(recipe.seed, f"{stream}/epoch", epoch)
        _train_epoch(network, optimizer, trained_on, recipe, epoch, generator)
        pace.step()
        if pace.due:
            checkpoint.save(network, optimizer, epoch + 1)
            pace.keep()
            pace.stop()
        report((epoch + 1) / recipe.epochs)
    test = _accuracy(network, images, images.test, images.test_labels)
    if not recipe.validation:
        return None, test
    return _accuracy(network, images, images.train[count:], images.train_labels[count:]), test


def _train_epoch(
    network: nn.Module, optimizer: Optimizer, images: Images, recipe: Recipe, epoch: int, generator: torch.Generator
) -> None:
    """Take one pass over the training images, in an order of the generator's."""
    device, count = images.train.device, len(images.train)
    size = images.train.shape[-1]
    draws = draw_augmentation(generator, count, size=size, pad=recipe.pad, flip=recipe.flip, cutout=recipe.cutout)
    order = torch.randperm(count, generator=generator)
    # With a seed axis of one, as ``augment`` wants it.
    order, crop, flip, centre = (None if t is None else t.to(device)[None] for t in (order, *draws))
    assert order is not None
    steps = -(-count // recipe.batch)
    network.train()
    for step in range(steps):
        part = slice(step * recipe.batch, (step + 1) * recipe.batch)
        index = order[:, part]
        x = augment(
            images.train,
            index,
            None if crop is None else crop[:, part],
            None if flip is None else flip[:, part],
            None if centre is None else centre[:, part],
            pad=recipe.pad,
            cutout=recipe.cutout,
            mean=images.mean,
            std=images.std,
        )
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr_at(epoch, step, steps)
        optimizer.zero_grad()
        F.cross_entropy(network(x), images.train_labels[index[0]]).backward()
        optimizer.step()


@torch.no_grad()
def _accuracy(network: nn.Module, images: Images, pixels: Tensor, labels: Tensor) -> float:
    """Return the accuracy on ``pixels`` in percent."""
    network.eval()
    correct = torch.zeros((), dtype=torch.int64, device=pixels.device)
    for index in torch.arange(len(pixels), device=pixels.device).split(_EVALUATION_BATCH):
        x = augment(pixels, index[None], mean=images.mean, std=images.std)
        correct += (network(x).argmax(1) == labels[index]).sum()
    return 100.0 * int(correct) / len(pixels)


def _known(space: str) -> Space:
    if space not in spaces.names():
        raise InputError(f"unknown space '{space}'{suggest(space, spaces.names())}")
    return spaces.find(space)


def _report(progress: Progress | None, position: int, total: int, arch: str, fraction: float) -> None:
    if progress:
        progress(position + fraction, total, arch)
