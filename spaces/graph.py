"""Labelled cells of NAS-Bench-101 as graphs: pruning, the canonical key, and back.

A cell is an upper-triangular adjacency matrix over vertices 0 (input) .. n - 1 (output) and one operation for each
inner vertex. Its key is ``BITS:OPS``: the bits above the diagonal row by row, then the operations of the inner
vertices, taken in the vertex order that makes the pair smallest. Isomorphic cells therefore share one key.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations

Edges = frozenset[tuple[int, int]]

VERTICES = 7  # of a NAS-Bench-101 cell at most, input and output among them


def prune(edges: Edges, vertices: int) -> tuple[Edges, tuple[int, ...]]:
    """Remove vertices and edges that lie on no path from input to output.

    Returns
    -------
    The edges that remain, renumbered, and the old numbers of the inner vertices that remain.
    """
    output = vertices - 1
    ahead, behind = {0}, {output}
    for source, target in sorted(edges):
        if source in ahead:
            ahead.add(target)
    for source, target in sorted(edges, key=lambda e: -e[1]):
        if target in behind:
            behind.add(source)
    live = sorted((ahead & behind) | {0, output})
    number = {old: new for new, old in enumerate(live)}
    kept = frozenset((number[a], number[b]) for a, b in edges if a in ahead & behind and b in ahead & behind)
    return kept, tuple(live[1:-1])


@cache
def canonical_orders(edges: Edges, vertices: int) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """Return the smallest bits over all upper-triangular vertex orders, and the inner orders that reach them."""
    best, orders = None, []
    for order in permutations(range(1, vertices - 1)):
        place = {0: 0, vertices - 1: vertices - 1} | {old: new + 1 for new, old in enumerate(order)}
        moved = {(place[a], place[b]) for a, b in edges}
        if any(a >= b for a, b in moved):
            continue
        bits = "".join("1" if (a, b) in moved else "0" for a in range(vertices) for b in range(a + 1, vertices))
        if best is None or bits < best:
            best, orders = bits, [order]
        elif bits == best:
            orders.append(order)
    if best is None:
        raise ValueError("the graph has a cycle")
    return best, tuple(orders)


def key(edges: Edges, operations: tuple[str, ...]) -> str:
    """Return the canonical key of a cell; ``operations`` holds those of the inner vertices, in vertex order."""
    edges, live = prune(edges, len(operations) + 2)
    labels = tuple(operations[v - 1] for v in live)
    return labelled(*canonical_orders(edges, len(labels) + 2), labels)


def labelled(bits: str, orders: tuple[tuple[int, ...], ...], labels: tuple[str, ...]) -> str:
    """Return the canonical key of a pruned cell whose ``canonical_orders`` are known."""
    return f"{bits}:{','.join(min(tuple([labels[v - 1] for v in order]) for order in orders))}"


def parse(text: str, known: tuple[str, ...], example: str = "101:conv3x3") -> tuple[Edges, tuple[str, ...]]:
    """Return edges and inner operations of a key; raise ``ValueError`` that shows ``example``."""
    form = f"BITS:OPS, as in {example}"
    bits, colon, names = text.partition(":")
    operations = tuple(names.split(",")) if names else ()
    vertices = len(operations) + 2
    if not colon or set(bits) - {"0", "1"}:
        raise ValueError(f"'{text}' cannot be decoded; write {form}")
    if vertices > VERTICES:
        raise ValueError(
            f"a cell of {vertices} vertices is too large; one of NAS-Bench-101 has at most {VERTICES} vertices"
        )
    if len(bits) != vertices * (vertices - 1) // 2:
        raise ValueError(
            f"'{text}' has {len(bits)} bits for {vertices} vertices;"
            f" {vertices * (vertices - 1) // 2} are needed: write {form}"
        )
    for name in operations:
        if name not in known:
            raise ValueError(f"unknown operation '{name}' in '{text}'; known are {', '.join(known)}")
    pairs = [(a, b) for a in range(vertices) for b in range(a + 1, vertices)]
    edges = frozenset(pair for pair, bit in zip(pairs, bits, strict=True) if bit == "1")
    return edges, operations
