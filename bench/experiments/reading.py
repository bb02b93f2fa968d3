"""Experiments: TOML in, arms out.

``experiments/NAME.toml`` holds the tables that ``bench.experiments.layers`` describes: ``images``, ``supernet``,
``training``, ``measure``, ``retrain`` and ``methods.METHOD``, the same again in ``space.NAME`` for what differs on one
space or on one family of them, and ``variants.ID``. Every key, type and bound is checked: the first fault is an error
of one line, which names the nearest key.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import spaces
from bench.architectures import known_space
from bench.arms import About, Arm, Chosen
from bench.methods import method
from bench.protocol import ImagesConfig, Measure, Protocol, Training, check
from bench.retraining.recipes import RECIPES
from results.errors import InputError, suggest
from results.files import toml
from results.files.schema import build
from results.published import cells
from results.records.run import fault_of_name
from spaces.base import SupernetConfig

from . import layers as layering
from . import overrides as overriding
from .layers import Layer, known_method

__all__ = ["DEFAULT", "FOLDER", "Experiment", "available", "known_method", "known_space", "load", "parse_seeds"]

FOLDER = Path(__file__).parent
DEFAULT = "quick"
_SEED_DIGITS = 9  # what checkpoints hold is below 10 ** 9


@dataclass(frozen=True)
class Retrain:
    """How found cells that no table holds are scored: by training them from scratch.

    Attributes
    ----------
    recipe : how; empty leaves them unscored.
    select : the recipe of a short training that chooses one cell of each arm, which alone is then trained by
        ``recipe``; empty trains them all.
    cells : published cells (``results/published/cells.csv``) that are trained beside them.
    on_demand : whether ``dnas retrain`` alone trains them, and no run does.
    """

    recipe: str = ""
    select: str = ""
    cells: tuple[str, ...] = ()
    on_demand: bool = False


@dataclass(frozen=True)
class Experiment:
    """A named set of arms: spaces, methods and seeds under one protocol per space.

    Attributes
    ----------
    priority : (space, method) of the arms that run before the others, first to last.
    layers : what the file says, then the overrides.
    variants : method and label of each variant.
    resolved : the arms of its spaces, methods and variants.
    """

    about: About
    spaces: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    priority: tuple[tuple[str, str], ...]
    retrain: Retrain
    layers: tuple[Layer, ...]
    variants: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    resolved: Mapping[tuple[str, str], Arm] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name under which its records are kept."""
        return self.about.name

    def known_method(self, name: str) -> str:
        """Return ``name`` if it is a method or a variant of this experiment; raise ``InputError`` otherwise."""
        return name if name in self.variants else known_method(name, self.variants)

    def arm(self, space: str, method_id: str) -> Arm:
        """Return the arm of a method, or variant, on a space, be it one of the experiment's own or not."""
        return self.resolved.get((space, method_id)) or self._resolve(space, method_id)

    def choose(self, spaces: Iterable[str] = (), methods: Iterable[str] = (), seeds: tuple[int, ...] = ()) -> Chosen:
        """Return the arms of some spaces and methods, with some seeds, or all of what is not named.

        Raises
        ------
        InputError
            A space or a method is unknown.
        """
        asked_spaces, asked_methods = tuple(map(known_space, spaces)), tuple(map(self.known_method, methods))
        rank = {pair: index for index, pair in enumerate(self.priority)}
        pairs = [(s, m) for s in asked_spaces or self.spaces for m in asked_methods or self.methods]
        pairs.sort(key=lambda pair: rank.get(pair, len(rank)))  # stable: the experiment's order otherwise
        found = [self.arm(*pair).narrowed(seeds or self.seeds) for pair in pairs]
        senseless = tuple(arm for arm in found if arm.fault)
        arms = tuple(arm for arm in found if not arm.fault)
        return Chosen(arms, senseless, bool(senseless and asked_methods and (asked_spaces or not arms)))

    def _resolve(self, space: str, method_id: str) -> Arm:
        """Put the tables of an arm together.

        The tables of a family override those of the whole file, and the tables of a space override those of its family.
        In each of the three, ``methods.ID.training`` overrides ``training``, and ``methods.ID.measure`` overrides
        ``measure``. The tables of a variant override all of these. Overrides from the command line take precedence over
        the file, in the same order among themselves.
        """
        found, (base, label) = spaces.find(space), self.variants.get(method_id, (method_id, ""))
        searcher = method.find(base)
        images: dict[str, Any] = {}
        supernet: dict[str, Any] = dataclasses.asdict(found.supernet)
        training: dict[str, Any] = {}
        measure: dict[str, Any] = {}
        params: dict[str, Any] = {}
        for scope in (scope for layer in self.layers for scope in layer.scopes(found, method_id, base)):
            own = dict(scope.methods.get(base, {}))
            images |= scope.images
            supernet |= scope.supernet
            training |= scope.training | own.pop("training", {})
            measure |= scope.measure | own.pop("measure", {})
            params |= own
        values, steps = build(searcher.params, params, f"methods.{base}."), build(Training, training, "training.")
        protocol = Protocol(
            images=build(ImagesConfig, images, "images."),
            supernet=searcher.supernet(build(SupernetConfig, supernet, "supernet."), found, values),
            training=dataclasses.replace(steps, epochs=searcher.last(values, steps)),
            measure=build(Measure, measure, "measure."),
            params=values,
        )
        check(protocol, found)
        return Arm(self.about, space, method_id, base, label or searcher.label, protocol, self.seeds)


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
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file() and name.endswith(".toml"):
        raise InputError(f"no file '{name}'; name one that exists, or an experiment: {', '.join(available())}")
    if not path.is_file():
        raise InputError(f"unknown experiment '{name}'{suggest(name, available())}; known are {', '.join(available())}")
    if fault := fault_of_name(path.stem):
        raise InputError(f"the name of an experiment's file also names a folder; rename '{path.name}': {fault}")
    settled = overriding.read(overrides)
    tables = (toml.read(path), overriding.nested(settled, layering.TABLES))
    return _experiment(path.stem, tuple(map(layering.read, tables)), overriding.written(settled))


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
        if max(len(first), len(last)) > _SEED_DIGITS:
            raise InputError(f"'{text[:40]}' names a seed of more than {_SEED_DIGITS} digits; use a smaller one")
        if int(last or first) - int(first) > 9999:
            raise InputError(f"'{text}' names more than 10,000 seeds")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds:
        raise InputError(f"'{text}' names no seed; write 0-3 or 0,2,5")
    return tuple(dict.fromkeys(seeds))
