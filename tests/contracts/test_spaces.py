"""What every file of ``spaces/families`` must keep to."""

import re
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spaces
from spaces import families, graph
from spaces.base import EdgeCell, NodeCell, TwoInputCell

#: Prints the first architectures of each space.
LISTED = """
from itertools import islice

import spaces

for name in spaces.names():
    print(*(arch.key for arch in islice(spaces.find(name).enumerate(), 200)), sep="\\n")
"""
EVERY_SPACE = pytest.mark.parametrize("space", [spaces.find(name) for name in spaces.names()], ids=lambda s: s.id)


def drawn(space, count=30):
    rng = np.random.default_rng(0)
    return [space.random(rng) for _ in range(count)]


@cache
def listed(space):
    return frozenset(space.enumerate())


def is_reachable(space, arch):
    """Return whether a table decodes to an architecture; of too many to list, whether its own does."""
    return arch in listed(space) if space.enumerable else space.decode(space.khot(arch)[None]) == [arch]


def test_every_file_declares_spaces():
    files = {path.stem for folder in families.__path__ for path in Path(folder).glob("[!_]*.py")}
    assert {type(spaces.find(name)).__module__.rpartition(".")[2] for name in spaces.names()} == files


def test_no_two_spaces_have_one_name():
    found = [spaces.find(name) for name in spaces.names()]
    assert len({s.id for s in found}) == len({s.label for s in found}) == len(found)
    assert [s.id for s in found] == list(spaces.names())


@EVERY_SPACE
def test_an_architecture_is_decoded_from_its_own_table(space):
    for arch in drawn(space):
        table = space.khot(arch)
        assert table.shape == space.mask.shape
        assert not table[~space.mask].any()
        assert space.decode(table[None]) == [arch]


@EVERY_SPACE
def test_a_key_is_parsed_into_its_architecture(space):
    for arch in drawn(space):
        assert arch.space == space.id
        assert space.parse(arch.key) == arch
        assert str(arch) == arch.key


@EVERY_SPACE
@pytest.mark.parametrize("text", ["", "1", "1x1:conv3x3", "101", "|skip~0|", "|none~1|+||+||", "1001:conv3x3"])
def test_the_example_in_a_message_can_itself_be_decoded(space, text):
    with pytest.raises(ValueError, match=r"write|known are|decode") as refused:
        space.parse(text)
    for example in re.findall(r"as in (\S+)", str(refused.value)):
        assert is_reachable(space, space.parse(example))
    assert space.parse(space.example.key) == space.example


@EVERY_SPACE
def test_two_keys_name_one_cell_only_where_the_space_says_so(space):
    """NAS-Bench-201 has 6,466 cells that differ, by its own count; isomorphic cells of 1Shot1 share a key."""
    archs = listed(space) if space.enumerable else frozenset(islice(space.enumerate(), 1000))
    assert len({space.form(arch) for arch in archs}) == (6_466 if space.same else len(archs))
    assert bool(space.same) == (space.family == "nasbench201")


@EVERY_SPACE
def test_what_is_drawn_or_decoded_is_reachable(space):
    rng = np.random.default_rng(1)
    decoded = space.decode(rng.normal(size=(60, *space.mask.shape)))
    assert all(is_reachable(space, arch) for arch in {*drawn(space), *decoded})


@EVERY_SPACE
def test_all_that_a_row_may_keep_is_drawn_equally_often(space):
    """Where rows compete, all rows of a node survive equally often."""
    rng, count = np.random.default_rng(3), 400
    for site in space.sites:
        shares = np.zeros((site.rows, len(site.choices)))
        for _ in range(count):
            for row, kept in enumerate(site.random(rng)):
                shares[row, list(kept)] += 1 / count
        for row, found in enumerate(shares):
            allowed = list(site.allowed(row))
            survives = next((site.survivors / len(contest) for contest in site.contests if row in contest), site.keep)
            expected = np.zeros(len(found))
            expected[allowed] = survives / len(allowed)
            assert (np.abs(found - expected) <= 5 * np.sqrt(expected * (1 - expected) / count)).all()


def test_the_order_of_the_enumeration_does_not_depend_on_hashing(child, tmp_path):
    one, other = (child(["-c", LISTED], cwd=tmp_path, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert (one.returncode, one.stderr) == (0, "")
    assert one.stdout.count("\n") == 200 * len(spaces.names())
    assert one.stdout == other.stdout


@EVERY_SPACE
def test_a_drawing_shows_the_cell_of_the_key(space):
    for arch in drawn(space):
        drawing = space.drawing(arch)
        places = range(len(drawing.nodes))
        assert all(a in places and b in places and a < b for a, b, _ in drawing.edges)
        if isinstance(space.cell, EdgeCell):
            labels = {(a, b): label for a, b, label in drawing.edges}
            assert len(labels) == len(drawing.edges)
            shown = tuple((space.operations.index(labels.get(edge, "none")),) for edge in space.cell.edges)
            assert space.arch(shown) == arch
        elif isinstance(space.cell, TwoInputCell):
            each = len(drawing.nodes) // 2
            assert drawing.kinds == tuple(site.name for site in space.sites for _ in range(each))
            table = np.zeros(space.mask.shape)
            for a, b, label in drawing.edges:
                site = space.sites[a // each]
                row = space.cell.edges.index((a % each, b % each)) if label else None
                if row is not None:
                    table[space.site_rows(site.name)][row, site.of_row(row).index(label)] = 1
            assert space.decode(table[None]) == [arch]
        else:
            edges = frozenset((a, b) for a, b, _ in drawing.edges)
            assert (drawing.nodes[0], drawing.nodes[-1]) == ("input", "output")
            assert graph.key(edges, drawing.nodes[1:-1]) == arch.key


@EVERY_SPACE
def test_the_table_has_a_row_for_each_row_of_each_site(space):
    assert space.mask.shape == (sum(site.rows for site in space.sites), max(len(row.choices) for row in space.rows))
    assert space.alphas == sum(len(row.choices) for row in space.rows)
    place = 0
    for site in space.sites:
        rows = space.site_rows(site.name)
        assert rows == slice(place, place + site.rows)
        place += site.rows
        for index, (row, exists) in enumerate(zip(space.rows[rows], space.mask[rows], strict=True)):
            assert (row.site, row.index, row.choices, row.keep) == (site.name, index, site.of_row(index), site.keep)
            assert exists.tolist() == [column < len(row.choices) for column in range(len(exists))]
        assert (space.operation_rows[rows] == site.operations).all()


@EVERY_SPACE
def test_every_site_has_something_to_choose(space):
    for site in space.sites:
        for row in range(site.rows):
            choices = site.of_row(row)
            assert 1 <= site.keep < len(choices) == len(set(choices))
            assert set(choices) <= set(site.choices)
        assert sorted(row for contest in site.contests for row in contest) == list(
            range(site.rows if site.contests else 0)
        )
        assert all(0 < site.survivors <= len(contest) for contest in site.contests)
    assert len({site.name for site in space.sites}) == len(space.sites)


@EVERY_SPACE
def test_the_groups_share_the_operations_out(space):
    assert sorted(name for group in space.groups for name in group) == sorted(space.operations)
    assert set(space.parameter_free) < set(space.operations)
    assert {name for site in space.sites if site.operations for name in site.choices} == set(space.operations)


@EVERY_SPACE
def test_the_cell_reads_its_sites(space):
    if isinstance(space.cell, NodeCell):
        named = {name for name in space.cell.inputs if name} | {space.cell.output}
        assert named == {site.name for site in space.sites if not site.operations}
        assert len(space.cell.inputs) == space.cell.blocks == sum(space.operation_rows)
    else:
        kinds = 2 if isinstance(space.cell, TwoInputCell) else 1
        assert kinds * len(space.cell.edges) == sum(space.operation_rows)


def parsed(space, text):
    """Return the architecture that a text names; None where it is refused as a wrong value."""
    try:
        return space.parse(text)
    except ValueError:  # and nothing else
        return None


@EVERY_SPACE
@given(st.text(alphabet="|~+01:,_abcdeknopstvx3 \n", max_size=60))
def test_any_other_text_is_refused_as_a_wrong_value(space, text):
    found = parsed(space, text)
    assert found is None or is_reachable(space, found)


@EVERY_SPACE
def test_a_key_in_which_a_piece_is_another_is_refused_or_is_a_cell_of_these_pieces(space):
    rng, taken = np.random.default_rng(2), []
    for arch in drawn(space):
        pieces = re.findall(r"[a-z]\w+|\W|\w", arch.key)
        for place in rng.choice(len(pieces), 12):
            other = rng.choice(["", *sorted({*pieces} - {pieces[place]})])
            text = "".join([*pieces[:place], str(other), *pieces[place + 1 :]])
            found = parsed(space, text)
            taken.append(found is not None)
            assert found is None or (is_reachable(space, found) and space.parse(found.key) == found), text
            if found and not isinstance(space.cell, NodeCell):  # whose keys are pruned
                assert sorted(found.key) == sorted(text)
    assert {*taken} == {True, False}
