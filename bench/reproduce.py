"""The whole way: plan, run, score. Checking and reporting need the store alone and come after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from results.record import Run
from results.store import Store

from . import engine, scoring
from .config import Experiment
from .images import Images
from .plan import Filter, Task, plan
from .recipes import RECIPES
from .retrain import retrain


@dataclass(frozen=True)
class Outcome:
    """How a task ended: "done", "out of time" or "failed" with its error."""

    task: Task
    status: str
    seconds: float
    error: str = ""


def run(
    experiment: Experiment, chosen: Filter, setting: engine.Setting, progress: engine.Progress
) -> Iterator[Outcome]:
    """Run what is missing, most wanted first; a failed group does not stop the others."""
    images: dict[tuple[object, ...], Images] = {}
    for task in plan(experiment, setting.store, chosen):
        began = time.monotonic()
        if began > setting.deadline:
            yield Outcome(task, "out of time", 0.0)
            return
        protocol = experiment.protocol(task.space, task.method)
        key = (protocol.images.dataset, protocol.images.size, protocol.images.limit)
        if key not in images:
            images[key] = engine.images_of(protocol, setting.data_dir)
        try:
            engine.run_group(experiment, task, images[key], setting, progress)
        except engine.OutOfTime:
            yield Outcome(task, "out of time", time.monotonic() - began)
            return
        except (RuntimeError, FloatingPointError) as error:  # the numerics or the device gave up
            first = str(error).strip().splitlines() or [type(error).__name__]
            engine.write_failure(experiment, task, images[key], setting, first[0])
            yield Outcome(task, "failed", time.monotonic() - began, first[0])
            continue
        yield Outcome(task, "done", time.monotonic() - began)


def score(experiment: Experiment, setting: engine.Setting, progress: Callable[[float, int, str], None]) -> str:
    """Score what the experiment found, by table or by retraining; return one line that says how much is scored."""
    store, runs = setting.store, setting.store.root
    assert setting.data_dir is not None
    records = store.records(experiment.name, complete_only=True)
    if not records:
        return "nothing to score yet"
    if experiment.retrain.recipe:
        todo = scoring.unscored_finals(runs, experiment.name, setting.data_dir)
        if todo:
            protocol = experiment.protocol(*_first(records[0].run))
            retrain(
                todo,
                engine.images_of(protocol, setting.data_dir),
                RECIPES[experiment.retrain.recipe],
                experiment=experiment.name,
                device=setting.device,
                out=scoring.retrained_path(runs, experiment.name),
                progress=progress,
            )
        left = len(scoring.unscored_finals(runs, experiment.name, setting.data_dir))
        finals = {(r.run.space, r.final_arch) for r in records}
        return f"{len(finals) - left} of {len(finals)} distinct final architectures scored by retraining"
    asked, found = scoring.keep_scores(runs, records, setting.data_dir)
    return f"{found} of {asked} architectures and data sets scored by tables"


def _first(run: Run) -> tuple[str, str]:
    return run.space, run.method


def has_work(experiment: Experiment, store: Store, chosen: Filter) -> bool:
    """Whether anything is left to run."""
    return next(plan(experiment, store, chosen), None) is not None
