"""The tables that the file of an experiment and its overrides hold, one layer over the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import spaces
from bench.methods import method
from bench.protocol import ImagesConfig, Measure, Training
from results.errors import InputError, suggest
from results.files.schema import build, check_keys
from spaces.base import SupernetConfig

Table = dict[str, Any]
_KINDS = {"images": ImagesConfig, "supernet": SupernetConfig, "training": Training, "measure": Measure}
_OF_METHODS = ("training", "measure")  # the tables that a method may have beside its parameters


@dataclass(frozen=True)
class Variant:
    """``variants.ID``: a method under an id of its own, with settings of its own.

    They override those of its method wherever in the same file these stand. The id stands where a method's id would:
    in paths, figures, claims and on the command line. ``label`` is how it is called in print.
    """

    method: str = ""
    label: str = ""
    params: Table = field(default_factory=dict)
    training: Table = field(default_factory=dict)
    measure: Table = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """``space.NAME``: what differs on one space, or on one family of them."""

    images: Table = field(default_factory=dict)
    supernet: Table = field(default_factory=dict)
    training: Table = field(default_factory=dict)
    measure: Table = field(default_factory=dict)
    methods: dict[str, Table] = field(default_factory=dict)  # parameters, ``training`` and ``measure``


@dataclass(frozen=True)
class Layer(Scope):
    """All tables of a file, or of overrides; what a layer leaves out, the one below says."""

    extends: str | None = None  # the experiment beneath: what it says holds where nothing here does
    description: str | None = None
    spaces: tuple[str, ...] | None = None
    run: tuple[str, ...] | None = None
    seeds: str | None = None
    order: tuple[str, ...] | None = None  # SPACE/METHOD of what runs first
    retrain: Table = field(default_factory=dict)
    space: dict[str, Scope] = field(default_factory=dict)
    variants: dict[str, Variant] = field(default_factory=dict)

    def scopes(self, space: spaces.Space, method_id: str, base: str) -> tuple[Scope, ...]:
        """Return what is said about an arm, the more special the later; ``base`` is the method of a variant."""
        own = self.variants.get(method_id, Variant())
        of_method = own.params | {"training": own.training, "measure": own.measure}
        named = (self.space.get(name, Scope()) for name in (space.family, space.id))
        return (self, *named, Scope(methods={base: of_method}))


TABLES = tuple(each.name for each in fields(Layer))


def read(tables: Mapping[str, Any]) -> Layer:
    """Return the layer that tables hold; raise ``InputError`` for the first key, type or name that is wrong."""
    layer = build(Layer, tables)
    families = {spaces.find(name).family for name in spaces.names()}
    for name in layer.space:
        if name not in (known := sorted({*families, *spaces.names()})):
            raise InputError(f"unknown space 'space.{name}'{suggest(name, known)}")
    for where, scope in {"": layer, **{f"space.{name}.": scope for name, scope in layer.space.items()}}.items():
        _check_scope(scope, where)
    for name, variant in layer.variants.items():
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise InputError(f"'{name}' cannot name a variant; write it in small letters, digits and hyphens")
        if name in method.names():
            raise InputError(f"the variant '{name}' has the id of a method; give it another")
        if key := next((key for key in ("training", "measure") if key in variant.params), None):
            raise InputError(f"'variants.{name}.params.{key}' is not a parameter; write variants.{name}.{key}")
        _check_tables(variant, f"variants.{name}.")
        if variant.method in method.names():  # else it is a lower layer that says the method
            check_keys(method.find(variant.method).params, variant.params, f"variants.{name}.params.")
    return layer


def _check_scope(scope: Scope, where: str) -> None:
    """Raise ``InputError`` for the first unknown key or method, whether or not an arm takes it."""
    _check_tables(scope, where)
    for name, table in scope.methods.items():
        known_method(name)
        place = f"{where}methods.{name}."
        for key in _OF_METHODS:
            if not isinstance(value := table.get(key, {}), dict):
                raise InputError(f"{place}{key} = {value!r} is not allowed: write a table")
            check_keys(_KINDS[key], value, f"{place}{key}.")
        params = {key: value for key, value in table.items() if key not in _OF_METHODS}
        check_keys(method.find(name).params, params, place)


def _check_tables(tables: Scope | Variant, where: str) -> None:
    for name, kind in _KINDS.items():
        check_keys(kind, getattr(tables, name, {}), f"{where}{name}.")


def variants(layers: Iterable[Layer]) -> dict[str, Variant]:
    """Return each variant with its method and its label; raise ``InputError`` where one lacks them."""
    found: dict[str, dict[str, str]] = {}
    for layer in layers:
        for name, variant in layer.variants.items():
            said = {"method": variant.method, "label": variant.label.strip()}
            found[name] = found.get(name, {}) | {key: value for key, value in said.items() if value}
    for name, said in found.items():
        for key in ("method", "label"):
            if key not in said:
                raise InputError(f"the variant '{name}' lacks '{key}'; add it to [variants.{name}]")
        if said["method"] not in method.names():
            nearest = suggest(said["method"], method.names())
            raise InputError(f"the variant '{name}' names an unknown method '{said['method']}'{nearest}")
    return {name: Variant(said["method"], said["label"]) for name, said in found.items()}


def known_method(name: str, others: Iterable[str] = ()) -> str:
    """Return ``name`` if it is a method; raise ``InputError`` otherwise, which also names ``others``."""
    known = (*method.names(), *others)
    if name not in method.names():
        raise InputError(f"unknown method '{name}'{suggest(str(name), known)}; known are {', '.join(known)}")
    return name
