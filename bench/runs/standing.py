"""What already is where a run would write: results that must not be replaced, and damaged files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.arms import Arm
from bench.experiments.experiment import Experiment
from bench.retraining import retrain
from bench.retraining.recipes import RECIPES
from bench.runs import checkpoint
from bench.runs.plan import missing
from results.files import kept, whole
from results.records.run import Run
from results.records.store import Store
from results.scores.score import Score, read_scores

OTHERWISE = "give the experiment's file another name, choose another folder with --runs, or narrow the run"


@dataclass(frozen=True)
class Standing:
    """What stands where missing runs will be written.

    Attributes
    ----------
    kept : results, landscapes and checkpoints of other protocols or of another code.
    damaged : records and checkpoints that cannot be read.
    """

    kept: tuple[kept.Kept, ...]
    damaged: tuple[Path, ...]


def standing(arms: Iterable[Arm], store: Store) -> Standing:
    """Return what stands in the way of the runs that are missing; nothing is changed."""
    found: list[kept.Kept] = []
    damaged: list[Path] = []
    for arm in arms:
        for run in missing([arm], store):
            found += _kept(store, run, arm.hash)
            damaged += _damaged(store, run)
    return Standing(tuple(found), tuple(damaged))


def clear(arms: Iterable[Arm], store: Store, *, replace: bool, say: Callable[[str], None] = print) -> None:
    """Refuse to replace what is kept, then set damaged files aside and name them.

    Raises
    ------
    InputError
        A result or a checkpoint of another protocol or code is in the way, and ``replace`` does not say that it may go.
    """
    found = standing(arms, store)
    kept.refuse(found.kept, replace=replace, otherwise=OTHERWISE)
    for path in found.damaged:
        with suppress(FileNotFoundError):  # another process that starts now has done it
            say(f"{path} is damaged; it is kept as {whole.set_aside(path).name}")


def trainings(experiment: Experiment, store: Store) -> list[kept.Kept]:
    """Return the table of an experiment's retrained cells where another length of training made it."""
    others = other_trainings(experiment, store)
    what = f"a table with scores of trainings of {others[0].epochs} epochs" if others else ""
    return [kept.Kept(store.retrained_path(experiment.name), what)] if others else []


def other_trainings(experiment: Experiment, store: Store) -> list[Score]:
    """Return the scores of an experiment's retraining that another length of training made."""
    if not experiment.retrain.recipe:
        return []
    scores = read_scores(store.retrained_path(experiment.name))
    recipes: dict[retrain.Purpose, str] = {"retrain": experiment.retrain.recipe, "select": experiment.retrain.select}
    return [
        score
        for purpose, recipe in recipes.items()
        if recipe
        for score in retrain.other_trainings(scores, retrain.release(experiment.name, purpose), RECIPES[recipe])
    ]


def other_checkpoints(root: Path, run: Run, planned: str) -> list[kept.Kept]:
    """Return a run's checkpoints that are of another protocol, latest first."""
    found = ((there, checkpoint.read(there)) for there in _checkpoints(root, run))
    ours = (run, planned)
    return [checkpoint.in_the_way(p, c) for p, c in found if c and (c.run, c.meta.get("config_hash")) != ours]


def damaged_checkpoints(root: Path, run: Run) -> list[Path]:
    """Return a run's checkpoints that cannot be read, latest first."""
    return [there for there in _checkpoints(root, run) if checkpoint.read(there) is None and there.exists()]


def _checkpoints(root: Path, run: Run) -> list[Path]:
    return [checkpoint.path(root, run, position) for position in checkpoint.positions(root, run)]


def _kept(store: Store, run: Run, planned: str) -> Iterable[kept.Kept]:
    if what := store.result(run):
        yield kept.Kept(store.path(run), what)
    elif side := store.other_side(run, "landscape", planned):
        yield side
    yield from other_checkpoints(store.root, run, planned)


def _damaged(store: Store, run: Run) -> Iterable[Path]:
    if store.is_damaged(run):
        yield store.path(run)
    if store.is_side_damaged(run, "landscape"):
        yield store.side_path(run, "landscape")
    yield from damaged_checkpoints(store.root, run)
