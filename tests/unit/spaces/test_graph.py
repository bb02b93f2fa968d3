import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces import graph

OPERATIONS = ("maxpool3x3", "conv3x3", "conv1x1")


@st.composite
def cells(draw, most=6):
    """Edges and inner operations of any upper-triangular cell, dead vertices and all."""
    vertices = draw(st.integers(2, most))
    pairs = [(a, b) for a in range(vertices) for b in range(a + 1, vertices)]
    edges = draw(st.sets(st.sampled_from(pairs)))
    operations = draw(st.lists(st.sampled_from(OPERATIONS), min_size=vertices - 2, max_size=vertices - 2))
    return frozenset(edges), tuple(operations)


def as_network(edges, operations):
    """The cell without what lies on no path from input to output, worked out by networkx."""
    labels = ("input", *operations, "output")
    found = nx.DiGraph()
    found.add_nodes_from((v, {"label": label}) for v, label in enumerate(labels))
    found.add_edges_from(edges)
    last = len(labels) - 1
    live = ({0} | nx.descendants(found, 0)) & ({last} | nx.ancestors(found, last))
    return found.subgraph(live | {0, last})


def same_cell(one, other):
    return nx.is_isomorphic(one, other, node_match=lambda a, b: a["label"] == b["label"])


def relabelled(edges, operations, order):
    """The same cell with its inner vertices in another order."""
    place = {0: 0, len(order) + 1: len(order) + 1} | {old: new for new, old in enumerate(order, start=1)}
    return frozenset((place[a], place[b]) for a, b in edges), tuple(operations[old - 1] for old in order)


def test_what_does_not_reach_the_output_is_dropped():
    # 0 -> 1 -> 4, 0 -> 2 (a loose end), 3 -> 4 (read by nothing from the input)
    edges = frozenset({(0, 1), (1, 4), (0, 2), (3, 4)})
    assert graph.prune(edges, 5) == (frozenset({(0, 1), (1, 2)}), (1,))


def test_what_remains_keeps_its_order_and_says_where_it_was():
    edges = frozenset({(0, 2), (2, 4), (4, 5), (0, 5), (0, 1)})
    assert graph.prune(edges, 6) == (frozenset({(0, 1), (1, 2), (2, 3), (0, 3)}), (2, 4))


def test_a_cell_without_a_path_keeps_input_and_output_alone():
    assert graph.prune(frozenset({(0, 1)}), 4) == (frozenset(), ())


@given(cells())
def test_pruning_leaves_what_lies_on_a_path_and_pruning_again_changes_nothing(cell):
    edges, operations = cell
    pruned, live = graph.prune(edges, len(operations) + 2)
    assert nx.is_isomorphic(nx.DiGraph(list(pruned)), nx.DiGraph(list(as_network(edges, operations).edges)))
    assert graph.prune(pruned, len(live) + 2) == (pruned, tuple(range(1, len(live) + 1)))


@given(st.data())
def test_the_key_does_not_depend_on_the_order_of_the_vertices(data):
    edges, operations = data.draw(cells())
    whole = nx.DiGraph()
    whole.add_nodes_from(range(len(operations) + 2))
    whole.add_edges_from(edges)
    whole.add_edges_from((0, v) for v in range(1, len(operations) + 2))
    whole.add_edges_from((v, len(operations) + 1) for v in range(len(operations) + 1))
    orders = list(nx.all_topological_sorts(whole))
    order = data.draw(st.sampled_from(orders))[1:-1]
    assert graph.key(*relabelled(edges, operations, order)) == graph.key(edges, operations)


@given(cells(most=5), cells(most=5))
def test_two_cells_share_a_key_exactly_if_they_are_isomorphic(one, other):
    assert (graph.key(*one) == graph.key(*other)) == same_cell(as_network(*one), as_network(*other))


def test_the_key_is_the_smallest_writing():
    # two parallel convolutions; the operations are sorted where the bits allow it
    edges = frozenset({(0, 1), (0, 2), (1, 3), (2, 3)})
    assert graph.key(edges, ("conv3x3", "conv1x1")) == "110011:conv1x1,conv3x3"
    # of three forward orders of 0 -> x -> 4, 0 -> y -> z -> 4 the last vertex but one is x
    edges = frozenset({(0, 1), (1, 4), (0, 2), (2, 3), (3, 4)})
    assert graph.key(edges, ("conv1x1", "conv3x3", "maxpool3x3")) == "1010100011:conv3x3,maxpool3x3,conv1x1"
    # a chain has one order alone
    chain = frozenset({(0, 1), (1, 2), (2, 3)})
    assert graph.key(chain, ("conv3x3", "conv1x1")) == "100101:conv3x3,conv1x1"


def test_small_cells_are_written_as_documented():
    assert graph.key(frozenset({(0, 1), (1, 2)}), ("conv3x3",)) == "101:conv3x3"
    assert graph.key(frozenset({(0, 2)}), ("conv3x3",)) == "1:"


@given(cells())
def test_a_key_is_parsed_into_its_own_cell(cell):
    key = graph.key(*cell)
    edges, operations = graph.parse(key, OPERATIONS)
    assert same_cell(as_network(edges, operations), as_network(*cell))
    assert graph.key(edges, operations) == key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write BITS:OPS"),
        ("101", "write BITS:OPS"),
        ("1x1:conv3x3", "write BITS:OPS"),
        ("1001:conv3x3", "has 4 bits for 3 vertices; 3 are needed"),
        (":", "has 0 bits for 2 vertices; 1 are needed"),
        ("101:conv5x5", "unknown operation 'conv5x5'"),
        ("110011:conv3x3,", "unknown operation ''"),
    ],
)
def test_a_malformed_key_is_refused_with_the_fix(text, says):
    with pytest.raises(ValueError, match=says) as refused:
        graph.parse(text, OPERATIONS)
    assert "\n" not in str(refused.value)


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        graph.canonical_orders(frozenset({(1, 2), (2, 1)}), 4)
