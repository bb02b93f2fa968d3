"""The whole way: plan, run, score. Checking and reporting need the store alone and come after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from bench.arms import Arm
from bench.engines.engine import Ended, Engine
from bench.experiments.reading import Experiment
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting, choose_device
from bench.methods import method
from bench.protocol import ImagesConfig
from bench.retraining.recipes import RECIPES
from bench.retraining.retrain import retrain
from bench.runs import execution, price, standing
from bench.runs.plan import plan
from results.files import kept, whole
from results.records.run import Run
from results.records.store import Store
from results.scores.score import read_scores

from . import scoring


def run(
    arms: Sequence[Arm],
    setting: Setting,
    progress: execution.Progress,
    *,
    by: Engine,
    workers: int = 0,
    say: Callable[[str], None] = print,
) -> Iterator[Ended]:
    """Run what is missing of arms, in groups that fit the memory, and yield how each ended.

    Raises
    ------
    InputError
        Something would be replaced that is kept; see ``bench.runs.standing``.
    """
    standing.clear(arms, setting.store, replace=setting.replace, say=say)
    groups = list(plan(arms, setting.store))
    for images in dict.fromkeys(group.arm.protocol.images for group in groups):
        execution.images_of(images, setting.data_dir)  # what is missing is bad input, found before a process starts
    if groups:
        groups, line = price.fitted(groups, by.room(setting.device, workers))
        if line:
            say(line)
    yield from by.run(groups, setting, progress, workers=workers)


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
            for images, archs in _by_images(experiment, missing):
                if device.type == "cpu":
                    torch.set_num_threads(1)  # small cells gain nothing from a second, which stalls if cores are busy
                retrain(
                    archs,
                    execution.images_of(images, setting.data_dir),
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


def _by_images(
    experiment: Experiment, finals: list[scoring.Final]
) -> Iterator[tuple[ImagesConfig, list[tuple[str, str]]]]:
    """Yield the images that are searched on in some spaces, with the architectures of these.

    An architecture that was found on another data set than its space has now is left as it is.
    """
    found: defaultdict[ImagesConfig, list[tuple[str, str]]] = defaultdict(list)
    for space, arch, dataset in finals:
        protocol = experiment.arm(space, (experiment.methods or method.names())[0]).protocol  # all have the same images
        if protocol.images.dataset == dataset:
            found[protocol.images].append((space, arch))
    yield from found.items()


def diverged(arms: Iterable[Arm], store: Store) -> list[Run]:
    """Return the runs whose record says that they diverged under the protocol that they have."""
    found = ((run, arm.hash, store.manifest(run)) for arm in arms for run in arm.runs)
    return [run for run, planned, m in found if m and (m.status, m.config_hash) == ("diverged", planned)]
