"""``dnas plan``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

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
    Workers,
    duration,
    emit,
    existing,
    narrowed,
    size,
)

if TYPE_CHECKING:
    from bench.runs.plan import Group

_WIDE = 10_000  # columns of a table in a pipe: one line per row


@app.command()
def plan(
    experiment: ExperimentName = "quick",
    space: Spaces = None,
    method: Methods = None,
    seeds: Seeds = None,
    override: Overrides = None,
    runs: Runs = RUNS,
    device: Device = "auto",
    workers: Workers = 0,
    as_json: Json = False,
) -> None:
    """Say what would run, and what it would cost."""
    from bench.engines import inline
    from bench.experiments import reading
    from bench.runs.plan import measured_otherwise, missing
    from bench.runs.plan import plan as planned
    from bench.runs.price import Prices, fitted
    from bench.runs.standing import OTHERWISE, standing, trainings
    from results.errors import printable
    from results.files import kept
    from results.records.store import Store

    wanted = reading.load(experiment, override or ())
    chosen = narrowed(wanted, space, method, seeds)
    store, place = Store(existing(runs)), inline.device(device)
    stands, unreadable = standing(chosen.arms, store), store.unreadable()
    in_the_way = [*stands.kept, *trainings(wanted, store)]
    prices = Prices(store, place)
    total = sum(len(arm.seeds) for arm in chosen.arms)
    groups, divided = fitted(list(planned(chosen.arms, store)), inline.room(place, workers))
    priced = [(group, prices.of(group)) for group in groups]
    left = sum(1 for _ in missing(chosen.arms, store))  # a group may go on with seeds that are done
    otherwise = list(measured_otherwise(chosen.arms, store))
    if as_json:
        emit(
            {
                "experiment": wanted.name,
                "runs": total,
                "done": total - left,
                "tasks": [
                    {
                        "space": group.arm.space_id,
                        "method": group.arm.id,
                        "seeds": list(group.seeds),
                        "epochs_done": min(group.at.epoch, group.epochs),
                        "epochs": group.epochs,
                        "rounds_done": max(0, group.at.epoch - group.epochs),
                        "rounds": group.last - group.epochs,
                        "seconds": price.seconds,
                        "memory_bytes": price.memory,
                        "basis": price.basis,
                    }
                    for group, price in priced
                ],
                "measured_otherwise": [
                    {"run": str(each.run), "there": dict(each.there), "planned": dict(each.planned)}
                    for each in otherwise
                ],
                "left_out": [{"space": a.space_id, "method": a.id, "reason": a.fault} for a in chosen.senseless],
                "in_the_way": [{"path": str(each.path), "what": each.what} for each in in_the_way],
                "damaged": [str(path) for path in stands.damaged],
                "unreadable": [{"path": str(path), "error": why} for path, why in unreadable],
            }
        )
        return
    print(f"experiment {wanted.name}: {total} runs, {total - left} done, {left} to run")
    for each in otherwise:
        print(f"measured otherwise: {each}")
    for arm in chosen.senseless:
        print(f"left out: {arm}: {arm.fault}")
    if in_the_way:
        print(printable(f"'dnas run' refuses: {kept.line(in_the_way, OTHERWISE)}"))
    for path in stands.damaged:
        print(printable(f"{path} is damaged; 'dnas run' keeps it under another name"))
    print_unreadable(each for each in unreadable if each[0] not in stands.damaged)
    if not priced:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("space", "method", "seeds", "epochs", "time", "memory", "basis"):
        table.add_column(heading, justify="right" if heading in ("epochs", "time", "memory") else "left")
    for group, price in priced:
        done, whole = (_length(group, point) for point in (group.at.epoch, group.last))
        epochs = f"{done} of {whole}" if group.at.epoch else whole
        row = (group.arm.space_id, group.arm.id, ",".join(map(str, group.seeds)), epochs)
        table.add_row(*row, duration(price.seconds), size(price.memory), price.basis)
    shown = Console() if sys.stdout.isatty() else Console(width=_WIDE, height=25)  # the width alone is not heeded
    shown.print(table)
    if divided:
        print(divided)
    known = [price.seconds for _, price in priced if price.seconds == price.seconds]
    if known:
        print(f"total: {duration(sum(known))}" + ("" if len(known) == len(priced) else " and what has no price yet"))


def _length(group: Group, point: int) -> str:
    """Return the epochs up to a point, and the rounds of a selection after them, as in ``100 + 25``."""
    rounds = max(0, point - group.epochs)
    return f"{point - rounds} + {rounds}" if rounds else str(point)
