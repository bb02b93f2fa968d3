"""Which cells an experiment trains from scratch: all that its searches found, or one of each arm, and published ones.

Where an experiment selects, each arm's cells are trained for a short time first. The one with the best accuracy on the
held-out images is the arm's, as SmoothDARTS and R-DARTS choose theirs; of two that are equal, that of the lower seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from shlex import quote

import torch

from bench.arms import Arm
from bench.experiments.experiment import Experiment
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting, choose_device
from bench.methods import method
from bench.protocol import ImagesConfig
from bench.retraining.recipes import RECIPES
from bench.retraining.retrain import Progress, Purpose, release, retrain
from bench.runs import standing
from bench.scoring import Final, finals, unscored
from results.errors import InputError
from results.published import cells
from results.records.current import current
from results.records.record import Record
from results.records.run import ArmName
from results.scores.oracle import RetrainedOracle
from spaces import find


@dataclass(frozen=True)
class Scored:
    """One line on how much is scored, and whether the time ran out before all was."""

    text: str
    out_of_time: bool = False


def train(experiment: Experiment, setting: Setting, progress: Progress, arms: Sequence[Arm] | None = None) -> Scored:
    """Train what the experiment has found so far, and the published cells that it names, from scratch.

    A training that was cut off goes on where it stopped; what is scored is not trained again. What a search of another
    protocol found is not trained.

    Parameters
    ----------
    arms : what these found alone, and no published cells; None takes all of the experiment's.
    """
    narrowed = None if arms is None else {arm.name for arm in arms}
    records = [r for r in _counted(experiment, setting) if narrowed is None or r.run.arm in narrowed]
    complete = [record for record in records if record.complete]
    found, out_of_time, remark = finals(complete), False, ""
    beside = published(experiment) if arms is None else []
    if not found and not beside:
        return Scored("nothing to score yet")
    wanted, selecting = found, bool(experiment.retrain.select)
    try:
        if experiment.retrain.select:
            ready, waiting = _ready(experiment.choose().arms if arms is None else arms, experiment.seeds, records)
            waits = "1 arm waits" if waiting == 1 else f"{waiting} arms wait"
            remark = f"; {waits} for searches that have not ended" if waiting else ""
            _train(experiment, _retrainable(finals(ready)), experiment.retrain.select, "select", setting, progress)
            wanted, selecting = list(dict.fromkeys(chosen(experiment, ready, setting))), False
        wanted = list(dict.fromkeys([*wanted, *beside]))
        _train(experiment, _retrainable(wanted), experiment.retrain.recipe, "retrain", setting, progress)
    except OutOfTime:
        out_of_time = True
    ending = "; out of time, and the same command continues" if out_of_time else ""
    if selecting:
        return Scored(f"the short trainings that choose a cell of each arm have not ended{remark}{ending}", out_of_time)
    assert setting.data_dir is not None
    scored = len(wanted) - len(unscored(wanted, setting.store.root, setting.data_dir, experiment.name))
    kind = "chosen" if experiment.retrain.select else "distinct final"
    text = f"{scored} of {len(wanted)} {kind} architectures scored by retraining{remark}"
    if untrained := sorted({find(final.space).label for final in wanted if not find(final.space).retraining}):
        text += f"; cells of {' and '.join(untrained)} are not retrained"
    return Scored(text + ending, out_of_time)


def waiting(experiment: Experiment, setting: Setting, _: Progress) -> Scored:
    """Say how many cells wait for being trained from scratch."""
    found = finals(record for record in _counted(experiment, setting) if record.complete)
    what = "the best of each arm" if experiment.retrain.select else "them"
    named = "".join(f" -o {quote(override)}" for override in experiment.about.overrides)
    command, epochs = f"dnas retrain {quote(experiment.about.base)}{named}", RECIPES[experiment.retrain.recipe].epochs
    return Scored(f'{len(found)} distinct final architectures; "{command}" trains {what} for {epochs} epochs')


def published(experiment: Experiment) -> list[Final]:
    """Return the published cells that an experiment names, each with the data set of its space."""
    found = (cells()[name] for name in experiment.retrain.cells)
    return [Final(cell.space, cell.arch, _any_arm(experiment, cell.space).protocol.images.dataset) for cell in found]


def chosen(experiment: Experiment, records: Sequence[Record], setting: Setting) -> list[Final]:
    """Return the cell of each arm that the short training prefers."""
    oracle = RetrainedOracle(setting.store.retrained_path(experiment.name), experiment.name, "select")
    arms: defaultdict[ArmName, list[tuple[float, int, Final]]] = defaultdict(list)
    for record in records:
        (final,) = finals([record])
        if (score := oracle.score(*final)) and score.valid is not None:
            arms[record.run.arm].append((-score.valid, record.run.seed, final))
    return [min(scored)[2] for scored in arms.values()]


def _counted(experiment: Experiment, setting: Setting) -> list[Record]:
    """Return the records of the protocol that each arm has now; where an arm has none, those that were imported."""
    records, planned = setting.store.records(experiment.name), dict[ArmName, str]()
    for name in {record.run.arm for record in records}:
        with suppress(InputError, KeyError):  # a space or a method that the suite does not have
            planned[name] = experiment.arm(name.space, name.method).hash
    return current(records, planned, imported=True)[0]


def _ready(arms: Sequence[Arm], seeds: Sequence[int], records: Sequence[Record]) -> tuple[list[Record], int]:
    """Return the complete records of the arms whose searches all ended, and how many arms are not so far."""
    ended: defaultdict[ArmName, list[Record]] = defaultdict(list)
    for record in records:
        if not record.failed:
            ended[record.run.arm].append(record)
    mine = [ended[arm.name] for arm in arms]
    done = [found for found in mine if set(seeds) <= {record.run.seed for record in found}]
    return [record for found in done for record in found if record.complete], len(mine) - len(done)


def _retrainable(wanted: Sequence[Final]) -> list[Final]:
    return [final for final in wanted if find(final.space).retraining]


def _train(
    experiment: Experiment, wanted: Sequence[Final], recipe: str, purpose: Purpose, setting: Setting, progress: Progress
) -> None:
    """Train what is not scored for a purpose, on the images of its space."""
    store = setting.store
    assert setting.data_dir is not None
    if purpose == "retrain":
        missing = unscored(wanted, store.root, setting.data_dir, experiment.name)
    else:
        known = RetrainedOracle(store.retrained_path(experiment.name), experiment.name, purpose)
        missing = [final for final in wanted if known.score(*final) is None]
    if setting.replace:
        named = release(experiment.name, purpose)
        other = standing.other_trainings(experiment, store)
        others = {(score.space, score.arch, score.dataset) for score in other if score.release == named}
        missing += [final for final in wanted if final in others]
    device = choose_device("cpu" if setting.device.type == "cpu" else "auto")  # that of the runs may be elsewhere
    for arm, archs in _by_images(experiment, missing):
        with _one_thread(device):
            retrain(
                archs,
                arm.images(setting.data_dir),
                RECIPES[recipe],
                experiment=experiment.name,
                purpose=purpose,
                device=device,
                out=store.retrained_path(experiment.name),
                progress=progress,
                deadline=setting.deadline,
                replace=setting.replace,
            )


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """Compute on one thread of a CPU within: small cells gain nothing from a second, which stalls if cores are busy."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)  # what a search computes depends on it


def _by_images(experiment: Experiment, wanted: Sequence[Final]) -> Iterator[tuple[Arm, list[tuple[str, str]]]]:
    """Yield an arm for all images that are searched on in some spaces, with the architectures of these.

    An architecture that was found on another data set than its space has now is left as it is.
    """
    found: dict[ImagesConfig, tuple[Arm, list[tuple[str, str]]]] = {}
    for space, arch, dataset in wanted:
        arm = _any_arm(experiment, space)
        if arm.protocol.images.dataset == dataset:
            found.setdefault(arm.protocol.images, (arm, []))[1].append((space, arch))
    yield from found.values()


def _any_arm(experiment: Experiment, space: str) -> Arm:
    """Return an arm of a space; all have the same images."""
    return experiment.arm(space, (experiment.methods or method.names())[0])
