import re
from dataclasses import replace
from itertools import islice

import networkx as nx
import numpy as np
import pytest
import torch

import spaces
from spaces import graph
from spaces.base import Arch, SupernetConfig
from spaces.families.nasbench1shot1 import OPERATIONS
from spaces.supernet.network import Supernet

ONE_SHOT = ("nasbench1shot1-1", "nasbench1shot1-2", "nasbench1shot1-3")

#: Parents that are kept, by site, and the cell that they give: its edges over seven vertices, of which 0 is the input,
#: 6 the output; worked out with the authors' own code.
GOLDEN = [
    (1, {"input3": [1, 2], "input4": [0, 3], "output": [3, 4]}, "01 02 04 12 13 23 34 36 46"),
    (1, {"input3": [0, 1], "input4": [1, 2], "output": [0, 4]}, "01 02 06 12 14 24 46"),
    (1, {"input3": [0, 1], "input4": [1, 2], "output": [0, 1]}, "01 06 16"),
    (2, {"input2": [1], "input3": [0, 2], "input4": [2, 3], "output": [0, 3, 4]}, "01 03 06 12 23 24 34 36 46"),
    (
        3,
        {"input2": [1], "input3": [2], "input4": [0, 3], "input5": [1, 4], "output": [4, 5]},
        "01 04 12 15 23 34 45 46 56",
    ),
    (
        3,
        {"input2": [0], "input3": [0], "input4": [1, 2], "input5": [0, 3], "output": [0, 4]},
        "01 02 06 14 24 46",
    ),
]


def labelled(edges, labels):
    found = nx.DiGraph()
    for edge in edges:
        for vertex in edge:
            found.add_node(vertex, label=labels[vertex])
        found.add_edge(*edge)
    return found


@pytest.mark.parametrize(("number", "parents", "edges"), GOLDEN)
@pytest.mark.parametrize("draw", range(3))
def test_a_mix_decodes_to_the_cell_that_the_authors_code_gives(number, parents, edges, draw):
    space = spaces.find(f"nasbench1shot1-{number}")
    rng = np.random.default_rng(draw)
    mix = rng.uniform(0, 0.4, space.mask.shape)
    for site, kept in parents.items():
        mix[space.site_rows(site), kept] += 0.5
    operations = rng.integers(0, 3, space.cell.blocks)
    mix[range(space.cell.blocks), operations] += 0.5

    labels = {0: "input", 6: "output"} | {b: OPERATIONS[o] for b, o in enumerate(operations, start=1)}
    expected = labelled([(int(a), int(b)) for a, b in edges.split()], labels)
    (arch,) = space.decode(mix[None])
    found, names = graph.parse(arch.key, OPERATIONS)
    decoded = labelled(found, ("input", *names, "output"))
    assert nx.is_isomorphic(decoded, expected, node_match=lambda a, b: a["label"] == b["label"])


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("nasbench1shot1-1", 2685),
        ("nasbench1shot1-2", 7773),
        ("nasbench1shot1-3", 55854),
        ("nasbench201", 15625),
    ],
)
def test_a_space_reaches_as_many_cells_as_the_protocol_says(name, cells):
    archs = list(spaces.find(name).enumerate())
    assert len(archs) == len(set(archs)) == cells
    assert {arch.space for arch in archs} == {name}
    if name in ONE_SHOT:
        assert archs == sorted(archs, key=lambda arch: arch.key)
    else:
        assert [archs[place].key.count("skip_connect") for place in (0, 1, 5, 6)] == [0, 1, 1, 2]  # the last edge first


@pytest.mark.parametrize(
    ("name", "weights", "alphas", "maps"),
    [
        ("nasbench1shot1-1", 1_101_402, 24, [32, 17, 9]),
        ("nasbench1shot1-2", 1_101_402, 26, [32, 17, 9]),
        ("nasbench1shot1-3", 1_509_594, 35, [32, 17, 9]),
        ("nasbench201", 1_686_106, 30, [32, 16, 8]),
        ("darts", 1_930_618, 224, [32, 16, 8]),
        ("darts-no-none", 1_930_618, 196, [32, 16, 8]),
        ("darts-s1", 405_146, 56, [32, 16, 8]),
        ("darts-s2", 665_466, 56, [32, 16, 8]),
        ("darts-s3", 665_466, 84, [32, 16, 8]),
        ("darts-s4", 624_506, 56, [32, 16, 8]),
        ("darts-1skip", 3_239_674, 168, [32, 16, 8]),
        ("darts-3skip", 3_321_594, 224, [32, 16, 8]),
    ],
)
def test_a_supernet_has_the_published_size(name, weights, alphas, maps):
    space = spaces.find(name)
    net = Supernet(space, space.supernet)
    assert net.size == weights
    assert space.alphas == alphas
    assert space.skeleton.feature_maps(32) == maps


@pytest.mark.parametrize(("bias", "affine", "weights"), [(True, False, 1_692_826), (False, False, 1_686_106)])
def test_the_switches_of_nasbench201_change_its_size_as_published(bias, affine, weights):
    config = SupernetConfig(cells=5, conv_bias=bias, bn_affine=affine)
    assert Supernet(spaces.find("nasbench201"), config).size == weights


@pytest.mark.parametrize("name", [name for name in spaces.names() if spaces.find(name).family != "darts"])
@pytest.mark.parametrize("side", [8, 16])
def test_the_maps_are_as_wide_as_promised(name, side, monkeypatch):
    space = spaces.find(name)
    net = Supernet(space, SupernetConfig(channels=2, cells=1, bn_affine=True))
    seen, forward = [], net._cell

    def watched(*arguments):
        x = next(a for a in arguments if isinstance(a, torch.Tensor) and a.dim() == 5)
        y = forward(*arguments)
        seen.append((x.shape[1], x.shape[2], y.shape[1]))
        return y

    monkeypatch.setattr(net, "_cell", watched)
    weights = net.layout.initial(torch.Generator().manual_seed(0))[None]
    statistics = net.statistics(1, dtype=torch.float64, device="cpu")
    mix = torch.from_numpy(np.where(space.mask, 0.2, 0))[None]
    logits = net.forward(weights, statistics, torch.ones(2, side, side, 1, 3).double(), mix, training=True)
    assert logits.shape == (1, 2, 10)
    assert seen == [(width, width, width) for width in space.skeleton.feature_maps(side)]


def test_the_cell_of_before_february_2020_is_narrower():
    space = spaces.find("nasbench1shot1-1")
    sizes = {
        cell: Supernet(space, SupernetConfig(cells=3, bn_affine=True, cell=cell)).size
        for cell in ("current", "published")
    }
    assert sizes["published"] < sizes["current"]


@pytest.mark.parametrize("name", spaces.names())
def test_sites_come_in_the_order_of_the_authors_alphas(name):
    names = [site.name for site in spaces.find(name).sites]
    expected = {
        "nasbench201": ["edges"],
        "nasbench1shot1-1": ["operations", "output", "input3", "input4"],
        "nasbench1shot1-2": ["operations", "output", "input2", "input3", "input4"],
        "nasbench1shot1-3": ["operations", "output", "input2", "input3", "input4", "input5"],
    }
    assert names == expected.get(name, ["normal", "reduce"])


@pytest.mark.parametrize("name", ONE_SHOT)
def test_a_cell_has_at_most_nine_edges_before_pruning(name):
    space = spaces.find(name)
    free = sum(site.keep for site in space.sites if not site.operations)
    forced = sum(block for block, site in enumerate(space.cell.inputs, start=1) if site is None)
    assert free + forced == 9


@pytest.mark.parametrize("name", ONE_SHOT)
def test_every_enumerated_cell_decodes_from_its_own_table(name):
    space = spaces.find(name)
    archs = list(islice(space.enumerate(), 0, None, 37))
    assert len(archs) > 70
    for arch in archs:
        table = space.khot(arch)
        assert set(np.unique(table)) == {0.0, 1.0}
        assert table.sum(1).tolist() == [row.keep for row in space.rows]
        assert space.decode(table[None]) == [arch]


def test_operations_of_dead_blocks_do_not_matter():
    space = spaces.find("nasbench1shot1-3")
    mix = np.zeros(space.mask.shape)
    mix[space.site_rows("output"), [0, 1]] = 1  # blocks 2 to 5 feed nothing
    keys = set()
    for operation in range(3):
        mix[1:5, :3] = np.eye(3)[operation]
        keys.add(space.decode(mix[None])[0].key)
    assert keys == {"111:maxpool3x3"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a NAS-Bench-201 cell; write"),
        ("|none~0|+|none~0|none~1|", "is not a NAS-Bench-201 cell; write"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "is not a NAS-Bench-201 cell; write"),
        ("none~0+none~0|none~1+none~0|none~1|none~2", "is not a NAS-Bench-201 cell; write"),
        ("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "should read from node 0"),
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "should read from node 1"),
        ("|none|+|none~0|none~1|+|none~0|none~1|none~2|", "should read from node 0"),
        ("|zero~0|+|none~0|none~1|+|none~0|none~1|none~2|", "unknown operation 'zero'"),
    ],
)
def test_a_malformed_cell_of_nasbench201_is_refused_with_the_fix(text, says):
    with pytest.raises(ValueError, match=says) as refused:
        spaces.find("nasbench201").parse(text)
    assert "\n" not in str(refused.value)


def test_a_cell_may_be_written_in_any_vertex_order():
    space = spaces.find("nasbench1shot1-3")
    one = space.parse("110011:conv3x3,conv1x1")
    assert one == space.parse("110011:conv1x1,conv3x3")
    assert one.key == "110011:conv1x1,conv3x3"


def test_a_cell_may_be_written_with_dead_vertices():
    space = spaces.find("nasbench1shot1-1")
    assert space.parse("111010:conv3x3,conv1x1") == Arch(space.id, "111:conv3x3")


@pytest.mark.parametrize(
    "text",
    [
        "1:",  # the input alone: every space keeps at least one block
        "0:",  # no path at all
        "100101:conv3x3,conv3x3",  # a chain without a second parent, which space 1 has none of
    ],
)
def test_a_cell_out_of_reach_is_refused(text):
    space = spaces.find("nasbench1shot1-1")
    with pytest.raises(ValueError, match="cannot decode to"):
        space.parse(text)
    with pytest.raises(ValueError, match="cannot decode to"):
        space.khot(Arch(space.id, text))


def test_a_cell_of_many_vertices_is_refused_before_all_their_orders_are_tried():
    operations = ["conv3x3"] * 30
    bits = "1" * (32 * 31 // 2)
    with pytest.raises(ValueError, match="7 vertices"):
        spaces.find("nasbench1shot1-3").parse(f"{bits}:{','.join(operations)}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # a skip connection from node 1 or node 0 makes no difference where node 1 is a skip of node 0
        (
            "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|",
            "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|",
        ),
        # what leaves node 1 is zero where its only edge is none
        (
            "|none~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_1x1~0|nor_conv_3x3~1|avg_pool_3x3~2|",
            "|none~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|none~1|avg_pool_3x3~2|",
        ),
    ],
)
def test_two_keys_may_name_one_cell_of_nasbench201(one, other):
    space = spaces.find("nasbench201")
    first, second = space.parse(one), space.parse(other)
    assert first != second
    assert space.form(first) == space.form(second)


def test_cells_that_compute_different_things_have_different_forms():
    space = spaces.find("nasbench201")
    chain = "|{}~0|+|none~0|{}~1|+|none~0|none~1|{}~2|"
    orders = [
        space.parse(chain.format("nor_conv_3x3", *two))
        for two in (("nor_conv_1x1", "avg_pool_3x3"), ("avg_pool_3x3", "nor_conv_1x1"))
    ]
    assert space.form(orders[0]) != space.form(orders[1])


def test_an_unknown_space_is_a_key_error():
    with pytest.raises(KeyError):
        spaces.find("nasbench301")


def test_an_unknown_operation_is_answered_with_names_that_can_be_written():
    space = spaces.find("darts-3skip")
    key = space.random(np.random.default_rng(0)).key
    with pytest.raises(ValueError, match="unknown operation 'skip'") as refused:
        space.parse(re.sub(r"(\w+)~0", "skip~0", key, count=1))
    known = str(refused.value).partition("known are ")[2].split(", ")
    assert len(set(known)) == len(known)
    for name in known:
        space.parse(re.sub(r"(\w+)~0", f"{name}~0", key, count=1))


def test_a_network_with_fewer_layers_than_stacks_is_refused():
    space = spaces.find("darts-s2")
    with pytest.raises(ValueError, match="2 layers has no cell for each of 3 stacks"):
        Supernet(space, replace(space.supernet, layers=2))
