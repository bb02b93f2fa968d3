"""Train found cells from scratch and score them on images that the search never saw.

Searches find few distinct cells, again and again. Each is trained once, and its score goes into a table as soon as
it is known. A retraining that was cut off resumes inside the cell that it was at, and ends as it
would have without the interruption (bit for bit on the same CPU with the same number of threads).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import torch

import spaces
from bench.images.datasets import Images
from bench.machine.pace import Pace
from bench.retraining import networks
from bench.retraining.cell_checkpoint import CellCheckpoint
from bench.retraining.cell_training import Trained, train
from bench.retraining.darts_network import AUXILIARY_SIDE
from bench.retraining.recipes import RECIPES, Recipe
from results.errors import InputError, suggest
from results.files import kept
from results.files.locks import Busy, hold
from results.scores.score import Score, merge_scores, read_scores
from spaces.base import Space

__all__ = ["RECIPES", "Progress", "Recipe", "retrain"]

#: Called as ``progress(done, total, text)``: cells trained, with fractions of one, of how many.
Progress = Callable[[float, int, str], None]

#: What a training is for: to score a cell, or to choose one of several by its validation accuracy.
Purpose = Literal["retrain", "select"]


def retrain(
    archs: Iterable[tuple[str, str]],
    images: Images,
    recipe: Recipe,
    *,
    experiment: str | None = None,
    purpose: Purpose = "retrain",
    device: torch.device | str = "cpu",
    out: Path,
    progress: Progress | None = None,
    checkpoint_seconds: float = 60.0,
    deadline: float = float("inf"),
    replace: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Train each distinct cell once and add its score to the table ``out``.

    A score has the source "retrained", the release "PURPOSE-EXPERIMENT", and one trial. A cell that the table holds
    with this release, data set and number of epochs is not trained again. A cell that another process trains for this
    table is left to it.

    Parameters
    ----------
    archs : pairs of space id and architecture key. A cell that two of these spaces share, of one family, is trained
        once.
    images : the experiment's images. The recipe says how many of the training images are held out for the
        validation accuracy, which is None where there are none.
    experiment : its id; by default the recipe's name.
    purpose : scores of the two are kept apart, by their release.
    out : the table, as ``results.scores.score`` keeps it. While a cell is in training, its checkpoint lies beside it.
    checkpoint_seconds : least time between two checkpoints; they are written at the ends of epochs.
    deadline : of ``time.monotonic``.
    replace : whether scores of trainings of another length may be replaced.
    say : is told of a damaged checkpoint, which is set aside, and of a cell that is left to another process.

    Raises
    ------
    InputError
        A space or a key is unknown, the recipe is not for cells of the space or for these images, it holds out all
        training images, or the table has a cell that was trained for another number of epochs.
    OutOfTime
        Before an epoch that would end after the deadline; a later call continues from there.
    """
    _check_images(recipe, images)
    cells: dict[tuple[str, str], list[str]] = {}
    for space, arch in dict.fromkeys(archs):
        found = _known(space)
        networks.check(found, arch, recipe)  # so that a wrong key fails before the first cell is trained
        cells.setdefault((found.family, arch), []).append(space)

    out, device = Path(out), torch.device(device)
    named = release(experiment or recipe.name, purpose)
    there = read_scores(out)
    asked_for = {(space, arch) for (_, arch), ids in cells.items() for space in ids}
    mine = [score for score in there if score.dataset == images.name and (score.space, score.arch) in asked_for]
    if (others := other_trainings(mine, named, recipe)) and not replace:
        what = f"a table with a training of {others[0].epochs} epochs of {others[0].arch}"
        raise InputError(kept.line([kept.Kept(out, what)]))
    asked = {space for ids in cells.values() for space in ids}  # other spaces may have other images
    parts = ("train", "train_labels", "test", "test_labels")
    images = dataclasses.replace(images, **{part: getattr(images, part).to(device) for part in parts})
    checkpoint = CellCheckpoint(out, say)
    pace = Pace(deadline, checkpoint_seconds)
    for position, ((family, arch), ids) in enumerate(cells.items()):
        report = partial(_report, progress, position, len(cells), arch)
        training = partial(train, _known(ids[0]), arch, images, recipe, checkpoint, pace, report)
        try:
            with hold(lock(out, images.name, named, family, arch)):
                table = _scores(out, images.name, named, recipe)  # another process may have added some meanwhile
                score = next((s for s in table if s.space in asked and _cell(s) == (family, arch)), None)
                if trains := score is None:
                    score = _score(training(), ids[0], arch, images.name, named, recipe)
                keys = {one.key for one in table}
                rows = [dataclasses.replace(score, space=space) for space in ids]
                if new := [row for row in rows if row.key not in keys]:
                    merge_scores(out, new)
                if trains:
                    checkpoint.remove()
        except Busy:
            say(f"{arch} is left out: another process trains it")
            continue
        if progress:
            progress(position + 1, len(cells), f"{arch}: test accuracy {score.test:.2f} %")


def lock(out: Path, *training: str) -> Path:
    """Return the lock of a training for a table, of which data set, release, family and cell tell it from others."""
    return out.with_suffix(f".{hashlib.sha256(' '.join(training).encode()).hexdigest()[:12]}.lock")


def release(experiment: str, purpose: Purpose = "retrain") -> str:
    """Return the release that the scores of an experiment's retraining carry."""
    return f"{purpose}-{experiment}"


def other_trainings(scores: Iterable[Score], release: str, recipe: Recipe) -> list[Score]:
    """Return the scores of a retraining that another number of epochs made."""
    return [score for score in scores if score.release == release and score.epochs != recipe.epochs]


def _score(trained: Trained, space: str, arch: str, dataset: str, release: str, recipe: Recipe) -> Score:
    """Return the score that a training gives a cell."""
    return Score(
        space=space,
        arch=arch,
        dataset=dataset,
        valid=trained.valid,
        test=trained.test,
        valid_trials=() if trained.valid is None else (trained.valid,),
        test_trials=(trained.test,),
        source="retrained",
        release=release,
        epochs=recipe.epochs,
        best_test=trained.best_test,
        parameters=trained.parameters,
    )


def _cell(score: Score) -> tuple[str, str]:
    """Return the family and the key of the cell that a score is of."""
    return _known(score.space).family, score.arch


def _scores(out: Path, dataset: str, release: str, recipe: Recipe) -> list[Score]:
    """Return what a table holds of a retraining."""
    wanted = (dataset, release, recipe.epochs)
    return [score for score in read_scores(out) if (score.dataset, score.release, score.epochs) == wanted]


def _known(space: str) -> Space:
    if space not in spaces.names():
        raise InputError(f"unknown space '{space}'{suggest(space, spaces.names())}")
    return spaces.find(space)


def _check_images(recipe: Recipe, images: Images) -> None:
    """Raise ``InputError`` where a recipe cannot train on images."""
    held_out, side = recipe.held_out(len(images.train)), images.train.shape[-1]
    if held_out >= len(images.train):
        raise InputError(
            f"recipe '{recipe.name}' holds out {held_out} images for validation, and there are"
            f" {len(images.train)} training images; lower the recipe's validation"
        )
    if recipe.auxiliary and side != 4 * AUXILIARY_SIDE:
        raise InputError(
            f"recipe '{recipe.name}' has an auxiliary head, which needs images of {4 * AUXILIARY_SIDE} pixels a side,"
            f" and these have {side}; take another recipe"
        )


def _report(progress: Progress | None, position: int, total: int, arch: str, fraction: float) -> None:
    if progress:
        progress(position + fraction, total, arch)
