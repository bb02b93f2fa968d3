"""The steps whose speed is measured, by priority, and the sizes at which it is."""

from dataclasses import dataclass
from typing import Literal

import torch

from bench.experiments.experiment import Experiment
from bench.experiments.reading import load
from bench.machine import precision
from bench.machine.precision import Precision
from spaces.supernet.conv import CONV_FORMS, ConvForm

SPACES = ("nasbench201", "nasbench1shot1-1", "nasbench1shot1-2", "nasbench1shot1-3")
METHODS = ("darts", "sdarts-adv", "dropnas", "sdarts-rs")
SEEDS = (4, 2, 1, 8)


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes
    ----------
    form : of the convolutions; "auto" is what a search does, the fastest of each shape.
    captured : False takes every step plainly.
    compiled : whether steps run compiled cells.
    """

    space: str
    method: str
    seeds: int
    precision: Precision
    form: ConvForm | Literal["auto"] = "auto"
    captured: bool = True
    compiled: bool = False

    def __str__(self) -> str:
        step = ("captured" if self.captured else "plain") + ("-compiled" if self.compiled else "")
        return f"{self.space}/{self.method}/S{self.seeds}/{self.precision}/{self.form}/{step}"


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    experiment: Experiment
    side: int
    images: int


def sizes(*, quick: bool) -> Sizes:
    """Return the sizes of the experiment ``paper``, or tiny ones."""
    if quick:
        return Sizes(load("paper", ("training.batch=4", "supernet.channels=2", "supernet.cells=1")), side=8, images=64)
    return Sizes(load("paper"), side=32, images=50_000)


def wanted(device: torch.device) -> list[Case]:
    """Return all cases on a device, by priority: seeds first, then other methods, spaces, forms and ways to step."""
    both: tuple[Precision, ...] = (precision.choose("auto", device), "bf16")
    (space, *_), ends = SPACES, SPACES[:2]
    found = [Case(space, method, seeds, p) for seeds in SEEDS for p in both for method in METHODS[:2]]
    found += [Case(one, method, SEEDS[0], p) for method in METHODS for one in SPACES for p in both]
    found += [Case(one, "darts", SEEDS[0], p, form) for one in ends for p in both for form in CONV_FORMS]
    found += [Case(one, method, SEEDS[0], both[0], captured=False) for one in ends for method in METHODS]
    if device.type == "cuda":  # minutes a case, for nothing that a search on a CPU would want
        found += [Case(one, method, SEEDS[0], p, compiled=True) for one in ends for method in METHODS for p in both]
    return list(dict.fromkeys(found))
