"""The reference's discretisation and enumeration against the authors' code and the table."""

from collections import Counter

import numpy as np
import pytest
import torch
from nasbench_pytorch.model import graph_util

from . import reference_cells as cells
from .reference_nasbench1shot1 import OPERATIONS, PARENTS, Network, block_count, choosing_nodes

CANONICAL = ["conv3x3", "conv1x1", "maxpool3x3"]


def alphas_for(space, parents, operations):
    """Return architecture parameters that choose the given parents and operations."""
    alphas = [torch.zeros_like(each) for each in Network(space, channels=2, cells_per_stack=1).alphas]
    for row, operation in enumerate(operations):
        alphas[0][row, operation] = 1.0
    for row, node in enumerate(choosing_nodes(space)):
        alphas[2 + row][0, list(parents[node])] = 1.0
    alphas[1][0, list(parents["out"])] = 1.0
    return alphas


@pytest.mark.parametrize(
    ("space", "parents", "edges"),
    [
        (1, {3: (1, 2), 4: (0, 3), "out": (3, 4)}, "01 02 04 12 13 23 34 36 46"),
        (1, {3: (0, 1), 4: (1, 2), "out": (0, 4)}, "01 02 06 12 14 24 46"),
        (1, {3: (0, 1), 4: (1, 2), "out": (0, 1)}, "01 06 16"),
        (2, {2: (1,), 3: (0, 2), 4: (2, 3), "out": (0, 3, 4)}, "01 03 06 12 23 24 34 36 46"),
        (3, {2: (1,), 3: (2,), 4: (0, 3), 5: (1, 4), "out": (4, 5)}, "01 04 12 15 23 34 45 46 56"),
        (3, {2: (0,), 3: (0,), 4: (1, 2), 5: (0, 3), "out": (0, 4)}, "01 02 06 14 24 46"),
    ],
)
def test_golden_discretisations(space, parents, edges):
    operations = [index % 3 for index in range(block_count(space))]
    matrix, labels = cells.discretise(space, alphas_for(space, parents, operations))
    found = [f"{row}{column}" for row in range(7) for column in range(7) if matrix[row][column]]
    assert " ".join(found) == edges
    chosen = [OPERATIONS[index] for index in operations]
    assert labels == ["input", *chosen, *(["conv1x1-bn-relu"] if len(chosen) == 4 else []), "output"]
    live = sorted({int(vertex) for edge in found for vertex in edge})
    assert cells.prune(matrix, labels)[1] == [labels[vertex] for vertex in live]


def test_the_first_among_equals_is_chosen():
    assert cells.best([0.5, 0.5, 0.5, 0.1], 2) == (0, 1)
    assert cells.best([0.1, 0.5, 0.5, 0.5], 2) == (1, 2)


@pytest.mark.parametrize("space", [1, 2, 3])
def test_every_space_has_nine_edges_at_most(space):
    assert sum(PARENTS[space]) == 9


@pytest.mark.parametrize(
    ("space", "choices", "graphs", "keys"), [(1, 180, 66, 2685), (2, 360, 190, 7773), (3, 5400, 876, 55854)]
)
def test_what_the_spaces_hold(space, choices, graphs, keys):
    every = list(cells.all_graphs(space))
    assert len(every) == choices
    assert len(set(every)) == graphs
    assert len(cells.reachable_keys(space)) == keys


@pytest.mark.parametrize(
    ("space", "graphs", "pairs", "keys"),
    [(1, 49, 2487, 2127), (2, 65, 3609, 3258), (3, 234, 24066, 17940)],
)
def test_what_the_original_enumeration_leaves_out(space, graphs, pairs, keys):
    original = list(cells.original_graphs(space))
    assert len(original) == len(set(original)) == graphs
    live = [len({source for source, _ in graph} - {0}) for graph in original]
    assert sum(3**count for count in live) == pairs
    found = cells.keys_of(space, set(original))
    assert len(found) == keys
    assert found < cells.reachable_keys(space)


@pytest.mark.parametrize(
    ("space", "percent"),
    [
        (1, {1: 10, 2: 30, 3: 39, 4: 21}),
        (2, {2: 17.5, 3: 44, 4: 38}),
        (3, {1: 12, 2: 27, 3: 31, 4: 22, 5: 8}),
    ],
)
def test_how_many_blocks_live(space, percent):
    every = list(cells.all_graphs(space))
    counts = Counter(len({source for source, _ in graph} - {0}) for graph in every)
    assert {live: 100 * count / len(every) for live, count in counts.items()} == pytest.approx(percent, abs=0.6)


def table_hash(key):
    """Return NAS-Bench-101's own hash of a key."""
    bits, _, operations = key.partition(":")
    names = operations.split(",") if operations else []
    matrix = np.zeros((len(names) + 2, len(names) + 2), dtype=int)
    matrix[np.triu_indices(len(matrix), 1)] = [int(bit) for bit in bits]
    return graph_util.hash_module(matrix, [-1, *(CANONICAL.index(name) for name in names), -2])


@pytest.mark.parametrize("space", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_keys_and_the_tables_hashes_tell_the_same_cells_apart(space):
    keys = cells.reachable_keys(space)
    assert len({table_hash(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("space", [1, 2, 3])
def test_isomorphic_cells_share_a_key_and_a_hash(space):
    generator = torch.Generator().manual_seed(space)
    shapes = [each.shape for each in Network(space, channels=2, cells_per_stack=1).alphas]
    reachable = cells.reachable_keys(space)
    for _ in range(200):
        alphas = [torch.randn(shape, generator=generator) for shape in shapes]
        matrix, labels = cells.prune(*cells.discretise(space, alphas))
        key = cells.key(matrix, labels)
        assert key in reachable
        assert key in cells.keys_of(space, {cells.graph_of(cells.chosen_parents(space, alphas))})
        names = [-1, *(CANONICAL.index(cells.SHORT[label]) for label in labels[1:-1]), -2]
        assert graph_util.hash_module(np.array(matrix), names) == table_hash(key)


def test_keys_of_the_smallest_cells():
    assert cells.key([[0, 1], [0, 0]], ["input", "output"]) == "1:"
    assert cells.key([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"]) == "101:conv3x3"
