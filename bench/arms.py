"""Arms: a method, or a variant of one, on a space of an experiment, with all that follows from the three."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import spaces
from bench.images.datasets import Images, load
from bench.methods import method
from bench.protocol import ImagesConfig, Protocol, config_hash
from results.errors import InputError
from results.records.run import ArmName, Run
from spaces.base import Space
from spaces.edge_weights import searched


@dataclass(frozen=True)
class About:
    """What records say about an experiment.

    Attributes
    ----------
    base : the file's own name; ``name`` adds the hash of the overrides, where there are any.
    """

    name: str
    base: str
    description: str = ""
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arm:
    """One method, or variant of one, on one space: what an experiment compares. It holds data alone, for any process.

    Attributes
    ----------
    id : the variant's, or else the method's; it stands in paths, figures and claims.
    method_id : the method's own, which the config hash covers.
    label : how it is called in print.
    """

    about: About
    space_id: str
    id: str
    method_id: str
    label: str
    protocol: Protocol
    seeds: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.space_id}/{self.id}"

    @property
    def space(self) -> Space:
        """The space, with what its supernet searches beside it."""
        return searched(spaces.find(self.space_id), self.protocol.supernet)

    @property
    def method(self) -> method.Method:
        """The method, under the arm's label."""
        found = method.find(self.method_id)
        return found if found.label == self.label else dataclasses.replace(found, label=self.label)

    @cached_property
    def hash(self) -> str:
        """The config hash."""
        return config_hash(self.space_id, self.method_id, self.protocol)

    @property
    def name(self) -> ArmName:
        """What its runs are called without their seeds."""
        return ArmName(self.about.name, self.space_id, self.id)

    @property
    def folder(self) -> Path:
        """Where its files are, below the root of a store or of its checkpoints."""
        return Path(*self.name)

    @property
    def rounds(self) -> int:
        """How many rounds of a selection follow the last epoch."""
        select = self.method.select
        return select.rounds(self.protocol.params, self.space) if select else 0

    @property
    def fault(self) -> str:
        """Why the method makes no sense on the space, in its own words; empty where it does."""
        return self.method.spaces(self.space)

    def images(self, data_dir: Path | None) -> Images:
        """Load the images that it is searched on, once in a process."""
        return _images(self.protocol.images, data_dir)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Its runs, done or not."""
        return tuple(map(self.run, self.seeds))

    def run(self, seed: int) -> Run:
        """Return the run of one seed."""
        return Run(self.about.name, self.space_id, self.id, seed)

    def narrowed(self, seeds: tuple[int, ...]) -> Arm:
        """Return the arm with other seeds."""
        return dataclasses.replace(self, seeds=seeds)


@lru_cache(maxsize=4)
def _images(config: ImagesConfig, data_dir: Path | None) -> Images:
    return load(config.dataset, size=config.size or None, train_limit=config.limit or None, data_dir=data_dir)


@dataclass(frozen=True)
class Chosen:
    """Some arms of an experiment, by priority.

    Attributes
    ----------
    senseless : arms that are left out, since their method makes no sense on their space.
    asked_for : whether one of these was asked for.
    """

    arms: tuple[Arm, ...]
    senseless: tuple[Arm, ...] = ()
    asked_for: bool = False

    def refuse_senseless(self) -> None:
        """Raise ``InputError`` where an arm that makes no sense was asked for."""
        if self.asked_for:
            arm = self.senseless[0]
            raise InputError(f"'{arm.id}' does not run on '{arm.space_id}': {arm.fault}; choose another space")
