"""Cells of two inputs whose edges have weights, decoded as PC-DARTS's code does it, edge by edge."""

import numpy as np
import pytest

import spaces
from spaces.edge_weights import EdgeWeighted

EDGES = [(source, target) for target in range(2, 6) for source in range(target)]


def softmax(values):
    shares = np.exp(values)
    return shares / shares.sum()


def best(names, shares):
    """Return the operation with the largest share, ``none`` left out."""
    return max((share, -place) for place, share in enumerate(shares) if names[place] != "none")


def cell(space, alpha, betas, first):
    """Return the edges of one cell, ``(source, target, operation)``: the two of each node with the largest product."""
    found = []
    for target, row in zip(range(2, 6), betas, strict=True):
        ranked = []
        for source, beta in enumerate(softmax(row[:target])):
            place = first + EDGES.index((source, target))
            names = space.rows[place].choices
            share, column = best(names, beta * softmax(alpha[place, : len(names)]))
            ranked.append((-share, source, names[-column]))
        found += sorted((source, target, name.partition(".")[0]) for _, source, name in sorted(ranked)[:2])
    return found


def written(edges):
    nodes = [[f"{name}~{source}" for source, to, name in edges if to == target] for target in range(2, 6)]
    return "+".join("|".join(node) for node in nodes)


@pytest.mark.parametrize("name", ["darts", "darts-no-none", "darts-s1", "darts-s4", "darts-3skip"])
def test_the_same_edges_survive(name):
    space, rng = EdgeWeighted(spaces.find(name)), np.random.default_rng(0)
    for _ in range(100):
        alpha = np.where(space.mask, rng.normal(size=space.mask.shape), 0)
        normal, reduce = (cell(space, alpha, alpha[28 + 4 * k : 32 + 4 * k], 14 * k) for k in (0, 1))
        assert space.arch(space.choose(alpha)).key == f"normal:{written(normal)};reduce:{written(reduce)}"
