"""The cells of NAS-Bench-1Shot1: their NAS-Bench-101 matrix, their keys, their enumeration.

A graph is a frozenset of edges (source, target). Vertex 0 is the input of the cell, 1..k are the blocks,
and the output is k + 1, which is vertex 6 of a NAS-Bench-101 matrix.
"""

from collections.abc import Iterator
from itertools import combinations, permutations, product

from torch import Tensor

from .reference_nasbench1shot1 import OPERATIONS, PARENTS, block_count, choosing_nodes

Graph = frozenset[tuple[int, int]]
Matrix = list[list[int]]
SHORT = {"conv3x3-bn-relu": "conv3x3", "conv1x1-bn-relu": "conv1x1", "maxpool3x3": "maxpool3x3"}


def best(values: list[float], count: int) -> tuple[int, ...]:
    """Return the indices of the `count` largest values in increasing order; the first among equals wins."""
    ranked = sorted(range(len(values)), key=lambda index: (-values[index], index))
    return tuple(sorted(ranked[:count]))


def chosen_parents(space: int, alphas: list[Tensor]) -> dict[int, tuple[int, ...]]:
    """Return the parents of every node, the output included, that the architecture parameters choose."""
    counts = PARENTS[space]
    output = block_count(space) + 1
    parents = {node: tuple(range(node)) for node in range(1, output) if counts[node] == node}
    for row, node in enumerate(choosing_nodes(space)):
        parents[node] = best(alphas[2 + row][0].tolist(), counts[node])
    parents[output] = best(alphas[1][0].tolist(), counts[output])
    return parents


def graph_of(parents: dict[int, tuple[int, ...]]) -> Graph:
    """Return the edges found by walking backwards from the output: a node that feeds nothing has none."""
    edges: set[tuple[int, int]] = set()
    waiting = [max(parents)]
    while waiting:
        node = waiting.pop()
        for parent in parents.get(node, ()):
            edges.add((parent, node))
            waiting.append(parent)
    return frozenset(edges)


def matrix_of(space: int, graph: Graph) -> Matrix:
    """Return the 7 x 7 matrix of a graph; with four blocks vertex 5 is there but isolated."""
    output = block_count(space) + 1
    matrix = [[0] * 7 for _ in range(7)]
    for source, target in graph:
        matrix[source][6 if target == output else target] = 1
    return matrix


def discretise(space: int, alphas: list[Tensor]) -> tuple[Matrix, list[str]]:
    """Return the NAS-Bench-101 matrix and the labels of its seven vertices."""
    labels = [OPERATIONS[best(row, 1)[0]] for row in alphas[0].tolist()]
    if len(labels) == 4:
        labels.append("conv1x1-bn-relu")
    graph = graph_of(chosen_parents(space, alphas))
    return matrix_of(space, graph), ["input", *labels, "output"]


def prune(matrix: Matrix, labels: list[str]) -> tuple[Matrix, list[str]]:
    """Leave out the vertices that are on no path from input to output."""
    size = len(matrix)
    reached = {0}
    for vertex in range(size):
        if any(matrix[source][vertex] for source in reached):
            reached.add(vertex)
    useful = {size - 1}
    for vertex in reversed(range(size)):
        if any(matrix[vertex][target] for target in useful):
            useful.add(vertex)
    kept = sorted(reached & useful)
    return [[matrix[row][column] for column in kept] for row in kept], [labels[vertex] for vertex in kept]


def orders(matrix: Matrix) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Give every order of the inner vertices that keeps edges forward, with the bits of the matrix in it."""
    size = len(matrix)
    for inner in permutations(range(1, size - 1)):
        order = (0, *inner, size - 1)
        if all(not matrix[order[late]][order[early]] for early in range(size) for late in range(early, size)):
            bits = [matrix[order[row]][order[column]] for row in range(size) for column in range(row + 1, size)]
            yield "".join(map(str, bits)), inner


def key(matrix: Matrix, labels: list[str]) -> str:
    """Return the name that all isomorphic cells share: ``BITS:OPS``, the smallest over all vertex orders."""
    matrix, labels = prune(matrix, labels)
    names = []
    for bits, inner in orders(matrix):
        names.append(bits + ":" + ",".join(SHORT[labels[vertex]] for vertex in inner))
    return min(names)


def all_graphs(space: int) -> Iterator[Graph]:
    """Give the graph of every choice of parents; different choices may give the same graph."""
    output = block_count(space) + 1
    choices = [list(combinations(range(node), PARENTS[space][node])) for node in range(1, output + 1)]
    for chosen in product(*choices):
        yield graph_of(dict(enumerate(chosen, start=1)))


def complete(space: int, graph: Graph) -> bool:
    """Tell whether every node in use has all its parents, the input is used, and there is a block."""
    sources = {source for source, _ in graph}
    targets = [target for _, target in graph]
    right = all(targets.count(node) == PARENTS[space][node] for node in set(targets))
    return 0 in sources and len(sources) > 1 and right and len(set(targets)) == len(sources)


def original_graphs(space: int) -> Iterator[Graph]:
    """Give the graphs that the authors' own enumeration gives, which are not all of them.

    It grows a graph backwards from the output. Having added one parent of a node it continues from *that*
    parent and emits only what is finished inside that descent; coming back, it adds the node's next parent to
    the graph as it was before the descent. A graph in which two parents of one node both need growing is
    therefore finished in neither descent.
    """

    def grow(graph: Graph, node: int) -> Iterator[Graph]:
        if complete(space, graph):
            yield graph
            return
        there = [source for source, target in graph if target == node]
        free = [source for source in range(node) if source not in there]
        for chosen in combinations(free, PARENTS[space][node] - len(there)):
            grown = graph
            for parent in chosen:
                grown = grown | {(parent, node)}
                yield from grow(grown, parent)

    return grow(frozenset(), block_count(space) + 1)


def keys_of(space: int, graphs: set[Graph]) -> set[str]:
    """Return the keys of the graphs under every labelling.

    Isomorphic graphs have the same labellings, so only one of each class is labelled.
    """
    classes: dict[str, list[tuple[int, ...]]] = {}
    for graph in graphs:
        matrix, _ = prune(matrix_of(space, graph), [""] * 7)
        found = sorted(orders(matrix))
        smallest = found[0][0]
        if smallest not in classes:
            # All orders that give the smallest bits; relative to the first they are its symmetries.
            ties = [inner for bits, inner in found if bits == smallest]
            classes[smallest] = [tuple(ties[0].index(vertex) for vertex in inner) for inner in ties]
    keys = set()
    names = [SHORT[operation] for operation in OPERATIONS]
    for bits, symmetries in classes.items():
        for labels in product(names, repeat=len(symmetries[0])):
            if all(tuple(labels[index] for index in symmetry) >= labels for symmetry in symmetries):
                keys.add(bits + ":" + ",".join(labels))
    return keys


def reachable_keys(space: int) -> set[str]:
    """Return the key of every cell that architecture parameters can choose."""
    return keys_of(space, set(all_graphs(space)))
