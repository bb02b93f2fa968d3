"""The name of one run: experiment, space, method and seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import NamedTuple

_LONGEST_NAME = 200  # file systems allow 255, and figures add to it


def fault_of_name(name: object) -> str:
    """Return why ``name`` cannot name an experiment, a space or a method, and so a folder; nothing where it can."""
    if not isinstance(name, str) or not name or name.startswith(".") or set(name) & set("/\\"):
        return "write it without slashes and leading dots"
    if not name.isprintable():
        return "write it in characters that can be printed"
    if len(name.encode()) > _LONGEST_NAME:
        return f"write it in at most {_LONGEST_NAME} bytes"
    return ""


class ArmName(NamedTuple):
    """Names the runs of a method, or variant, on a space of an experiment; printed as ``EXPERIMENT/SPACE/METHOD``."""

    experiment: str
    space: str
    method: str

    def __str__(self) -> str:
        return "/".join(self)

    def command(self, name: str) -> str:
        """Return the command ``dnas NAME`` for these runs, as a shell takes it: folders may have any name.

        An experiment's name holds only a hash of its overrides, so the command shows them as ``-o ...``.
        """
        base, overridden, _ = self.experiment.partition("+")
        experiment, space, method = map(quote, (base, *self[1:]))
        return f"dnas {name} {experiment}{' -o ...' if overridden else ''} --space {space} --method {method}"


@dataclass(frozen=True, order=True)
class Run:
    """Names one run; printed and parsed as ``EXPERIMENT/SPACE/METHOD/SEED``."""

    experiment: str
    space: str
    method: str
    seed: int

    def __post_init__(self) -> None:
        for name in (self.experiment, self.space, self.method):  # they become folders, also of files from elsewhere
            if fault := fault_of_name(name):
                raise ValueError(f"'{name}' is not part of a run's name; {fault}")
        if type(self.seed) is not int or not 0 <= self.seed < 2**63:
            raise ValueError(f"{self.seed!r} is not a seed; write a number from 0 on")

    @property
    def arm(self) -> ArmName:
        """The name without the seed."""
        return ArmName(self.experiment, self.space, self.method)

    @property
    def folder(self) -> Path:
        """Where its record is, below the root of a store."""
        return Path(*self.arm)

    def __str__(self) -> str:
        return f"{self.arm}/{self.seed}"

    @classmethod
    def parse(cls, text: str) -> Run:
        """Return the run that ``text`` names; raise ``ValueError`` with how to fix it."""
        parts = text.strip("/").split("/")
        if len(parts) != 4 or not parts[3].isdecimal() or not all(parts):
            raise ValueError(
                f"'{text}' is not a run; write EXPERIMENT/SPACE/METHOD/SEED, as in quick/nasbench201/darts/0"
            )
        return cls(parts[0], parts[1], parts[2], int(parts[3]))
