"""What cells are made of, and how many searches of a method end in the cell of skip connections alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from reports.study.method_style import Method
from reports.study.study import Study
from results.records.arch_key import operations_in
from results.records.manifest import Cell
from results.records.record import Record

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


def by_kind(cell: Cell) -> dict[str, Cell]:
    """Return each kind of cell by its name, without it in the labels of its nodes; of one kind, no name."""
    if not cell.kinds:
        return {"": cell}
    found = {}
    for kind, group in groupby(range(len(cell.nodes)), key=cell.kinds.__getitem__):
        places = list(group)
        first, last = places[0], places[-1]
        nodes = tuple(cell.nodes[place].removeprefix(f"{kind} ") for place in places)
        edges = tuple((s - first, t - first, label) for s, t, label in cell.edges if first <= s and t <= last)
        found[CELLS.get(kind, kind)] = Cell(nodes=nodes, edges=edges)
    return found


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


def most_found(records: Sequence[Record]) -> tuple[str, str]:
    """Return the final architecture that most of a method's records share, and which of them do, in words.

    Of equals, it is that of the first seed. The cells of the page over the epochs follow the same rule.
    """
    counts = Counter(record.final_arch for record in records)
    ((arch, count),) = counts.most_common(1)  # of equals, the first that was counted
    if len(records) == 1:
        return arch, "its only seed"
    if count == 1:
        return arch, f"{len(records)} seeds, {len(counts)} cells; seed {records[0].run.seed}"
    return arch, f"{count} of {len(records)} seeds"


def leading(methods: Sequence[Method]) -> Method:
    """Return DARTS, or else the first method that searches, or the first."""
    searching = [method for method in methods if not method.independent] or list(methods)
    return next((method for method in searching if method.id == "darts"), searching[0])
