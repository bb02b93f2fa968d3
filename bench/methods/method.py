"""What a method declares, and how the methods are found.

A file in ``bench/methods`` that holds a ``METHOD`` is a method: nothing else lists it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any
from typing import Protocol as Interface

import torch
from pydantic import Field

from bench.protocol import Protocol
from bench.steps.learner import Draws
from bench.steps.schedule import Rate, Scalars
from bench.steps.selection import Selection
from bench.steps.untrained import Propose
from results.records.manifest import Deviation
from spaces.base import Rank, Space, SupernetConfig


@dataclass(frozen=True)
class NoParams:
    """Parameters of a method that has none of its own."""


def rate_of_experiment(params: Any, training: Any) -> Rate:
    """Return the experiment's own learning rate."""
    return Rate(training.lr, training.lr_min, training.lr_shifted)


class Conditions(Interface):
    """What decides how a search runs: a method on a space under a protocol, as ``bench.arms.Arm`` names them."""

    @property
    def space(self) -> Space:
        """The space, with what its supernet searches beside it."""
        ...

    @property
    def method(self) -> Method:
        """The method."""
        ...

    @property
    def protocol(self) -> Protocol:
        """The resolved protocol."""
        ...


class Rule(Deviation):
    """A deviation, and the runs for which it is true: ``holds(arm)``, by default every run."""

    holds: Callable[[Conditions], bool] = Field(default=lambda *_: True, exclude=True)

    def stated(self) -> Deviation:
        """Return the deviation as records hold it."""
        return Deviation(**self.model_dump())


@dataclass(frozen=True)
class Method:
    """A search method.

    Attributes
    ----------
    id, label : its name on the command line, and its name in figures.
    colour, order : of its line in figures; the first ones are Okabe and Ito's palette.
    levels : 2 trains alphas on the second half of the images, 1 trains both on all of them, 0 trains nothing.
    step : ``step(learner, batch, params) -> Outcome`` updates the learner's state by one batch; None for levels 0.
    propose : the architectures of a point, for levels 0; see ``bench.steps.untrained``.
    independent : whether its points are draws each for itself, so that the last one is no result.
    select : how it goes on after the last epoch to choose the architecture; see ``bench.steps.selection``.
    last : ``last(params, training)`` returns the number of a search's last point, by default its epochs.
    params : frozen dataclass of the paper's parameters.
    draws : ``draws(generator, steps, space, params)`` returns this seed's random draws of one epoch, each with
        a leading axis of steps.
    scalars : ``scalars(params, epoch, epochs)`` returns its values of one epoch.
    rate : the weights' learning rate.
    cite : BibTeX.
    passes : of one step, by kind: training passes whose gradient reaches only the "alpha", those whose gradient
        reaches the "weights", and "attack"; ``bench.runs.price`` counts them. Empty:
        nobody has counted them.
    deviations : its own; see ``bench.runs.deviations`` for those of spaces and of the protocol.
    rank : what edges compete by where a space's rows do; see ``spaces.base.Site``.
    supernet : ``supernet(config, space, params)`` returns the supernet that it searches with, by default the
        experiment's.
    warm_up : ``warm_up(params, epochs)`` returns in how many first epochs the alphas do not step: no batch of these has
        images for them.
    spaces : ``spaces(space)`` returns why the method makes no sense on a space; empty where it does.
    still : the parts of the contract for one step (``tests/contracts``) that the algorithm itself breaks: names
        of the state that a step leaves alone, and "loss" where the loss falls slowly on a few images.
    """

    id: str
    label: str
    colour: str
    order: int
    levels: int
    cite: str
    step: Callable[[Any, Any, Any], Any] | None = None
    propose: Propose | None = None
    independent: bool = False
    select: Selection | None = None
    last: Callable[[Any, Any], int] = lambda _, training: training.epochs
    params: type = NoParams
    draws: Callable[[torch.Generator, int, Space, Any], Draws] = lambda *_: {}
    scalars: Callable[[Any, int, int], Scalars] = lambda *_: {}
    rate: Callable[[Any, Any], Rate] = rate_of_experiment
    passes: Mapping[str, int] = field(default_factory=dict)
    deviations: tuple[Rule, ...] = ()
    rank: Rank = "share"
    supernet: Callable[[SupernetConfig, Space, Any], SupernetConfig] = lambda config, *_: config
    warm_up: Callable[[Any, int], int] = lambda *_: 0
    spaces: Callable[[Space], str] = lambda _: ""
    still: frozenset[str] = frozenset()


@lru_cache(maxsize=1)
def _all() -> dict[str, Method]:
    from bench import methods

    found = (
        import_module(f"{methods.__name__}.{module.name}").METHOD
        for module in pkgutil.iter_modules(methods.__path__)
        if module.name != __name__.rpartition(".")[2]
    )
    return {method.id: method for method in sorted(found, key=lambda m: m.order)}


def names() -> tuple[str, ...]:
    """Return the ids of all methods, in the order of figures."""
    return tuple(_all())


def find(name: str) -> Method:
    """Return the method of that id; raise ``KeyError`` where there is none."""
    return _all()[name]
