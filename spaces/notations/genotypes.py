"""The notation of the DARTS family of codes: ``Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=..., ...)``.

quark0/darts and SmoothDARTS list the edges of a cell one after the other, two per node; DropNAS has one list per
node. The order inside a node means nothing. The output of a cell joins all its nodes; a genotype that joins others is
of another space. A name may precede the genotype, as in ``DARTS_V2 = Genotype(...)``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

_LONGEST = 10_000  # characters
_PER_NODE = 2
_INPUTS = 2
_NAME = re.compile(r"(?:\w+\s*=\s*)?(?=Genotype\s*\()")

Edge = tuple[str, int]  # operation and source


def told(text: str) -> str:
    """Return the key that a genotype means; a text of another form stays as it is."""
    if (name := _NAME.match(text)) is None:
        return text
    fields, cells = _fields(text[name.end() :][:_LONGEST]), []
    for cell in ("normal", "reduce"):
        if cell not in fields:
            raise ValueError(f"'{text}' lacks the field '{cell}'; write Genotype(normal=[...], reduce=[...])")
        nodes = _nodes(fields[cell])
        joined, all_of_them = fields.get(f"{cell}_concat"), [_INPUTS + place for place in range(len(nodes))]
        if joined is not None and sorted(_numbers(joined)) != all_of_them:
            raise ValueError(f"'{cell}_concat={ast.unparse(joined)}' does not join all nodes, {all_of_them}")
        sorted_nodes = (sorted(edges, key=lambda edge: edge[1]) for edges in nodes)
        cells.append(f"{cell}:" + "+".join("|".join(f"{op}~{source}" for op, source in node) for node in sorted_nodes))
    return ";".join(cells)


def _fields(text: str) -> dict[str | None, ast.expr]:
    """Return the arguments of the call that a text is."""
    try:
        call = ast.parse(text, mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"'{text}' is not a Python expression") from None
    given = call.keywords if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else []
    fields = {each.arg: each.value for each in given}
    if len(fields) < len(given):
        raise ValueError(f"'{text}' has a field twice")
    return fields


def _nodes(node: ast.expr) -> list[list[Edge]]:
    """Return the edges of each node, from one list of pairs or from a list of pairs for each node."""
    parts = _parts(node)
    pairs = [pair for part in parts if (pair := _pair(part))]
    if len(pairs) == len(parts):
        return [pairs[at : at + _PER_NODE] for at in range(0, len(pairs), _PER_NODE)]
    nodes = []
    for part in parts:
        edges = [pair for each in _parts(part) if (pair := _pair(each))]
        if not len(edges) == len(_parts(part)) == _PER_NODE:
            raise ValueError(f"'{ast.unparse(part)}' is not {_PER_NODE} (operation, node) pairs, as each node has")
        nodes.append(edges)
    return nodes


def _parts(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.List | ast.Tuple):
        raise ValueError(f"'{ast.unparse(node)}' is not a list of (operation, node) pairs")
    return node.elts


def _pair(node: ast.expr) -> Edge | None:
    """Return the (operation, source) pair that an expression is, None where it is something else."""
    parts = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    match [part.value if isinstance(part, ast.Constant) else None for part in parts]:
        case [str(operation), int(source)]:
            return operation, source
    return None


def _numbers(node: ast.expr) -> list[int]:
    """Return the numbers of ``[2, 3, 4, 5]`` or ``range(2, 6)``; of anything else none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        match [part.value if isinstance(part, ast.Constant) else None for part in node.args]:
            case [int(first), int(last)]:
                return [*range(first, min(last, first + _LONGEST))]
        return []
    parts = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, int)]


NOTATIONS: Mapping[str, Callable[[str], str]] = {"": told}
