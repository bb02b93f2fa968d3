"""``dnas score``, ``dnas info``, ``dnas doctor``, ``dnas cite``: one architecture, space, machine, method."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from results.errors import InputError

from .application import app
from .options import RUNS, Json, Runs, SpaceName, emit, existing

_SPLITS = {"test": "test", "valid": "validation"}


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
    from bench.experiments import reading
    from bench.scoring import oracle, truth
    from results.data.directory import data_dir
    from results.scores.truth import answers

    found = spaces.find(reading.known_space(space))
    try:
        key = found.parse(arch).key
    except ValueError as error:
        raise InputError(str(error)) from None
    known = oracle(existing(runs), data_dir())
    scores = {dataset: known.score(space, key, dataset) for dataset in (*found.table_datasets, "digits")}
    scores = {dataset: score for dataset, score in scores.items() if score is not None}
    if not scores:
        raise InputError(f"nothing at hand scores {key}; 'dnas data status' names the tables that are missing")
    ranked = [dataset for dataset in scores if dataset in found.table_datasets]
    truths = truth(space, data_dir(), ranked) if ranked else {}
    splits = {dataset: answers(score, truths.get(dataset)) for dataset, score in scores.items()}
    if as_json:
        details = {
            dataset: dataclasses.asdict(score)
            | {"splits": {split: dataclasses.asdict(answer) for split, answer in splits[dataset].items()}}
            for dataset, score in scores.items()
        }
        emit({"space": space, "arch": key, "scores": details, "test": {d: s.test for d, s in scores.items()}})
        return
    print(key)
    for dataset, found_score in scores.items():
        print(f"  {dataset} ({found_score.release}, {found_score.epochs} epochs, {found_score.source})")
        for split, answer in splits[dataset].items():
            print(f"    {_SPLITS[split]:>10} {_figure(answer)}")


def _figure(answer: Any) -> str:
    """Return accuracy, trials and rank of an architecture on one line."""
    trials = "trials not listed" if answer.n is None else "one training"
    if answer.spread is not None:
        trials = f"mean of {answer.n}, standard deviation {answer.spread:.2f}"
    line = f"{answer.value:6.2f} % ({trials})"
    if answer.rank is None:
        return line
    rest = "" if answer.scored == answer.cells else f"; the space has {answer.cells:,}"
    return f"{line}, rank {answer.rank:,} of {answer.scored:,} scored cells{rest}"


@app.command()
def info(
    space: SpaceName,
    stats: Annotated[bool, typer.Option("--stats", help="What the tables cover, and the best cells.")] = False,
    as_json: Json = False,
) -> None:
    """Describe a space: its sites, its supernet, how many cells it reaches."""
    import spaces
    from bench.experiments import reading
    from spaces.supernet.network import Supernet

    found = spaces.find(reading.known_space(space))
    net = Supernet(found, found.supernet)
    statistics = _statistics(found) if stats else {}
    counted = [numbers["cells"] for numbers in statistics.get("stats", {}).values() if numbers]
    document: dict[str, Any] = {
        "space": found.id,
        "label": found.label,
        "weights": net.size,
        "alphas": found.alphas,
        "sites": [{"name": s.name, "rows": s.rows, "choices": list(s.choices), "keep": s.keep} for s in found.sites],
        "feature_maps": net.feature_maps(32),
        "reachable_cells": counted[0] if counted else sum(1 for _ in found.enumerate()),
        **statistics,
    }
    if as_json:
        emit(document)
        return
    print(f"{found.label} ({found.id})")
    print(f"  supernet: {net.size:,} weights a seed, maps {', '.join(map(str, document['feature_maps']))} pixels wide")
    print(f"  alphas: {found.alphas}")
    for site in found.sites:
        print(f"    {site.name:12} {site.rows} x {len(site.choices)}, keeps {site.keep}: {', '.join(site.choices)}")
    print(f"  reachable cells: {document['reachable_cells']:,}")
    if stats:
        _print_statistics(document)


def _statistics(space: Any) -> dict[str, Any]:
    """Return coverage and the best cells by the tables at hand, per data set, and what the literature says of them."""
    import dataclasses

    from bench.scoring import truth
    from results.claims.claim import published
    from results.data.directory import data_dir

    found = truth(space.id, data_dir())
    statistics = {}
    for dataset in space.table_datasets:
        of_dataset = found.get(dataset)
        if of_dataset is None:
            statistics[dataset] = None
            continue
        test = of_dataset.splits["test"]
        statistics[dataset] = {
            "release": of_dataset.release,
            "epochs": of_dataset.epochs,
            "cells": len(test.archs),
            "scored": test.scored,
            "best_test_mean": test.best_mean and test.best_mean.accuracy,
            "best_arch": test.best_mean and test.best_mean.arch,
        }
        for split, ranking in of_dataset.splits.items():
            best = {"best_mean": ranking.best_mean, "best_training": ranking.best_training}
            statistics[dataset][split] = {
                "scored": ranking.scored,
                "complete": ranking.complete,
                **{name: each and dataclasses.asdict(each) for name, each in best.items()},
            }
    keys = ("id", "dataset", "split", "metric", "value", "unit", "protocol", "paper", "table", "source")
    return {"stats": statistics, "published": [{k: getattr(c, k) for k in keys} for c in published(space.id)]}


def _print_statistics(document: dict[str, Any]) -> None:
    for dataset, numbers in document["stats"].items():
        if numbers:
            print(f"  {dataset} ({numbers['release']}, {numbers['epochs']} epochs)")
        else:
            print(f"  {dataset}: no table at hand; 'dnas data status' says what is missing")
        for split, label in _SPLITS.items():
            if not numbers:
                continue
            of_split = numbers[split]
            whole = ", the complete set" if of_split["complete"] else ""
            print(f"    {label}: {of_split['scored']:,} of {numbers['cells']:,} reachable cells are scored{whole}")
            for name, what in (("best_mean", "best mean of trials"), ("best_training", "best single training")):
                if best := of_split[name]:
                    error = f"{best['accuracy']:.2f} % accuracy, {100 - best['accuracy']:.2f} % error"
                    print(f"      {what}, {best['over']}: {error}")
                    print(f"        {best['arch']}")
                elif of_split["scored"]:
                    print(f"      {what}: not known, the table holds means")
        for claim in document["published"]:
            if claim["dataset"] == dataset:
                print(f"    published: best {_SPLITS[claim['split']]} {claim['metric']} {claim['value']:.2f} %")
                about = ", ".join(filter(None, (claim["paper"], claim["table"], claim["source"])))
                print(f"      {claim['protocol'] + '; ' if claim['protocol'] else ''}{about}")


@app.command()
def cite(method: Annotated[str, typer.Argument(help="A method.")]) -> None:
    """Print the BibTeX entry of a method."""
    from bench.experiments import reading
    from bench.methods import method as methods

    print(methods.find(reading.known_method(method)).cite)


@app.command()
def doctor(runs: Runs = RUNS, as_json: Json = False) -> None:
    """Check this machine: versions, device, memory, folders, data."""
    import torch

    from bench.machine import environment
    from bench.machine.setting import choose_device
    from results.data.directory import data_dir, status

    data = data_dir(new=True)
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
    missing = "DNAS_DATA" in os.environ and not data.is_dir()
    print(f"data         {data}" + ("  NO FOLDER: correct DNAS_DATA" if missing else "; see 'dnas data status'"))


def _writable(folder: Path) -> bool:
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)
