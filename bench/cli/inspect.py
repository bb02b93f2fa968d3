"""``dnas score``, ``dnas info``, ``dnas doctor``, ``dnas cite``: one architecture, space, machine, method."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from results.errors import InputError

from . import app
from .options import RUNS, Json, Runs, SpaceName, emit


@app.command()
def score(
    space: SpaceName,
    arch: Annotated[str, typer.Argument(help="The architecture's key.")],
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Score one architecture with the tables and scores at hand."""
    import dataclasses

    import spaces
    from bench import config
    from bench.scoring import oracle
    from results.data import data_dir

    found = spaces.find(config.known_space(space))
    try:
        key = found.parse(arch).key
    except ValueError as error:
        raise InputError(str(error)) from None
    known = oracle(runs, data_dir())
    scores = {dataset: known.score(space, key, dataset) for dataset in (*found.table_datasets, "digits")}
    scores = {dataset: score for dataset, score in scores.items() if score is not None}
    if not scores:
        raise InputError(f"nothing at hand scores {key}; 'dnas data status' names the tables that are missing")
    if as_json:
        details = {dataset: dataclasses.asdict(score) for dataset, score in scores.items()}
        emit({"space": space, "arch": key, "scores": details, "test": {d: s.test for d, s in scores.items()}})
        return
    print(key)
    for dataset, found_score in scores.items():
        valid = "-" if found_score.valid is None else f"{found_score.valid:.2f}"
        test = "-" if found_score.test is None else f"{found_score.test:.2f}"
        print(
            f"  {dataset:15} valid {valid:>6}  test {test:>6}  percent,"
            f" {len(found_score.test_trials) or 'mean of'} trials, {found_score.epochs} epochs, {found_score.release}"
        )


@app.command()
def info(
    space: SpaceName,
    runs: Runs = RUNS,
    stats: Annotated[bool, typer.Option("--stats", help="Optimum and coverage.")] = False,
    as_json: Json = False,
) -> None:
    """Describe a space: its sites, its supernet, how many cells it reaches."""
    import spaces
    from bench import config
    from spaces.supernet import Supernet

    found = spaces.find(config.known_space(space))
    net = Supernet(found, found.supernet)
    document: dict[str, Any] = {
        "space": found.id,
        "label": found.label,
        "weights": net.size,
        "alphas": found.alphas,
        "sites": [{"name": s.name, "rows": s.rows, "choices": list(s.choices), "keep": s.keep} for s in found.sites],
        "feature_maps": net.feature_maps(32),
        "reachable_cells": sum(1 for _ in found.enumerate()),
    }
    if stats:
        document["stats"] = _statistics(found, runs)
    if as_json:
        emit(document)
        return
    print(f"{found.label} ({found.id})")
    print(f"  supernet: {net.size:,} weights a seed, maps {', '.join(map(str, document['feature_maps']))} pixels wide")
    print(f"  alphas: {found.alphas}")
    for site in found.sites:
        print(f"    {site.name:12} {site.rows} x {len(site.choices)}, keeps {site.keep}: {', '.join(site.choices)}")
    print(f"  reachable cells: {document['reachable_cells']:,}")
    for dataset, numbers in document.get("stats", {}).items():
        print(f"  {dataset}: " + ", ".join(f"{name} {value}" for name, value in numbers.items()))


def _statistics(space: Any, runs: Path) -> dict[str, dict[str, Any]]:
    """Return coverage and the best cells of the tables at hand, per data set."""
    from bench.scoring import oracle
    from results.data import data_dir

    known = oracle(runs, data_dir())
    archs = [arch.key for arch in space.enumerate()]
    statistics = {}
    for dataset in space.table_datasets:
        scores = known.scores(space.id, archs, dataset)
        tests = [(s.test, s.arch) for s in scores if s is not None and s.test is not None]
        numbers: dict[str, Any] = {"cells": len(archs), "scored": len(tests)}
        if tests:
            numbers["best_test_mean"], numbers["best_arch"] = round(max(tests)[0], 4), max(tests)[1]
            singles = [max(s.test_trials) for s in scores if s is not None and s.test_trials]
            if singles:
                numbers["best_single_training"] = round(max(singles), 4)
        statistics[dataset] = numbers
    return statistics


@app.command()
def cite(method: Annotated[str, typer.Argument(help="A method.")]) -> None:
    """Print the BibTeX entry of a method."""
    from bench import config
    from bench import method as methods

    print(methods.find(config.known_method(method)).cite)


@app.command()
def doctor(runs: Runs = RUNS, as_json: Json = False) -> None:
    """Check this machine: versions, device, memory, folders, data."""
    import torch

    from bench import environment
    from bench.engine import choose_device
    from results.data import data_dir, status

    data = data_dir()
    device = choose_device("auto")
    report = {
        "versions": environment.versions(),
        "device": environment.device_info(device),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "free_disk_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
        "runs": {"path": str(runs), "writable": _writable(runs)},
        "data": {"path": str(data), "files": {s.name: str(s.state) for s in status(data)}},
    }
    if as_json:
        emit(report)
        return
    for name, value in report["versions"].items():
        print(f"{name:12} {value}")
    print(f"device       {report['device'].get('name')} ({device.type}, {report['device']['threads']} threads)")
    if device.type == "cpu":
        print("             no CUDA device: 'quick' is meant for this, 'paper' is not")
    print(f"disk         {report['free_disk_gib']} GiB free")
    print(f"records      {runs}" + ("" if report["runs"]["writable"] else "  NOT WRITABLE: use --runs"))
    print(f"data         {data}; 'dnas data status' has the details", file=sys.stdout)


def _writable(folder: Path) -> bool:
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    return os.access(existing, os.W_OK)
