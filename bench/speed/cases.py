"""What ``dnas bench gpu`` measures, by priority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from bench.experiments.reading import Experiment
from bench.machine import precision
from bench.machine.precision import Precision
from bench.methods import method
from spaces.supernet.conv import CONV_FORMS, ConvForm

#: The number of seeds of most cases, and the others for which the first method is measured too.
SEEDS = 4
OTHER_SEEDS = (8, 1, 2)
_ORDER = ("darts", "sdarts-adv", "dropnas")  # the others follow


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes
    ----------
    form : of the convolutions; "auto" is what a search does, the fastest of each shape.
    captured : False takes every step plainly.
    compiled : whether steps run compiled cells.
    checked : whether these steps and plain ones are compared in what they do besides.
    """

    space: str
    method: str
    seeds: int
    precision: Precision
    form: ConvForm | Literal["auto"] = "auto"
    captured: bool = True
    compiled: bool = False
    checked: bool = False

    @property
    def name(self) -> str:
        """Its name in a file of measurements."""
        step = ("captured" if self.captured else "uncaptured") + ("-compiled" if self.compiled else "")
        return f"{self.space}/{self.method}/S={self.seeds}/{self.precision}/{self.form}/{step}"


def wanted(
    experiment: Experiment, device: torch.device, *, spaces: Sequence[str] = (), methods: Sequence[str] = ()
) -> list[Case]:
    """Return the cases of an experiment's spaces and methods on a device; ``spaces`` and ``methods`` narrow them."""
    usual = precision.choose("auto", device)
    both: tuple[Precision, ...] = (usual, "bf16")
    trained = {name for name in experiment.methods if name in method.names() and method.find(name).levels}
    order = [name for name in _ORDER if name in trained] + sorted(trained - set(_ORDER))
    first, *others = experiment.spaces
    start = Case(first, order[0], SEEDS, usual, checked=True)
    found = [
        start,
        Case(first, order[0], SEEDS, "bf16"),
        Case(first, order[0], SEEDS, usual, captured=False),
    ]
    found += [Case(first, name, SEEDS, p, checked=p == usual) for name in order[1:] for p in both]
    found += [Case(space, order[0], SEEDS, p) for space in others for p in both]
    found += [Case(first, order[0], seeds, usual) for seeds in OTHER_SEEDS]
    found += [Case(first, order[0], SEEDS, p, compiled=True, checked=p == usual) for p in both]
    found += [Case(first, order[0], SEEDS, usual, form) for form in CONV_FORMS]
    found += [Case(space, name, SEEDS, p) for name in order for space in others for p in both]
    ends = (first, *others[:1])
    found += [Case(space, order[0], seeds, p) for space in ends for p in both for seeds in OTHER_SEEDS]
    found += [Case(space, order[0], SEEDS, p, form) for space in ends for p in both for form in CONV_FORMS]
    found += [Case(space, name, SEEDS, usual, captured=False) for space in ends for name in order]
    found += [Case(space, name, SEEDS, p, compiled=True) for space in ends for name in order for p in both]
    unique: dict[str, Case] = {}
    for case in found:
        unique.setdefault(case.name, case)
    if device.type != "cuda":  # minutes a case, for nothing that a search on a CPU would want
        unique = {name: case for name, case in unique.items() if not case.compiled}
    return [
        case
        for case in unique.values()
        if (not spaces or case.space in spaces) and (not methods or case.method in methods)
    ]
