"""``dnas reproduce``, ``dnas run``."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from .application import Failed, OutOfBudget, app
from .claims import print_unreadable
from .display import display, retraining
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
    Methods,
    Overrides,
    Precision,
    Replace,
    Reports,
    Runs,
    Seeds,
    Spaces,
    Strict,
    WithImported,
    Workers,
    narrowed,
    seconds,
)


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
    replace: Replace = False,
) -> None:
    """Run what is missing, score it, hold it against what was published, and rebuild the reports."""
    from reports.files import check_place

    from .reports import build_reports, print_claims

    check_place(reports, replace=replace)  # a folder that cannot be used is found before the work, not after
    name, end = _run(
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
        replace,
    )
    built = build_reports(runs, reports, also=(name,), imported=imported, replace=replace)
    status = print_claims(built.verdicts, strict=strict, scope=name)
    print_unreadable(built.unreadable)
    print(f"report: {built.page}")
    if end:
        raise end
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
    replace: Replace = False,
) -> None:
    """Run and score what is missing, without reporting."""
    from results.records.store import Store

    _, end = _run(
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
        replace,
    )
    print_unreadable(Store(runs).unreadable())
    if end:
        raise end


def _run(
    experiment: str,
    space: list[str] | None,
    method: list[str] | None,
    seeds: str,
    override: list[str] | None,
    runs: Path,
    device: str,
    engine: str,
    budget: str,
    workers: int,
    conv_form: str,
    precision: str,
    capture: bool,
    compile_cells: bool,
    replace: bool,
) -> tuple[str, Failed | None]:
    """Run and score what is missing; return the experiment's name, and how the work ended where it is not all done."""
    from bench import reproduce
    from bench.engines import engine as engines
    from bench.experiments import reading
    from bench.machine import precision as precisions
    from bench.machine.setting import Setting
    from bench.runs.plan import missing
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
    chosen = narrowed(wanted, space, method, seeds)
    chosen.refuse_senseless()
    for arm in chosen.senseless:
        print(f"left out: {arm}: {arm.fault}")
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
        replace=replace,
    )
    reproduce.check_places(wanted, setting)
    left = set(missing(chosen.arms, setting.store))
    failed, out_of_time = [], False
    if left:
        with display() as shown:
            outcomes = reproduce.run(chosen.arms, setting, shown.progress, by=by, workers=workers, say=shown.say)
            for outcome in outcomes:
                shown.ended(outcome)
                out_of_time |= outcome.status == "out of time"
                if outcome.status == "failed":
                    failed.append(f"{outcome.group}: {outcome.error}")
    else:
        print(f"experiment {wanted.name}: nothing left to run")
    tidy(chosen.arms, setting.store)
    scored = reproduce.score(wanted, setting, retraining)
    print(f"score: {scored.text}")
    if failed:
        retry = "the same command tries again"
        return wanted.name, Failed(f"{len(failed)} of the groups failed, the first is {failed[0]}; {retry}")
    if diverged := [run for run in reproduce.diverged(chosen.arms, setting.store) if run in left]:
        count = "a seed" if len(diverged) == 1 else f"{len(diverged)} seeds"
        kept = "its record is kept as a result" if len(diverged) == 1 else "their records are kept as results"
        return wanted.name, Failed(f"{count} diverged, the first is {diverged[0]}; {kept}")
    if out_of_time or scored.out_of_time:
        return wanted.name, OutOfBudget("out of budget with work left; the same command goes on")
    return wanted.name, None
