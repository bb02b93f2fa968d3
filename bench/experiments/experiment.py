"""An experiment: what its tables say, and the arms that they make together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import spaces
from bench.architectures import known_space
from bench.arms import About, Arm, Chosen
from bench.methods import method
from bench.protocol import ImagesConfig, Measure, Protocol, Training, check
from results.files.schema import build
from spaces.base import SupernetConfig

from .layers import Layer, Variant, known_method


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
    layers : what the experiment says that this one extends, then the file, then the overrides.
    variants : each with its method and its label.
    resolved : the arms of its spaces, methods and variants.
    """

    about: About
    spaces: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    priority: tuple[tuple[str, str], ...]
    retrain: Retrain
    layers: tuple[Layer, ...]
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
        """Return the arms of some spaces and methods, with some seeds, or all of what is not named; each once.

        Raises
        ------
        InputError
            A space or a method is unknown.
        """
        asked_spaces, asked_methods = tuple(map(known_space, spaces)), tuple(map(self.known_method, methods))
        rank = {pair: index for index, pair in enumerate(self.priority)}
        product = ((s, m) for s in asked_spaces or self.spaces for m in asked_methods or self.methods)
        pairs = list(dict.fromkeys(product))
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
        found, variant = spaces.find(space), self.variants.get(method_id, Variant(method=method_id))
        base, searcher = variant.method, method.find(variant.method)
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
        return Arm(self.about, space, method_id, base, variant.label or searcher.label, protocol, self.seeds)
