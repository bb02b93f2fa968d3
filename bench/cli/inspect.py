"""``dnas score``, ``dnas info``, ``dnas doctor``, ``dnas cite``: one architecture, space, machine, method."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from results.errors import InputError

from .application import app
from .options import RUNS, Json, Notation, Runs, SpaceName, emit, existing

if TYPE_CHECKING:
    from bench.architectures import Known

_SPLITS = {"test": "test", "valid": "validation"}
#: What only some trainings from scratch say.
_OF_TRAININGS = ("best_test", "parameters")


@app.command()
def score(
    space: SpaceName,
    arch: Annotated[list[str] | None, typer.Argument(help="Architectures; - reads them from standard input.")] = None,
    source: Annotated[
        str, typer.Option("--from", help="A file with one architecture per line, or a table with a column arch; or -.")
    ] = "",
    notation: Notation = "",
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Score architectures with the tables and scores that are available."""
    from bench import architectures
    from results.data.directory import data_dir

    name = architectures.known_space(space)
    files = [path for path in (source, *(arch or ())) if path in (source, architectures.STANDARD_INPUT) and path]
    given = [architectures.Given(text) for text in arch or () if text != architectures.STANDARD_INPUT]
    given += [each for path in dict.fromkeys(files) for each in architectures.listed(path)]
    if not given:
        raise InputError("nothing to score; name an architecture, or a file with --from")
    keys = architectures.parse(name, given, notation, data_dir())
    found = architectures.look_up(name, keys, existing(runs), data_dir())
    if not any(each.scores for each in found):
        what = keys[0] if len(keys) == 1 else f"any of the {len(keys):,} architectures"
        raise InputError(f"nothing here scores {what}; 'dnas data status' names the tables that are missing")
    if as_json:
        documents = [{"space": name, **_as_json(each)} for each in found]
        emit(documents[0] if len(given) == 1 and not files else {"space": name, "architectures": documents})
        return
    for each in found:
        _print_known(each)


def _as_json(known: Known) -> dict[str, Any]:
    """Return what is known of an architecture as plain data."""
    details = {
        dataset: {key: value for key, value in dataclasses.asdict(score).items() if value or key not in _OF_TRAININGS}
        | {"splits": {split: dataclasses.asdict(answer) for split, answer in known.splits[dataset].items()}}
        | (dataclasses.asdict(known.networks[dataset]) if dataset in known.networks else {})
        for dataset, score in known.scores.items()
    }
    return {"arch": known.arch, "scores": details, "test": {d: score.test for d, score in known.scores.items()}}


def _print_known(known: Known) -> None:
    print(known.arch)
    if not known.scores:
        print("  not scored by what is here")
    for dataset, found in known.scores.items():
        print(f"  {dataset} ({found.release}, {found.epochs} epochs, {found.source})")
        for split, answer in known.splits[dataset].items():
            print(f"    {_SPLITS[split]:>10} {_figure(answer)}")
        if found.best_test is not None:
            print(f"    {'best epoch':>10} {found.best_test:6.2f} % (the epoch that tests best)")
        if found.parameters:
            print(f"    {'network':>10} {found.parameters:,} parameters")
        if network := known.networks.get(dataset):
            flops = "" if network.mflops is None else f", {network.mflops:,.2f} million FLOPs"
            print(f"    {'network':>10} {network.parameters:,} parameters{flops}")


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
    method: Annotated[str, typer.Option("--method", help="With the supernet that this method searches.")] = "",
    stats: Annotated[bool, typer.Option("--stats", help="What the tables cover, and the best cells.")] = False,
    as_json: Json = False,
) -> None:
    """Describe a space: its sites, its supernet, how many cells it reaches."""
    import spaces
    from bench.architectures import known_space
    from spaces.supernet.declare import declare

    found = spaces.find(known_space(space))
    found, config = _searched_by(method, found) if method else (found, found.supernet)
    weights = declare(found, config).size
    statistics = _statistics(found) if stats else {}
    counted = [numbers["cells"] for numbers in statistics.get("stats", {}).values() if numbers]
    archs = tuple(found.enumerate()) if found.enumerable and (found.same or not counted) else ()
    reachable = counted[0] if counted else len(archs) or found.count
    document: dict[str, Any] = {
        "space": found.id,
        "label": found.label,
        "weights": weights,
        "alphas": found.alphas,
        "sites": [_site(site) for site in found.sites],
        "feature_maps": found.skeleton.feature_maps(32),
        "reachable_cells": reachable,
        "distinct_cells": len({found.form(arch) for arch in archs}) if found.same else reachable,
        **statistics,
    }
    if as_json:
        emit(document)
        return
    print(f"{found.label} ({found.id})")
    print(f"  supernet: {weights:,} weights per seed, maps {', '.join(map(str, document['feature_maps']))} pixels wide")
    print(f"  alphas: {found.alphas}")
    for site in found.sites:
        lengths = sorted({len(site.of_row(row)) for row in range(site.rows)})
        each = f"{site.rows} x {'-'.join(map(str, dict.fromkeys((lengths[0], lengths[-1]))))}"
        kept = f"keeps {site.survivors} of the rows of each node" if site.contests else f"keeps {site.keep}"
        print(f"    {site.name:12} {each}, {kept}: {', '.join(site.choices)}")
    print(f"  reachable cells: {reachable:,}")
    if document["distinct_cells"] != reachable:
        print(f"  of these, {document['distinct_cells']:,} differ: {found.same}")
    if stats:
        _print_statistics(document)


def _searched_by(name: str, space: Any) -> tuple[Any, Any]:
    """Return space and supernet as a method with its own parameters searches them; see ``Method.supernet``."""
    from bench.experiments.layers import known_method
    from bench.methods import method
    from spaces.edge_weights import searched

    found = method.find(known_method(name))
    if reason := found.spaces(space):
        raise InputError(f"'{name}' does not run on '{space.id}': {reason}; choose another space")
    config = found.supernet(space.supernet, space, found.params())
    return searched(space, config), config


def _site(site: Any) -> dict[str, Any]:
    """Return a site as plain data; the choices of each row where they differ, and which rows compete."""
    found = {"name": site.name, "rows": site.rows, "choices": list(site.choices), "keep": site.keep}
    if site.lists:
        found["lists"] = [list(row) for row in site.lists]
    if site.contests:
        found |= {"contests": [list(rows) for rows in site.contests], "survivors": site.survivors}
    return found


def _statistics(space: Any) -> dict[str, Any]:
    """Return coverage and the best cells by the available tables, per data set, and the published optima."""
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
    if not document["stats"]:
        print("  no table scores this space")
    for dataset, numbers in document["stats"].items():
        if numbers:
            print(f"  {dataset} ({numbers['release']}, {numbers['epochs']} epochs)")
        else:
            print(f"  {dataset}: no table is available; 'dnas data status' says what is missing")
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
        "free_disk_gib": round(shutil.disk_usage(_existing(runs)).free / 2**30, 1),
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
    print(f"disk         {report['free_disk_gib']} GiB free for records")
    print(f"records      {runs}" + ("" if report["runs"]["writable"] else "  NOT WRITABLE: use --runs"))
    missing = "DNAS_DATA" in os.environ and not data.is_dir()
    print(f"data         {data}" + ("  NO FOLDER: correct DNAS_DATA" if missing else "; see 'dnas data status'"))


def _writable(folder: Path) -> bool:
    return (existing := _existing(folder)).is_dir() and os.access(existing, os.W_OK)


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that exists."""
    return next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
