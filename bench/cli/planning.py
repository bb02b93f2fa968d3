"""``dnas plan``."""

from __future__ import annotations

import sys

from .application import app
from .claims import print_unreadable
from .options import (
    RUNS,
    Device,
    ExperimentName,
    Json,
    Methods,
    Overrides,
    Runs,
    Seeds,
    Spaces,
    duration,
    emit,
    existing,
    narrowed,
)

_WIDE = 10_000  # columns of a table in a pipe: a line a row


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
    from bench.runs.standing import OTHERWISE, standing
    from results.errors import printable
    from results.files import kept
    from results.records.store import Store

    wanted = reading.load(experiment, override or ())
    chosen = narrowed(wanted, space, method, seeds)
    store, place = Store(existing(runs)), inline.device(device)
    stands, unreadable = standing(wanted, store, chosen), store.unreadable()
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
                "in_the_way": [{"path": str(each.path), "what": each.what} for each in stands.kept],
                "damaged": [str(path) for path in stands.damaged],
                "unreadable": [{"path": str(path), "error": why} for path, why in unreadable],
            }
        )
        return
    print(f"experiment {wanted.name}: {total} runs, {total - left} done, {left} to run")
    for each in otherwise:
        print(f"measured otherwise: {each}")
    for pair in senseless:
        print(f"left out: {pair}")
    if stands.kept:
        print(printable(f"'dnas run' refuses: {kept.line(stands.kept, OTHERWISE)}"))
    for path in stands.damaged:
        print(printable(f"{path} is damaged; 'dnas run' keeps it under another name"))
    print_unreadable(each for each in unreadable if each[0] not in stands.damaged)
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
    shown = Console() if sys.stdout.isatty() else Console(width=_WIDE, height=25)  # the width alone is not heeded
    shown.print(table)
    if divided:
        print(divided)
    known = [price.seconds for _, price in tasks if price.seconds == price.seconds]
    print(f"total: {duration(sum(known))}" + ("" if len(known) == len(tasks) else " and what has no price yet"))
