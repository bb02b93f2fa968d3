"""What cells are made of, and how many searches of a method end in the cell of skip connections alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.study.method_style import Method
from reports.study.study import Study
from results.records.arch_key import operations_in

#: The operation that passes its input on, where a space has it.
SKIP = "skip_connect"
#: The kinds of cells, as they are printed; an architecture of one kind has no name for it.
CELLS = {"": "cell", "normal": "normal cell", "reduce": "reduction cell"}


@dataclass(frozen=True)
class Ending:
    """How many of a method's complete searches end in the cell of skip connections alone: ``count`` of ``seeds``."""

    method: Method
    count: int
    seeds: int


def endings(study: Study) -> list[Ending]:
    """Return how the searches of each method end; nothing on a space without skip connections."""
    if SKIP not in study.declared.operations:
        return []
    found = []
    for method in study.methods:
        finals = [record.final_arch for record in study.drawn(method) if record.complete]
        if finals and not method.independent:
            found.append(Ending(method, sum(set(operations_in(arch)) == {SKIP} for arch in finals), len(finals)))
    return found


def leading(methods: Sequence[Method]) -> Method:
    """Return DARTS, or else the first method that searches, or the first."""
    searching = [method for method in methods if not method.independent] or list(methods)
    return next((method for method in searching if method.id == "darts"), searching[0])
