"""Architectures as others write them."""

import numpy as np
import pytest

import spaces

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
NODES = [
    (("nor_conv_3x3", 0),),
    (("none", 0), ("nor_conv_1x1", 1)),
    (("skip_connect", 0), ("avg_pool_3x3", 1), ("nor_conv_3x3", 2)),
]
EDGES = {
    "1<-0": "nor_conv_3x3",
    "2<-0": "none",
    "2<-1": "nor_conv_1x1",
    "3<-0": "skip_connect",
    "3<-1": "avg_pool_3x3",
    "3<-2": "nor_conv_3x3",
}
MATRIX = [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
KEY = "110011:conv3x3,maxpool3x3"  # of the matrix with these operations, in space 3
DEAD_END = [[0, 1, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0] * 5, [0] * 5]  # of vertex 3
OPERATIONS = ["input", "conv3x3-bn-relu", "maxpool3x3", "output"]

TOLD_201 = {
    "as it is": CELL,
    "blanks around": f"  {CELL}\t",
    "a carriage return": f"{CELL}\r\n",
    "single quotes": f"'{CELL}'",
    "double quotes and blanks": f' "{CELL} " ',
    "Structure": f"Structure(4 nodes with {CELL})",
    "quoted Structure": f"'Structure(4 nodes with {CELL})'",
    "blanks inside": CELL.replace("+", " + ").replace("|", "| "),
    "sources permuted": "|nor_conv_3x3~0|+|nor_conv_1x1~1|none~0|+|nor_conv_3x3~2|skip_connect~0|avg_pool_3x3~1|",
    "nested tuples": str(tuple(NODES)),
    "nested lists": str([[list(edge) for edge in node] for node in NODES]),
    "a node of one pair": str([NODES[0][0], *NODES[1:]]),
    "nested pairs permuted": str([tuple(reversed(node)) for node in NODES]),
    "JSON": '[[["nor_conv_3x3", 0]], [["none", 0], ["nor_conv_1x1", 1]],'
    ' [["skip_connect", 0], ["avg_pool_3x3", 1], ["nor_conv_3x3", 2]]]',
}
NAMED_201 = {
    ("operations", "(3, 0, 2, 1, 4, 3)"),
    ("operations", "[3 0 2 1 4 3]"),
    ("operations", "3,0,2,1,4,3"),
    ("naslib", "[2, 1, 0, 3, 4, 2]"),  # edges 12, 13, 14, 23, 24, 34; Identity, Zero, 3x3, 1x1, AvgPool
    ("edges", str(EDGES)),
    ("edges", str(EDGES).replace("'", '"')),
    ("edges", str({(int(e[3]), int(e[0])): op for e, op in EDGES.items()})),
    ("edges", str({(int(e[3]) + 1, int(e[0]) + 1): op for e, op in EDGES.items()})),  # NASLib counts from 1
    ("edges", str({f"{e[3]}->{e[0]}": op for e, op in EDGES.items()})),
    ("edges", str({f"edge_{e[3]}_{e[0]}": op for e, op in EDGES.items()})),
}
TOLD_1SHOT1 = {
    "as it is": KEY,
    "blanks and quotes": f" '{KEY}' \r\n",
    "suffixes": "110011:conv3x3-bn-relu,maxpool3x3",
    "blanks inside": "110011: conv3x3-bn-relu, maxpool3x3",
    "a matrix with operations": str((MATRIX, OPERATIONS)),
    "a list of both": str([MATRIX, OPERATIONS]),
    "a dictionary": str({"matrix": MATRIX, "ops": OPERATIONS}),
    "as the benchmark's fixed metrics": str({"module_adjacency": MATRIX, "module_operations": OPERATIONS}),
    "with a vertex that does not reach the output": str((DEAD_END, [*OPERATIONS[:3], "conv1x1-bn-relu", "output"])),
}
REFUSED = [
    ("nasbench201", "", "(3, 0, 2, 1, 4, 3)", "add --notation operations or --notation naslib"),
    ("nasbench201", "", "3,0,2,1,4,3", "add --notation operations or --notation naslib"),
    ("nasbench201", "", "6111", "add --notation index"),
    ("nasbench201", "", str(EDGES), "add --notation edges"),
    ("nasbench201", "", str(NODES[:2]), "does not have the six edges"),
    ("nasbench201", "", str([*NODES, NODES[2]]), "does not have the six edges"),
    ("nasbench201", "", "[[1], [2], [3]]", r"not a list of \(operation, node\) pairs"),
    ("nasbench201", "", "[[", "neither a Python nor a JSON value"),
    ("nasbench201", "", "(" * 9000, "neither a Python nor a JSON value"),
    ("nasbench201", "", "[" + "1, " * 9000 + "]", "is too long"),
    ("nasbench201", "", CELL.replace("~1", "~0"), "should read from node 1"),
    ("nasbench201", "", CELL.replace("none", "zero"), "unknown operation 'zero'"),
    ("nasbench201", "operations", "(3, 0, 2, 1, 4, 5)", "six numbers from 0 to 4"),
    ("nasbench201", "operations", "(3, 0, 2, 1, 4)", "six numbers from 0 to 4"),
    ("nasbench201", "naslib", CELL, "is not a list of numbers"),
    ("nasbench201", "edges", str({**EDGES, "0->1": "none"}), "node 0 to node 1 twice"),
    ("nasbench201", "edges", "{'a': 'none'}", "is not an edge with an operation"),
    ("nasbench201", "edges", str(dict(list(EDGES.items())[:5])), "does not have the six edges"),
    ("nasbench201", "edges", "[1]", "not a dictionary of edges"),
    ("nasbench201", "autodl", CELL, "no notation 'autodl'; known are operations, naslib, edges"),
    ("nasbench1shot1-3", "operations", KEY, "no notation 'operations'"),
    ("nasbench1shot1-3", "", str((MATRIX, OPERATIONS[:3])), "not a matrix with one operation per row"),
    ("nasbench1shot1-3", "", str(([[0, 2], [0, 0]], ["input", "output"])), "not a matrix"),
    ("nasbench1shot1-3", "", str((MATRIX, OPERATIONS[::-1])), "begin with 'input' and end with 'output'"),
    ("nasbench1shot1-3", "", str(([*MATRIX[:3], [1, 0, 0, 0]], OPERATIONS)), "leads back"),
    ("nasbench1shot1-3", "", str(MATRIX), "not a matrix with one operation per row"),
    ("nasbench1shot1-3", "", "__import__('os')", "write BITS:OPS"),
    ("nasbench1shot1-3", "", "[__import__('os')]", "neither a Python nor a JSON value"),
]


@pytest.mark.parametrize("text", TOLD_201.values(), ids=TOLD_201)
def test_a_cell_of_nasbench201_is_told(text):
    assert spaces.find("nasbench201").read(text).key == CELL


@pytest.mark.parametrize(("notation", "text"), sorted(NAMED_201))
def test_a_cell_of_nasbench201_in_a_named_notation(notation, text):
    assert spaces.find("nasbench201").read(f" {text}\r", notation).key == CELL


@pytest.mark.parametrize("text", TOLD_1SHOT1.values(), ids=TOLD_1SHOT1)
def test_a_cell_of_nasbench101_is_told(text):
    space = spaces.find("nasbench1shot1-3")
    assert space.read(text) == space.parse(KEY)


@pytest.mark.parametrize(("name", "notation", "text", "says"), REFUSED, ids=[f"{r[0]} {r[1]} {r[3]}" for r in REFUSED])
def test_what_may_mean_several_cells_or_none_is_refused(name, notation, text, says):
    with pytest.raises(ValueError, match=says) as refused:
        spaces.find(name).read(text, notation)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", spaces.names())
def test_every_notation_reads_what_a_space_draws(name):
    space, rng = spaces.find(name), np.random.default_rng(0)
    for _ in range(20):
        arch = space.random(rng)
        assert space.read(arch.key) == space.read(f"'{arch.key}'\r") == arch
    assert "" in space.notations


def test_naslib_counts_operations_and_edges_in_another_order():
    """Six different operations on six edges, by hand from NASLib's conversions.py."""
    space = spaces.find("nasbench201")
    same = space.read("(1, 0, 2, 3, 4, 1)", "naslib")  # 12 Zero, 13 Identity, 14 3x3, 23 1x1, 24 AvgPool, 34 Zero
    assert same.key == "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    assert space.read("(1, 0, 2, 3, 4, 1)", "operations") != same
