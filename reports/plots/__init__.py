"""The figures, one module each, found by folder.

A module declares ``ORDER`` (its place on the page) and ``draw(study)``, which yields a ``Plot`` for each figure: one
with a drawn figure, or one that says what the records lack. To add a figure, add a file.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.study.study import Study


@dataclass(frozen=True)
class Plot:
    """One figure of one study, or the reason why there is none.

    Attributes
    ----------
    name : stem of its files, unique within a study.
    title : what is shown, in a few words.
    caption : what lines, bands and marks are, in one sentence.
    note : what else must be known to read it; the page folds it.
    alt : alternative text: what the figure says.
    figure : None where the records lack what it needs.
    missing : what they lack.
    """

    name: str
    title: str
    caption: str = ""
    note: str = ""
    alt: str = ""
    figure: Figure | None = None
    missing: str = ""


def modules() -> list[ModuleType]:
    """Return the modules of this folder in the order in which the page shows them."""
    found = [import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return sorted(found, key=lambda module: (module.ORDER, module.__name__))


def draw(study: Study) -> Iterator[Plot]:
    """Yield every plot of a study; call inside ``style()``."""
    for module in modules():
        yield from module.draw(study)
