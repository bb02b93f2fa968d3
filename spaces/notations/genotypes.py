"""The notation of the DARTS family of codes: ``Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=..., ...)``.

quark0/darts and SmoothDARTS list the edges of a cell one after the other, two a node; DropNAS has a list a node. The
order inside a node means nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

_LONGEST = 10_000  # characters
_PER_NODE = 2


def told(text: str) -> str:
    """Return the key that a genotype means; a text of another form stays as it is."""
    if not text.startswith("Genotype"):
        return text
    try:
        call = ast.parse(text[:_LONGEST], mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"'{text[:_LONGEST]}' is not a Python expression") from None
    fields = {each.arg: each.value for each in call.keywords} if isinstance(call, ast.Call) else {}
    cells = []
    for name in ("normal", "reduce"):
        if name not in fields:
            raise ValueError(f"'{text}' lacks the field '{name}'; write Genotype(normal=[...], reduce=[...])")
        edges = _edges(fields[name])
        nodes = [sorted(edges[at : at + _PER_NODE], key=lambda e: e[1]) for at in range(0, len(edges), _PER_NODE)]
        cells.append(f"{name}:" + "+".join("|".join(f"{op}~{source}" for op, source in node) for node in nodes))
    return ";".join(cells)


def _edges(node: ast.expr) -> list[tuple[str, int]]:
    """Return the (operation, source) pairs of lists in any depth, in order."""
    if not isinstance(node, ast.List | ast.Tuple):
        raise ValueError(f"'{ast.unparse(node)}' is not a list of (operation, node) pairs")
    match [part.value if isinstance(part, ast.Constant) else None for part in node.elts]:
        case [str(operation), int(source)]:
            return [(operation, source)]
        case _:
            return [edge for part in node.elts for edge in _edges(part)]


NOTATIONS: Mapping[str, Callable[[str], str]] = {"": told}
