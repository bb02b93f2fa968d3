"""Cells of the DARTS spaces, decoded as the authors' codes decode them."""

from pathlib import Path

import numpy as np
import pytest

import spaces

GOLDEN = Path(__file__).parent / "goldens" / "decoded.txt"
ROWS = [line.split("; ") for line in GOLDEN.read_text().splitlines() if not line.startswith("#")]
SHORT = {
    "none": "none",
    "max": "max_pool_3x3",
    "avg": "avg_pool_3x3",
    "skip": "skip_connect",
    "sep3": "sep_conv_3x3",
    "sep5": "sep_conv_5x5",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
}


def key(*cells):
    """Return the key of cells that are written as in the golden file."""
    found = []
    for name, text in zip(("normal", "reduce"), cells, strict=True):
        edges = [edge.split("<") for edge in text.split()]
        pairs = [sorted(edges[at : at + 2], key=lambda edge: edge[1]) for at in range(0, 8, 2)]
        nodes = ("|".join(f"{SHORT[operation]}~{source}" for operation, source in pair) for pair in pairs)
        found.append(f"{name}:" + "+".join(nodes))
    return ";".join(found)


def waves(k, amplitude, columns):
    """Return the alphas of a golden row, ``(28, columns)``."""
    place = columns * np.arange(14)[:, None] + np.arange(columns) + 1
    return np.concatenate([amplitude * np.sin(k * place + kind) for kind in (0, 1)])


@pytest.mark.parametrize(("how", "normal", "reduce"), ROWS, ids=[how for how, _, _ in ROWS])
def test_golden_cells(how, normal, reduce):
    k, amplitude, name, rank = how.split()
    space = spaces.find(name)
    alpha = waves(float(k), float(amplitude), space.mask.shape[1])
    assert [arch.key for arch in space.decode(alpha[None], rank)] == [key(normal, reduce)]


@pytest.mark.parametrize(
    ("name", "normal", "reduce"),
    [
        ("darts", "max<0 max<1 " * 4, "max<0 max<1 " * 4),
        ("darts-no-none", "max<0 max<1 " * 4, "max<0 max<1 " * 4),
        ("darts-s1", "skip<0 skip<1 skip<0 skip<1 max<0 skip<1 skip<0 max<1", "max<0 max<1 " * 4),
        ("darts-s2", "skip<0 skip<1 " * 4, "skip<0 skip<1 " * 4),
        ("darts-s3", "skip<0 skip<1 " * 4, "skip<0 skip<1 " * 4),
    ],
)
def test_among_equals_the_first_source_and_the_first_operation_survive(name, normal, reduce):
    space = spaces.find(name)
    assert [arch.key for arch in space.decode(np.zeros((1, *space.mask.shape)))] == [key(normal, reduce)]


@pytest.mark.parametrize(
    ("rank", "cell"),
    [
        ("share", "sep3<1 sep3<0 sep3<1 sep3<0 sep3<3 sep3<2 sep3<4 sep3<3"),
        ("alpha", "sep3<0 sep3<1 sep3<2 sep3<1 sep3<3 sep3<2 sep3<4 sep3<3"),
    ],
)
def test_none_takes_from_a_share_and_not_from_an_alpha(rank, cell):
    space = spaces.find("darts")
    alpha = np.zeros((14, 8))
    alpha[:, 4] = [2, 1, 0.5, 1.5, 1.6, *np.arange(1, 10) / 10]
    alpha[0, 0], alpha[4, 0] = 5, 3
    assert [arch.key for arch in space.decode(np.tile(alpha, (1, 2, 1)), rank)] == [key(cell, cell)]


def test_genotypes_of_other_codes_name_the_same_cell():
    space, cell = spaces.find("darts"), "sep3<0 sep3<1 skip<0 sep3<1 " * 2
    nodes = ["('sep_conv_3x3', 1), ('sep_conv_3x3', 0)", "('skip_connect', 0), ('sep_conv_3x3', 1)"] * 2
    flat, nested = f"[{', '.join(nodes)}]", f"[[{'], ['.join(nodes)}]]"
    for edges, joined in ((flat, "range(2, 6)"), (nested, "[2, 3, 4, 5]")):
        text = f"Genotype(normal={edges}, normal_concat={joined}, reduce={edges}, reduce_concat={joined})"
        assert space.parse(text).key == space.read(text).key == key(cell, cell)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("normal:", "write normal:NODE"),
        ("normal:skip_connect~0|skip_connect~1;reduce:skip_connect~0", "4 nodes of 2 edges"),
        (key("skip<0 skip<0 " * 4, "skip<0 skip<1 " * 4), "an edge twice"),
        (key("skip<0 skip<5 " * 4, "skip<0 skip<1 " * 4), "leads from no earlier node"),
        (key("skip<0 none<1 " * 4, "skip<0 skip<1 " * 4), "unknown operation 'none'"),
        ("Genotype(normal=[], reduce=[", "is not a Python expression"),
        ("Genotype(normal=[('skip_connect', 0)])", "lacks the field 'reduce'"),
        ("Genotype(normal=range(3), reduce=[])", "is not a list of"),
    ],
)
def test_what_is_no_cell_is_refused_with_the_reason(text, message):
    with pytest.raises(ValueError, match=message):
        spaces.find("darts").parse(text)
