"""The whole way: plan, run, score. Checking and reporting need the store alone and come after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

from bench.engines.engine import Engine, TaskOutcome
from bench.experiments.reading import Experiment
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting, choose_device
from bench.methods import method
from bench.protocol import ImagesConfig, Protocol, config_hash
from bench.retraining.recipes import RECIPES
from bench.retraining.retrain import retrain
from bench.runs import execution, price, standing
from bench.runs.plan import Filter, is_done, plan, runs
from results.files import kept, whole
from results.records.run import Run
from results.records.store import Store
from results.scores.score import read_scores

from . import scoring


def run(
    experiment: Experiment,
    chosen: Filter,
    setting: Setting,
    progress: execution.Progress,
    *,
    by: Engine,
    workers: int = 0,
    say: Callable[[str], None] = print,
) -> Iterator[TaskOutcome]:
    """Run what is missing, by priority, in groups that fit the memory, and yield how each group ended.

    Raises
    ------
    InputError
        Something would be replaced that is kept; see ``bench.runs.standing``.
    """
    standing.clear(experiment, setting.store, chosen, replace=setting.replace, say=say)
    tasks = list(plan(experiment, setting.store, chosen))
    if tasks:
        protocols = (experiment.protocol(task.space, task.method) for task in tasks)
        for protocol in {protocol.images: protocol for protocol in protocols}.values():
            execution.images_of(
                protocol, setting.data_dir
            )  # what is missing is bad input, found before a process starts
        tasks, line = price.fitted(tasks, experiment, by.room(setting.device, workers))
        if line:
            say(line)
    yield from by.run(tasks, experiment, setting, progress, workers=workers)


def check_places(experiment: Experiment, setting: Setting) -> None:
    """Find before the work what could not be written or added to after it.

    Raises
    ------
    InputError, OSError
        The store cannot be written, or tables of scores in it are damaged or of other trainings.
    """
    store = setting.store
    whole.check_place(store.root)
    read_scores(store.scores_path)
    others = standing.trainings(experiment, store)
    kept.refuse(others, replace=setting.replace, otherwise=standing.OTHERWISE)


@dataclass(frozen=True)
class Scored:
    """One line on how much is scored, and whether the time ran out before all was."""

    text: str
    out_of_time: bool = False


def score(experiment: Experiment, setting: Setting, progress: Callable[[float, int, str], None]) -> Scored:
    """Score what the experiment found, by table or by retraining."""
    store, root = setting.store, setting.store.root
    assert setting.data_dir is not None
    records = store.records(experiment.name, complete_only=True)
    if not records:
        return Scored("nothing to score yet")
    device = choose_device("cpu" if setting.device.type == "cpu" else "auto")  # that of the runs may be elsewhere
    if experiment.retrain.recipe:
        finals, out_of_time = scoring.finals(records), False
        missing = scoring.unscored(finals, root, setting.data_dir)
        if setting.replace:
            others = {(score.space, score.arch, score.dataset) for score in standing.other_trainings(experiment, store)}
            missing += [final for final in finals if final in others]
        try:
            for protocol, archs in _by_images(experiment, missing):
                if device.type == "cpu":
                    torch.set_num_threads(1)  # small cells gain nothing from a second, which stalls if cores are busy
                retrain(
                    archs,
                    execution.images_of(protocol, setting.data_dir),
                    RECIPES[experiment.retrain.recipe],
                    experiment=experiment.name,
                    device=device,
                    out=store.retrained_path(experiment.name),
                    progress=progress,
                    deadline=setting.deadline,
                    replace=setting.replace,
                )
        except OutOfTime:
            out_of_time = True
        scored = len(finals) - len(scoring.unscored(finals, root, setting.data_dir))
        text = f"{scored} of {len(finals)} distinct final architectures scored by retraining"
        return Scored(text + ("; out of time, and the same command goes on" if out_of_time else ""), out_of_time)
    asked, found, differ = scoring.keep_scores(root, records, setting.data_dir, replace=setting.replace)
    text = f"{found} of {asked} architectures and data sets scored by tables"
    if differ:
        text += f"; {differ} scores in {store.scores_path} differ from the tables and stay, --replace replaces them"
    return Scored(text)


def _by_images(experiment: Experiment, finals: list[scoring.Final]) -> Iterator[tuple[Protocol, list[tuple[str, str]]]]:
    """Yield architectures by the images that are searched on in their spaces, with a protocol that has these.

    An architecture that was found on another data set than its space has now is left as it is.
    """
    groups: dict[ImagesConfig, tuple[Protocol, list[tuple[str, str]]]] = {}
    for space, arch, dataset in finals:
        protocol = experiment.protocol(space, (experiment.methods or method.names())[0])  # all have the same images
        if protocol.images.dataset == dataset:
            groups.setdefault(protocol.images, (protocol, []))[1].append((space, arch))
    yield from groups.values()


def missing(experiment: Experiment, store: Store, chosen: Filter) -> Iterator[Run]:
    """Yield the runs that have no result yet."""
    for run in runs(experiment, chosen):
        planned = config_hash(run.space, run.method, experiment.protocol(run.space, run.method))
        if not is_done(store, run, planned):
            yield run


def diverged(experiment: Experiment, store: Store, among: Iterable[Run]) -> list[Run]:
    """Return those of some runs whose record says that they diverged under the protocol that the experiment has."""
    found = ((run, store.manifest(run)) for run in among)
    return [
        run
        for run, manifest in found
        if manifest
        and manifest.status == "diverged"
        and manifest.config_hash == config_hash(run.space, run.method, experiment.protocol(run.space, run.method))
    ]


def has_work(experiment: Experiment, store: Store, chosen: Filter) -> bool:
    """Whether anything is left to run."""
    return next(plan(experiment, store, chosen), None) is not None
