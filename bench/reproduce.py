"""The whole way: plan, run, score. Checking and reporting need the store alone and come after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

import spaces
from bench.engines.engine import Engine, TaskOutcome
from bench.experiments.reading import Experiment
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting, choose_device
from bench.protocol import ImagesConfig, Protocol
from bench.retraining.recipes import RECIPES
from bench.retraining.retrain import retrain
from bench.runs import execution, price
from bench.runs.plan import Filter, plan
from bench.runs.recording import table_dataset
from results.records.store import Store

from . import scoring
from .methods import method


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
    """Run what is missing, most wanted first, in groups that fit the memory, and yield how each group ended."""
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


def score(experiment: Experiment, setting: Setting, progress: Callable[[float, int, str], None]) -> str:
    """Score what the experiment found, by table or by retraining; return one line that says how much is scored."""
    store, runs = setting.store, setting.store.root
    assert setting.data_dir is not None
    records = store.records(experiment.name, complete_only=True)
    if not records:
        return "nothing to score yet"
    device = choose_device("cpu" if setting.device.type == "cpu" else "auto")  # that of the runs may be elsewhere
    if experiment.retrain.recipe:
        finals, more = scoring.finals(records), ""
        try:
            for protocol, archs in _by_images(experiment, scoring.unscored(finals, runs, setting.data_dir)):
                if device.type == "cpu":
                    torch.set_num_threads(1)  # small cells gain nothing from a second, which stalls if cores are busy
                retrain(
                    archs,
                    execution.images_of(protocol, setting.data_dir),
                    RECIPES[experiment.retrain.recipe],
                    experiment=experiment.name,
                    device=device,
                    out=scoring.retrained_path(runs, experiment.name),
                    progress=progress,
                    deadline=setting.deadline,
                )
        except OutOfTime:
            more = "; out of time, and the same command goes on"
        scored = len(finals) - len(scoring.unscored(finals, runs, setting.data_dir))
        return f"{scored} of {len(finals)} distinct final architectures scored by retraining{more}"
    asked, found = scoring.keep_scores(runs, records, setting.data_dir)
    return f"{found} of {asked} architectures and data sets scored by tables"


def _by_images(experiment: Experiment, finals: list[scoring.Final]) -> Iterator[tuple[Protocol, list[tuple[str, str]]]]:
    """Yield architectures by the images that are searched on in their spaces, with a protocol that has these.

    An architecture that was found on another data set than its space has now is left as it is.
    """
    groups: dict[ImagesConfig, tuple[Protocol, list[tuple[str, str]]]] = {}
    for space, arch, dataset in finals:
        protocol = experiment.protocol(space, (experiment.methods or method.names())[0])  # all have the same images
        if table_dataset(spaces.find(space), protocol) == dataset:
            groups.setdefault(protocol.images, (protocol, []))[1].append((space, arch))
    yield from groups.values()


def has_work(experiment: Experiment, store: Store, chosen: Filter) -> bool:
    """Whether anything is left to run."""
    return next(plan(experiment, store, chosen), None) is not None
