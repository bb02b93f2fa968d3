"""``dnas retrain``."""

from __future__ import annotations

from .application import OutOfBudget, app
from .display import Trained
from .options import RUNS, Budget, Device, ExperimentName, Methods, Overrides, Replace, Runs, Spaces, narrowed, seconds


@app.command()
def retrain(
    experiment: ExperimentName = "quick",
    space: Spaces = None,
    method: Methods = None,
    override: Overrides = None,
    runs: Runs = RUNS,
    device: Device = "auto",
    budget: Budget = "",
    replace: Replace = False,
) -> None:
    """Train what an experiment found from scratch: all of it, or one cell of each arm where the experiment chooses."""
    from bench import from_scratch, reproduce
    from bench.experiments import reading
    from results.errors import InputError

    wanted = reading.load(experiment, override or ())
    if not wanted.retrain.recipe:
        raise InputError(f"'{wanted.name}' does not say how to retrain; add [retrain] with a recipe to its file")
    limit = seconds(budget)
    chosen = narrowed(wanted, space, method)
    work = reproduce.prepare(wanted, chosen, runs, device=device, seconds=limit, replace=replace)
    scored = from_scratch.train(wanted, work.setting, Trained(), chosen.arms if space or method else None)
    print(f"score: {scored.text}")
    if scored.out_of_time:
        raise OutOfBudget("out of budget with work left; the same command continues")
