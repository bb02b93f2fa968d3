"""Notations of NAS-Bench-201, whose operations sit on edges.

* AutoDL and NATS-Bench: ``|op~0|+...``, ``Structure(4 nodes with |op~0|+...)``, and the nested lists of (operation,
  node) pairs that ``Structure`` holds (xautodl/models/cell_searchs/genotypes.py).
* ``operations``: six numbers, in the order of the benchmark's operations and edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2.
* ``naslib``: the six numbers of NASLib, whose operations and edges are in another order
  (naslib/search_spaces/nasbench201/conversions.py).
* ``edges``: a dictionary from edges to operations, such as ``{"1<-0": "none", ...}`` or ``{(1, 2): "none", ...}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from . import integers, literal

_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # (source, target), as in the key
_NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_STRUCTURE = re.compile(r"Structure\(\s*\d+ nodes with (.*)\)", re.DOTALL)
_NAMED_EDGE = re.compile(r"\D*(\d)\D+(\d)\D*", re.ASCII)

Operations = Mapping[tuple[int, int], str]


def told(text: str) -> str:
    """Return the key that a text means where it can only mean one."""
    if found := _STRUCTURE.fullmatch(text):
        text = found[1].strip()
    if text[:1] in ("[", "("):
        value = literal(text)
        if isinstance(value, list | tuple) and all(type(entry) is int for entry in value):
            raise ValueError(f"'{text}' may be in several orders; add --notation operations or --notation naslib")
        return _nested(value, text)
    if text[:1] == "{":
        raise ValueError(f"'{text}' may count nodes in several ways; add --notation edges")
    if re.fullmatch(r"\d+(?:[\s,;]+\d+)+", text, re.ASCII):
        raise ValueError(f"'{text}' may be in several orders; add --notation operations or --notation naslib")
    if re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise ValueError(f"'{text}' may be an index of the table; add --notation index")
    return "+".join(_sorted(node) for node in text.split("+"))


def _sorted(node: str) -> str:
    """Return the edges of a node by source; what is not a node stays as it is."""
    parts = [part.strip() for part in node.strip().split("|")]
    inner = parts[1:-1]
    if parts[0] or parts[-1] or not all(re.fullmatch(r"\w+\s*~\s*\d", part, re.ASCII) for part in inner):
        return node
    edges = [re.sub(r"\s", "", part) for part in inner]
    return "|" + "|".join(sorted(edges, key=lambda edge: edge.partition("~")[2])) + "|"


def _nested(value: Any, text: str) -> str:
    """Return the key of lists of (operation, source) pairs, one list per node."""
    operations: dict[tuple[int, int], str] = {}
    nodes = value if isinstance(value, list | tuple) else ()
    for target, node in enumerate(nodes, start=1):
        if isinstance(node, list | tuple) and len(node) == 2 and isinstance(node[0], str):
            node = (node,)  # one pair is a list of it: (("none", 0)) is not a tuple in Python
        edges: list[Any] = [*node] if isinstance(node, list | tuple) else [None]
        for edge in edges:
            if not (isinstance(edge, list | tuple) and [type(part) for part in edge] == [str, int]):
                raise ValueError(f"'{text}' is not a list of (operation, node) pairs for each node")
            if operations.setdefault((edge[1], target), edge[0]) != edge[0]:
                raise ValueError(f"'{text}' has the edge from node {edge[1]} to node {target} twice")
    return _key(operations, text)


def _key(operations: Operations, text: str) -> str:
    if set(operations) != set(_EDGES):
        raise ValueError(f"'{text}' does not have the six edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2, once each")
    nodes = (
        "|" + "|".join(f"{operations[source, target]}~{source}" for source in range(target)) + "|"
        for target in (1, 2, 3)
    )
    return "+".join(nodes)


def _by_number(names: tuple[str, ...], edges: tuple[tuple[int, int], ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        numbers = integers(text)
        if len(numbers) != len(edges) or max(numbers) >= len(names):
            raise ValueError(f"'{text}' is not six numbers from 0 to {len(names) - 1}")
        return _key({edge: names[number] for edge, number in zip(edges, numbers, strict=True)}, text)

    return read


def by_edge(text: str) -> str:
    """Return the key of a dictionary from edges to operations, whose nodes are counted from 0 or from 1."""
    value = literal(text)
    if not isinstance(value, dict):
        raise ValueError(f"'{text}' is not a dictionary of edges")
    found: dict[tuple[int, int], str] = {}
    for edge, operation in value.items():
        named = _NAMED_EDGE.fullmatch(str(edge))
        if named is None or not isinstance(operation, str):
            raise ValueError(f"'{edge}' in '{text}' is not an edge with an operation; write '1<-0': 'none'")
        source, target = sorted((int(named[1]), int(named[2])))  # data flows to the node with the larger number
        if found.setdefault((source, target), operation) != operation:
            raise ValueError(f"'{text}' has the edge from node {source} to node {target} twice")
    first = min((source for source, _ in found), default=0)
    return _key({(source - first, target - first): operation for (source, target), operation in found.items()}, text)


NOTATIONS: Mapping[str, Callable[[str], str]] = {
    "": told,
    "operations": _by_number(_OPERATIONS, _EDGES),
    "naslib": _by_number(_NASLIB_OPERATIONS, _NASLIB_EDGES),
    "edges": by_edge,
}
