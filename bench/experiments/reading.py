"""Experiments: TOML in, frozen dataclasses out.

``experiments/NAME.toml`` holds the tables ``images``, ``supernet``, ``training``, ``measure``, ``retrain`` and
``methods.METHOD``. ``space.NAME`` holds the same tables for what differs on one space or on one family of them;
``methods.METHOD.training`` and ``methods.METHOD.measure`` hold what differs for one method, and ``variants.ID`` makes
of it a method with an id of its own (``bench.experiments.variants``).
Every key is checked: an unknown one, or a value of a wrong type, is an error that names the nearest key.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import spaces
from bench.arms import About, Arm, Chosen
from bench.methods import method
from bench.protocol import ImagesConfig, Measure, Protocol, Training, check
from bench.retraining.recipes import RECIPES
from results.errors import InputError, suggest
from results.files import toml
from results.records.run import fault_of_name
from spaces.base import SupernetConfig

from . import overrides as overriding
from . import variants
from .typed import build, checked
from .variants import Variant

FOLDER = Path(__file__).parent
DEFAULT = "quick"
_SEED_DIGITS = 9  # what checkpoints hold is below 10 ** 9


@dataclass(frozen=True)
class Retrain:
    """How found cells that no table holds are scored; ``recipe`` empty leaves them unscored."""

    recipe: str = ""


@dataclass(frozen=True)
class Experiment:
    """A named set of arms: spaces, methods and seeds under one protocol a space.

    Attributes
    ----------
    priority : (space, method) of the arms that run before the others, first to last.
    layers : the file's tables, then those of the overrides.
    resolved : the arms of its spaces, methods and variants.
    """

    about: About
    spaces: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    priority: tuple[tuple[str, str], ...]
    retrain: Retrain
    layers: tuple[Mapping[str, Any], ...]
    variants: Mapping[str, Variant] = field(default_factory=dict)
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
        """Return the arms of some spaces and methods, with some seeds; where none are named, of all.

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

        What a file says of a family overrides what it says of all, and what it says of a space overrides that. In each
        of the three, ``methods.ID.training`` overrides ``training``, and ``methods.ID.measure`` overrides ``measure``.
        What a variant says of itself overrides these. Overrides take precedence over the file, in the same order among
        themselves.
        """
        found, variant = spaces.find(space), self.variants.get(method_id)
        base = method.find(variant.method if variant else method_id)
        scopes: list[Mapping[str, Any]] = []
        for layer in self.layers:
            of_spaces = layer.get("space", {})
            own = variants.scope(layer.get("variants", {}).get(method_id, {}), base.id)
            scopes += [layer, of_spaces.get(found.family, {}), of_spaces.get(found.id, {}), own]

        def table(name: str) -> dict[str, Any]:
            return _merged(scope.get(name, {}) for scope in scopes)

        training: dict[str, Any] = {}
        measure: dict[str, Any] = {}
        params: dict[str, Any] = {}
        for scope in scopes:
            own = dict(scope.get("methods", {}).get(base.id, {}))
            training |= scope.get("training", {}) | own.pop("training", {})
            measure |= scope.get("measure", {}) | own.pop("measure", {})
            params |= own
        protocol = Protocol(
            images=build(ImagesConfig, table("images"), "images"),
            supernet=dataclasses.replace(found.supernet, **checked(SupernetConfig, table("supernet"), "supernet")),
            training=build(Training, training, "training"),
            measure=build(Measure, measure, "measure"),
            params=build(base.params, params, f"methods.{base.id}"),
        )
        check(protocol, found)
        label = variant.label if variant else base.label
        return Arm(self.about, space, method_id, base.id, label, protocol, self.seeds)


def available() -> tuple[str, ...]:
    """Return the names of the experiments that ship with the suite."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load(name: str = DEFAULT, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment by name, or from a path that ends in ``.toml``.

    ``overrides`` are ``key=value`` with dotted keys, as in ``training.epochs=2``; they make another experiment,
    ``NAME+HASH8``.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise InputError(f"unknown experiment '{name}'{suggest(name, available())}; known are {', '.join(available())}")
    if fault := fault_of_name(path.stem):
        raise InputError(f"an experiment's file names a folder; rename '{path.name}': {fault}")
    settled = overriding.read(overrides)
    layers = (toml.read(path), overriding.nested(settled, _TOP))
    return _experiment(path.stem, layers, overriding.written(settled))


_TOP = {
    "description": str,
    "spaces": list,
    "methods": dict,
    "seeds": str,
    "order": list,
    "images": dict,
    "supernet": dict,
    "training": dict,
    "measure": dict,
    "retrain": dict,
    "space": dict,
    "variants": dict,
    "run": list,
}


def _experiment(base: str, layers: tuple[dict[str, Any], ...], overrides: tuple[str, ...]) -> Experiment:
    for layer in layers:
        _check_tables(base, layer)
    tables = _merged(layers)
    for key in ("spaces", "run", "seeds", "images", "training"):
        if key not in tables:
            raise InputError(f"experiment '{base}' lacks the key '{key}'")
    space_ids = tuple(known_space(name) for name in tables["spaces"])
    made = variants.read(layer.get("variants", {}) for layer in layers)
    method_ids = tuple(name if name in made else known_method(name, made) for name in tables["run"])
    order = []
    for entry in tables.get("order", []):
        space, _, method_id = str(entry).partition("/")
        order.append((known_space(space), method_id if method_id in made else known_method(method_id, made)))
    name = base
    if overrides:
        name += "+" + hashlib.sha256("\n".join(overrides).encode()).hexdigest()[:8]
    retrain = build(Retrain, _merged(layer.get("retrain", {}) for layer in layers), "retrain")
    if retrain.recipe and retrain.recipe not in RECIPES:
        raise InputError(f"unknown recipe '{retrain.recipe}'{suggest(retrain.recipe, RECIPES)}")
    experiment = Experiment(
        About(name, base, tables.get("description", ""), overrides),
        spaces=space_ids,
        methods=method_ids,
        seeds=parse_seeds(tables["seeds"]),
        priority=tuple(order),
        retrain=retrain,
        layers=layers,
        variants=made,
    )
    pairs = ((space, method_id) for space in space_ids for method_id in (*method_ids, *made))
    return dataclasses.replace(experiment, resolved={pair: experiment.arm(*pair) for pair in pairs})


def _check_tables(base: str, tables: dict[str, Any]) -> None:
    for key, value in tables.items():
        if key not in _TOP:
            raise InputError(f"unknown key '{key}' in experiment '{base}'{suggest(key, _TOP)}")
        if not isinstance(value, _TOP[key]):
            raise InputError(f"'{key}' of experiment '{base}' should be a {_TOP[key].__name__}, not {value!r}")
    _check_methods("methods", tables.get("methods", {}))
    _check_scopes(base, tables.get("space", {}))


def _check_scopes(base: str, scopes: dict[str, Any]) -> None:
    families = {spaces.find(name).family for name in spaces.names()}
    tables = ("images", "supernet", "training", "measure", "methods")
    for scope, content in scopes.items():
        if scope not in families and scope not in spaces.names():
            known = sorted(families | set(spaces.names()))
            raise InputError(f"unknown space 'space.{scope}' in experiment '{base}'{suggest(scope, known)}")
        if not isinstance(content, dict):
            raise InputError(f"'space.{scope}' of experiment '{base}' should be a table, not {content!r}")
        for key, table in content.items():
            if key not in tables:
                raise InputError(f"unknown key 'space.{scope}.{key}'{suggest(key, tables)}")
            if not isinstance(table, dict):
                raise InputError(f"'space.{scope}.{key}' should be a table, not {table!r}")
            if key == "methods":
                _check_methods(f"space.{scope}.methods", table)


def _check_methods(where: str, table: dict[str, Any]) -> None:
    for name, params in table.items():
        known_method(name)
        if not isinstance(params, dict):
            raise InputError(f"'{where}.{name}' should be a table, not {params!r}")
        for key in ("training", "measure"):
            if not isinstance(params.get(key, {}), dict):
                raise InputError(f"'{where}.{name}.{key}' should be a table, not {params[key]!r}")


def known_space(name: str) -> str:
    """Return ``name`` if it is a space; raise ``InputError`` otherwise."""
    known = spaces.names()
    if name not in known:
        raise InputError(f"unknown space '{name}'{suggest(str(name), known)}; known are {', '.join(known)}")
    return name


def known_method(name: str, others: Iterable[str] = ()) -> str:
    """Return ``name`` if it is a method; raise ``InputError`` otherwise, which also names ``others``."""
    known = (*method.names(), *others)
    if name not in method.names():
        raise InputError(f"unknown method '{name}'{suggest(str(name), known)}; known are {', '.join(known)}")
    return name


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of ``0-3`` (inclusive), ``0,2,5`` or a mixture."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError(f"'{text}' is no list of seeds; write 0-3 or 0,2,5")
        if max(len(first), len(last)) > _SEED_DIGITS:
            raise InputError(f"'{text[:40]}' names a seed of more than {_SEED_DIGITS} digits; take a smaller one")
        if int(last or first) - int(first) > 9999:
            raise InputError(f"'{text}' names more than 10,000 seeds")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds:
        raise InputError(f"'{text}' names no seed; write 0-3 or 0,2,5")
    return tuple(dict.fromkeys(seeds))


def _merged(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one table of several, of which the later ones take precedence."""
    return {key: value for table in tables for key, value in table.items()}
