"""The supernets of the DARTS spaces against numbers that the authors' codes gave, to 1e-9 in float64.

Every weight is a sine of its place, so that each implementation can be given the same network: a convolution has
w[o, i, y, x] = sqrt(3 / f) sin(1 + 0.37 r + 1.1 o + 0.7 i + 0.5 y + 0.3 x + 0.9 o i + 0.4 y x), where an output reads f
numbers and r is the number of the convolution.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import spaces
from spaces.supernet.network import Supernet

GOLDEN = Path(__file__).parent / "goldens" / "supernets.txt"
ROWS = [line.split() for line in GOLDEN.read_text().splitlines() if not line.startswith("#")]
#: In the order of the authors' numbers; and DropNAS's order of the columns of the DARTS space.
OPERATIONS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect"]
OPERATIONS += ["sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
DROPNAS = [4, 5, 6, 7, 1, 2, 3, 0]
#: Which rows the short form looks at: every operation, both orders of columns, dropped operations, 8 layers and 3.
SHORT = ("darts 8 none", "darts 3 none", "darts-s1 8 none", "dropnas 8 fifth")
TURN = {"first": 0, "even": 0, "odd": 1, "second": 2}


def wave(r, out, inputs, kernel):
    o, i, y, x = np.ix_(*(np.arange(n, dtype=float) for n in (out, inputs, kernel, kernel)))
    angle = 1 + 0.37 * r + 1.1 * o + 0.7 * i + 0.5 * y + 0.3 * x + 0.9 * o * i + 0.4 * y * x
    return math.sqrt(3 / (inputs * kernel * kernel)) * np.sin(angle)


def numbers_of(net, name, owners):
    """Return the number of each convolution that a piece holds, in order."""
    if name == "stem":
        return [1]
    cell, rest = name.split(".", 2)[:2], name.split(".", 2)[2]
    k = [place.name for places in net._places for place in places].index(".".join(cell))
    if rest.startswith("input"):
        return [10 + 100 * k + {"input0": 0, "input0.even": 0, "input0.odd": 1, "input1": 2}[rest]]
    turn, found = rest.rpartition(".")[2], []
    for row, column in owners:
        operation = net.space.rows[row].choices[column].partition(".")[0]
        pointwise = 3 if turn == "last" and operation.startswith("sep") else 1
        j = pointwise if rest.count(".") == 1 else TURN[turn]
        found.append(1000 + 10000 * k + 500 * net.space.rows[row].index + 40 * OPERATIONS.index(operation) + j)
    return found


def filled(net):
    """Return the weights ``(1, P)`` of the golden network."""
    parts = []
    for piece in net.layout.pieces:
        if len(piece.shape) == 4:
            out, inputs, kernel, _ = piece.shape
            numbers = numbers_of(net, piece.name, piece.owners)
            parts += [wave(r, out // len(numbers), inputs, kernel).ravel() for r in numbers]
        elif piece.name == "classify":
            parts.append(wave(2, *piece.shape, 1).ravel())
        else:
            parts.append(np.full(piece.size, 1.0 if piece.name.endswith(".scale") else 0.0))
    return torch.from_numpy(np.concatenate(parts))[None]


def batch():
    b, c, h, w = np.ix_(*(np.arange(n, dtype=float) for n in (4, 3, 32, 32)))
    x = np.sin(1.7 * b + 0.9 * c + 0.13 * h + 0.29 * w + 0.011 * h * w)
    return torch.from_numpy(x).permute(0, 2, 3, 1).unsqueeze(3).contiguous(), torch.arange(4)


def alphas(space, order=None):
    """Return the alphas ``(1, 28, M)``; ``order`` holds the authors' columns."""
    columns = space.mask.shape[1]
    place = columns * np.arange(14)[:, None] + np.arange(columns)
    table = np.concatenate([0.5 * np.sin(0.9 * place + 0.4 * kind) for kind in (0, 1)])
    return torch.from_numpy(table if order is None else table[:, np.argsort(order)])[None]


def dropped(order):
    """Return where operation o of edge e of kind t is dropped: (3 e + o + t) mod 5 = 0, in DropNAS's columns."""
    e, o = np.arange(14)[:, None], np.arange(8)
    table = np.concatenate([(3 * e + o + kind) % 5 == 0 for kind in (0, 1)])
    return torch.from_numpy(table[:, np.argsort(order)])[None]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=name, marks=[] if name in SHORT else pytest.mark.slow)
        for row in ROWS
        for name in [" ".join(row[:3])]
    ],
)
def test_golden_supernets(row):
    name, layers, drop, *values = row
    order = DROPNAS if name == "dropnas" else None
    space = spaces.find("darts" if name == "dropnas" else name)
    net = Supernet(space, replace(space.supernet, channels=4, layers=int(layers)))
    alpha = alphas(space, order).requires_grad_()
    shown = alpha.masked_fill(dropped(order), -torch.inf) if drop == "fifth" else alpha
    weights = filled(net).requires_grad_()
    x, labels = batch()
    statistics = net.statistics(1, dtype=torch.float64, device="cpu")
    logits = net.forward(weights, statistics, x, shown.softmax(-1), training=True)
    loss = cross_entropy(logits[0], labels)
    of_alpha, of_weights = torch.autograd.grad(loss, (alpha, weights))
    normal, reduce = of_alpha[0, :14].norm(), of_alpha[0, 14:].norm()
    both = [normal, reduce] if values[3] != "-" else [of_alpha.norm()]
    found = [loss, logits.abs().sum(), *both, of_weights.norm()]
    assert [each.item() for each in found] == pytest.approx([float(v) for v in values if v != "-"], rel=1e-9)


@pytest.mark.parametrize(
    ("layers", "golden"), [pytest.param(8, 2.200074899951, marks=pytest.mark.slow), (3, 2.317447367597)]
)
def test_golden_losses_at_the_statistics_of_a_batch(layers, golden):
    space = spaces.find("darts")
    net = Supernet(space, replace(space.supernet, channels=4, layers=layers, bn_momentum=1.0))
    weights, mix = filled(net), alphas(space).softmax(-1)
    x, labels = batch()
    statistics = net.statistics(1, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        net.forward(weights, statistics, x, mix, training=True)
        logits = net.forward_frozen(net.freeze(weights, statistics), x, mix)
    assert cross_entropy(logits[0], labels).item() == pytest.approx(golden, rel=1e-11)
