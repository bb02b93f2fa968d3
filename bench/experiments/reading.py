"""Experiments: TOML in, arms out.

``experiments/NAME.toml`` stands for itself, or extends another experiment. It holds the tables that
``bench.experiments.layers`` describes: ``images``, ``supernet``, ``training``, ``measure``, ``retrain`` and
``methods.METHOD``, the same again in ``space.NAME`` for what differs on one space or on one family of them, and
``variants.ID``. Every key is checked as the file is read, every type and bound as an arm takes it. The first fault is
an error of one line, which names the nearest key.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.architectures import known_space
from bench.arms import About
from bench.retraining.recipes import RECIPES
from results.errors import InputError, suggest
from results.files import toml
from results.files.schema import build
from results.published import cells
from results.records.run import fault_of_name

from . import layers as layering
from . import overrides as overriding
from .experiment import Experiment, Retrain
from .layers import Layer, known_method

__all__ = ["DEFAULT", "FOLDER", "available", "known_method", "known_space", "load", "parse_seeds"]

FOLDER = Path(__file__).parent
DEFAULT = "quick"
SEED_DIGITS = 9  # what checkpoints hold is below 10 ** 9
_MOST_SEEDS = 10_000


def available() -> tuple[str, ...]:
    """Return the names of the experiments that ship with the suite."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load(name: str = DEFAULT, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment by name, or from a path that ends in ``.toml``.

    ``overrides`` are ``key=value`` with dotted keys, as in ``training.epochs=2``; they make another experiment,
    ``NAME+HASH8``.

    Raises
    ------
    InputError
        There is no such experiment, or one of its keys or values cannot be used.
    """
    path = _find(name, Path())
    if fault := fault_of_name(path.stem):
        raise InputError(f"the name of an experiment's file also names a folder; rename '{path.name}': {fault}")
    settled = overriding.read(overrides)
    top = layering.read(overriding.nested(settled, layering.TABLES))
    if top.extends is not None:
        raise InputError("'extends' cannot be overridden; write a file that extends the other experiment")
    return _experiment(path.stem, (*_layers(path), top), overriding.written(settled))


def _find(name: str, folder: Path) -> Path:
    """Return the file of an experiment that ships with the suite, or a path, which counts from ``folder``."""
    path = folder / name if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file() and name.endswith(".toml"):
        raise InputError(f"no file '{name}'; name one that exists, or an experiment: {', '.join(available())}")
    if not path.is_file():
        raise InputError(f"unknown experiment '{name}'{suggest(name, available())}; known are {', '.join(available())}")
    return path


def _layers(path: Path, above: tuple[Path, ...] = ()) -> tuple[Layer, ...]:
    """Return the layer of a file, after those of the experiment that it extends; ``above`` are files that extend it."""
    layer = layering.read(toml.read(path))
    if layer.extends is None:
        return (layer,)
    beneath = _find(layer.extends, path.parent)
    if beneath.resolve() in (chain := (*above, path.resolve())):
        raise InputError(f"'{path.name}' extends '{layer.extends}', which extends it in turn; take one of them out")
    return (*_layers(beneath, chain), layer)


def _experiment(base: str, layers: tuple[Layer, ...], overrides: tuple[str, ...]) -> Experiment:
    def said(key: str, otherwise: Any = None) -> Any:
        """Return what the last layer says that says anything."""
        found = [value for layer in layers if (value := getattr(layer, key)) is not None]
        if not found and otherwise is None:
            raise InputError(f"experiment '{base}' lacks the key '{key}'")
        return found[-1] if found else otherwise

    made = layering.variants(layers)

    def known(name: str) -> str:
        return name if name in made else known_method(name, made)

    order = [entry.partition("/")[::2] for entry in said("order", ())]
    retrain = build(Retrain, {key: value for layer in layers for key, value in layer.retrain.items()}, "retrain.")
    _check_retrain(retrain)
    name = base
    if overrides:
        name += "+" + hashlib.sha256("\n".join(overrides).encode()).hexdigest()[:8]
    experiment = Experiment(
        About(name, base, said("description", ""), overrides),
        spaces=tuple(map(known_space, said("spaces"))),
        methods=tuple(map(known, said("run"))),
        seeds=parse_seeds(said("seeds")),
        priority=tuple((known_space(space), known(method_id)) for space, method_id in order),
        retrain=retrain,
        layers=layers,
        variants=made,
    )
    pairs = ((space, method_id) for space in experiment.spaces for method_id in (*experiment.methods, *made))
    return dataclasses.replace(experiment, resolved={pair: experiment.arm(*pair) for pair in pairs})


def _check_retrain(retrain: Retrain) -> None:
    """Raise ``InputError`` where a recipe or a published cell is unknown, or nothing would choose a cell."""
    for recipe in filter(None, (retrain.recipe, retrain.select)):
        if recipe not in RECIPES:
            raise InputError(f"unknown recipe '{recipe}'{suggest(recipe, RECIPES)}")
    if retrain.select and not RECIPES[retrain.select].validation:
        raise InputError(f"retrain.select = '{retrain.select}' holds out no images to choose by; take another recipe")
    for cell in retrain.cells:
        if cell not in cells():
            raise InputError(f"unknown published cell '{cell}'{suggest(cell, cells())}")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of ``0-3`` (inclusive), ``0,2,5`` or a mixture."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError(f"'{text}' is not a list of seeds; write 0-3 or 0,2,5")
        if max(len(first), len(last)) > SEED_DIGITS:
            raise InputError(f"'{text[:40]}' names a seed of more than {SEED_DIGITS} digits; use a smaller one")
        found = range(int(first), int(last or first) + 1)
        if not found:
            raise InputError(f"'{part.strip()}' names no seed; write the smaller one first, as in {last}-{first}")
        if len(seeds) + len(found) > _MOST_SEEDS:
            raise InputError(f"'{text[:40]}' names more than {_MOST_SEEDS:,} seeds; name fewer")
        seeds += found
    return tuple(dict.fromkeys(seeds))
