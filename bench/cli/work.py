"""``dnas reproduce``, ``dnas run``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter, signature
from typing import Any

import typer

from .application import Failed, OutOfBudget, app
from .claims import print_unreadable
from .display import Trained, display
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
    TensorBoard,
    WithImported,
    Workers,
    narrowed,
    seconds,
)
from .scalars import check_installed, writing

Work = Callable[[], tuple[str, Failed | None]]


def _work(
    experiment: ExperimentName = "quick",
    space: Spaces = None,
    method: Methods = None,
    seeds: Seeds = None,
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
    tensorboard: TensorBoard = None,
) -> tuple[str, Failed | None]:
    """Run and score what is missing; return the experiment's name, and how the work ended where it is not all done."""
    from bench import reproduce
    from bench.experiments import reading

    limit = seconds(budget)
    if tensorboard is not None:
        check_installed()
    wanted = reading.load(experiment, override or ())
    work = reproduce.prepare(
        wanted,
        narrowed(wanted, space, method, seeds),
        runs,
        device=device,
        engine=engine,
        workers=workers,
        form=conv_form,
        precision=precision,
        capture=capture,
        compiled=compile_cells,
        seconds=limit,
        replace=replace,
    )
    for arm in work.chosen.senseless:
        print(f"left out: {arm}: {arm.fault}")
    left, failed, out_of_time = set(work.missing()), [], False
    if left:
        with display() as shown, writing(tensorboard, shown.progress) as progress:
            for ended in work.run(progress, say=shown.say):
                shown.ended(ended)
                out_of_time |= ended.status == "out of time"
                if ended.status == "failed":
                    failed.append(f"{ended.group}: {ended.error}")
    else:
        print(f"experiment {wanted.name}: nothing left to run")
    scored = work.score(Trained())
    print(f"score: {scored.text}")
    if failed:
        retry = "the same command tries again"
        return wanted.name, Failed(f"{len(failed)} of the groups failed, the first is {failed[0]}; {retry}")
    if diverged := [run for run in work.diverged() if run in left]:
        count = "a seed" if len(diverged) == 1 else f"{len(diverged)} seeds"
        kept = "its record is kept as a result" if len(diverged) == 1 else "their records are kept as results"
        return wanted.name, Failed(f"{count} diverged, the first is {diverged[0]}; {kept}")
    if out_of_time or scored.out_of_time:
        return wanted.name, OutOfBudget("out of budget with work left; the same command continues")
    return wanted.name, None


def _working(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``_work`` before its own, and ``_work`` with these as its first argument.

    What both name, such as the folder of records, both get.
    """
    theirs = signature(_work, eval_str=True).parameters
    mine = {k: p for k, p in signature(command, eval_str=True).parameters.items() if k != "work"}

    def working(**given: Any) -> None:
        command(partial(_work, **{k: given[k] for k in theirs}), **{k: given[k] for k in mine})

    options = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (theirs | mine).values()]
    working.__name__, working.__doc__ = command.__name__, command.__doc__
    working.__signature__ = signature(working).replace(parameters=options)  # pyright: ignore[reportFunctionMemberAccess]
    working.__annotations__ = {p.name: p.annotation for p in options}
    return working


@app.command()
@_working
def reproduce(
    work: Work,
    runs: Runs = RUNS,
    reports: Reports = REPORTS,
    strict: Strict = False,
    imported: WithImported = False,
    replace: Replace = False,
) -> None:
    """Run what is missing, score it, compare it with what was published, and rebuild the reports."""
    from reports.files import check_place

    from .reports import build_reports, print_claims

    check_place(reports, replace=replace)  # a folder that cannot be used is found before the work, not after
    name, end = work()
    built = build_reports(runs, reports, also=(name,), imported=imported, replace=replace)
    status = print_claims(built.verdicts, strict=strict, scope=name)
    print_unreadable(built.unreadable)
    print(f"report: {built.page}")
    if end:
        raise end
    raise typer.Exit(status)


@app.command()
@_working
def run(work: Work, runs: Runs = RUNS) -> None:
    """Run and score what is missing, without reporting."""
    from results.records.store import Store

    _, end = work()
    print_unreadable(Store(runs).unreadable())
    if end:
        raise end
