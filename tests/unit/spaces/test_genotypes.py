"""Genotypes of the DARTS family of codes: valid ones in every form are read, those of other spaces are refused."""

import pytest

import spaces

PAIRS = ["('sep_conv_3x3', 1), ('sep_conv_3x3', 0)", "('skip_connect', 0), ('sep_conv_3x3', 1)"] * 2
FLAT, NESTED = f"[{', '.join(PAIRS)}]", f"[[{'], ['.join(PAIRS)}]]"
UNEVEN = f"[[{', '.join(PAIRS[:2])}], [{', '.join(PAIRS[2:])}]]"
CELL = "sep_conv_3x3~0|sep_conv_3x3~1+skip_connect~0|sep_conv_3x3~1"
KEY = f"normal:{CELL}+{CELL};reduce:{CELL}+{CELL}"
DARTS = spaces.find("darts")


def genotype(normal=FLAT, joined="range(2, 6)", more=""):
    return f"Genotype(normal={normal}, normal_concat={joined}, reduce={FLAT}, reduce_concat=[2, 3, 4, 5]{more})"


@pytest.mark.parametrize("name", ["", "DARTS_V2 = ", "genotype="])
@pytest.mark.parametrize("normal", [FLAT, NESTED])
@pytest.mark.parametrize("joined", ["range(2, 6)", "[2, 3, 4, 5]", "(5, 4, 3, 2)"])
def test_every_form_is_read(name, normal, joined):
    text = name + genotype(normal, joined)
    assert DARTS.read(text).key == DARTS.parse(text).key == KEY


@pytest.mark.parametrize("joined", ["[4, 5]", "range(2, 7)", "range(6)", "range(10 ** 9)", "None", "[]"])
def test_a_cell_that_joins_other_nodes_is_of_another_space(joined):
    with pytest.raises(ValueError, match="does not join all nodes"):
        DARTS.read(genotype(joined=joined))


@pytest.mark.parametrize("normal", [UNEVEN, f"[[{PAIRS[0]}], 1]", f"[[{PAIRS[0]}, 'x']]"])
def test_lists_for_nodes_must_have_two_pairs_each(normal):
    with pytest.raises(ValueError, match="pairs"):
        DARTS.read(genotype(normal))


def test_a_field_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        DARTS.read(genotype(more=f", normal={NESTED}"))


@pytest.mark.parametrize("text", ["Genotypes(normal=[])", "x = y = Genotype(normal=[])", f"normal:{CELL};{KEY}"])
def test_what_is_no_genotype_and_no_key_is_refused(text):
    with pytest.raises(ValueError, match="cannot be decoded"):
        DARTS.read(text)
