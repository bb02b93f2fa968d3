"""``dnas reproduce``, ``dnas run``, ``dnas plan``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import typer

from .application import Failed, app
from .display import display
from .options import (
    REPORTS,
    RUNS,
    Budget,
    Capture,
    Compile,
    ConvForm,
    Device,
    Engine,
    ExperimentName,
    Json,
    Methods,
    Overrides,
    Precision,
    Reports,
    Runs,
    Seeds,
    Spaces,
    Strict,
    WithImported,
    Workers,
    duration,
    emit,
    seconds,
)

if TYPE_CHECKING:
    from bench.experiments.reading import Experiment
    from bench.runs.plan import Filter


@app.command()
def reproduce(
    experiment: ExperimentName = "quick",
    space: Spaces = None,
    method: Methods = None,
    seeds: Seeds = "",
    override: Overrides = None,
    runs: Runs = RUNS,
    reports: Reports = REPORTS,
    device: Device = "auto",
    engine: Engine = "inline",
    budget: Budget = "",
    workers: Workers = 0,
    conv_form: ConvForm = "auto",
    precision: Precision = "auto",
    capture: Capture = True,
    compile_cells: Compile = False,
    strict: Strict = False,
    imported: WithImported = False,
) -> None:
    """Run what is missing, score it, hold it against what was published, and rebuild the reports."""
    from .reports import build_reports, print_claims

    reports.mkdir(parents=True, exist_ok=True)  # a folder that cannot be written is found before the work, not after
    name = run(
        experiment,
        space,
        method,
        seeds,
        override,
        runs,
        device,
        engine,
        budget,
        workers,
        conv_form,
        precision,
        capture,
        compile_cells,
    )
    built = build_reports(runs, reports, also=(name,), imported=imported)
    status = print_claims(built.verdicts, strict=strict, scope=name)
    print(f"report: {built.page}")
    raise typer.Exit(status)


@app.command()
def run(
    experiment: ExperimentName = "quick",
    space: Spaces = None,
    method: Methods = None,
    seeds: Seeds = "",
    override: Overrides = None,
    runs: Runs = RUNS,
    device: Device = "auto",
    engine: Engine = "inline",
    budget: Budget = "",
    workers: Workers = 0,
    conv_form: ConvForm = "auto",
    precision: Precision = "auto",
    capture: Capture = True,
    compile_cells: Compile = False,
) -> str:
    """Run and score what is missing, without reporting."""
    from bench import reproduce
    from bench.engines import engine as engines
    from bench.experiments import reading
    from bench.machine import precision as precisions
    from bench.machine.setting import Setting
    from bench.runs.tidy import tidy
    from results.data.directory import data_dir
    from results.errors import InputError, suggest
    from results.records.store import Store
    from spaces.supernet.conv import CONV_FORMS

    by = engines.find(engine)
    if conv_form not in ("auto", *CONV_FORMS):
        raise InputError(f"unknown convolution form '{conv_form}'{suggest(conv_form, ['auto', *CONV_FORMS])}")
    deadline = time.monotonic() + seconds(budget)
    wanted = reading.load(experiment, override or ())
    chosen = _filter(wanted, space, method, seeds)
    for pair in chosen.refuse_senseless(wanted):
        print(f"left out: {pair}")
    runs.mkdir(parents=True, exist_ok=True)
    where = by.device(device)
    setting = Setting(
        Store(runs),
        where,
        data_dir(),
        form=conv_form,
        precision=precisions.choose(precision, where),
        capture=capture,
        compiled=compile_cells,
        deadline=deadline,
        epoch_seconds=60.0 if where.type == "cuda" else 0.0,  # an epoch takes seconds there, and minutes on a CPU
    )
    failed = []
    if reproduce.has_work(wanted, setting.store, chosen):
        with display() as shown:
            outcomes = reproduce.run(wanted, chosen, setting, shown.progress, by=by, workers=workers, say=shown.say)
            for outcome in outcomes:
                shown.ended(outcome)
                if outcome.status == "failed":
                    failed.append(f"{outcome.task}: {outcome.error}")
    else:
        print(f"experiment {wanted.name}: nothing left to run")
    tidy(wanted, setting.store, chosen)
    print(f"score: {reproduce.score(wanted, setting, _retraining)}")
    if failed:
        raise Failed(f"{len(failed)} of the groups failed, the first is {failed[0]}; run again to retry")
    return wanted.name


@app.command()
def plan(
    experiment: ExperimentName = "quick",
    space: Spaces = None,
    method: Methods = None,
    seeds: Seeds = "",
    override: Overrides = None,
    runs: Runs = RUNS,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Say what would run, and what it would cost."""
    from bench.engines import inline
    from bench.experiments import reading
    from bench.runs.plan import measured_otherwise
    from bench.runs.plan import plan as missing
    from bench.runs.plan import runs as all_runs
    from bench.runs.price import Prices, fitted
    from results.records.store import Store

    wanted = reading.load(experiment, override or ())
    chosen = _filter(wanted, space, method, seeds)
    store, place = Store(runs), inline.device(device)
    prices = Prices(store, wanted, place)
    total = sum(1 for _ in all_runs(wanted, chosen))
    groups, divided = fitted(list(missing(wanted, store, chosen)), wanted, inline.room(place, 0))
    tasks = [(task, prices.of(task)) for task in groups]
    left = sum(len(task.seeds) for task, _ in tasks)
    otherwise = list(measured_otherwise(wanted, store, chosen))
    senseless = chosen.senseless(wanted)
    if as_json:
        emit(
            {
                "experiment": wanted.name,
                "runs": total,
                "done": total - left,
                "tasks": [
                    {
                        "space": task.space,
                        "method": task.method,
                        "seeds": list(task.seeds),
                        "epochs_done": task.done,
                        "epochs": task.epochs,
                        "seconds": price.seconds,
                        "memory_bytes": price.memory,
                        "basis": price.basis,
                    }
                    for task, price in tasks
                ],
                "measured_otherwise": [
                    {"run": str(each.run), "there": dict(each.there), "planned": dict(each.planned)}
                    for each in otherwise
                ],
                "left_out": [{"space": p.space, "method": p.method, "reason": p.reason} for p in senseless],
            }
        )
        return
    print(f"experiment {wanted.name}: {total} runs, {total - left} done, {left} to run")
    for each in otherwise:
        print(f"measured otherwise: {each}")
    for pair in senseless:
        print(f"left out: {pair}")
    if not tasks:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("space", "method", "seeds", "epochs", "time", "memory", "basis"):
        table.add_column(heading, justify="right" if heading in ("epochs", "time", "memory") else "left")
    for task, price in tasks:
        epochs = f"{task.done} of {task.epochs}" if task.done else str(task.epochs)
        row = (task.space, task.method, ",".join(map(str, task.seeds)), epochs)
        table.add_row(*row, duration(price.seconds), f"{price.memory / 2**30:.1f} GiB", price.basis)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if divided:
        print(divided)
    known = [price.seconds for _, price in tasks if price.seconds == price.seconds]
    print(f"total: {duration(sum(known))}" + ("" if len(known) == len(tasks) else " and what has no price yet"))


def _filter(wanted: Experiment, space: list[str] | None, method: list[str] | None, seeds: str) -> Filter:
    from bench.experiments import reading
    from bench.runs.plan import Filter

    return Filter(
        tuple(reading.known_space(name) for name in space or ()),
        tuple(wanted.known_method(name) for name in method or ()),
        reading.parse_seeds(seeds) if seeds else (),
    )


def _retraining(done: float, total: int, text: str) -> None:
    if sys.stderr.isatty():
        print(f"\rretraining {done:.1f}/{total} {text[:60]:60}", end="" if done < total else "\n", file=sys.stderr)
