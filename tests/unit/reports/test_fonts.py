"""A PDF embeds what it uses of a font, and fontTools is left as it was."""

import re
import zlib
from io import BytesIO

import pytest
from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure

from reports.drawing.fonts import glyphs_alone
from reports.drawing.style import save, style


def test_the_embedded_font_has_glyphs_and_no_tables_of_characters(tmp_path):
    with style():
        figure = Figure()
        figure.text(0.1, 0.5, "Hello")
        save(figure, tmp_path / "figure", ("svg", "pdf"))
    streams = re.findall(rb"stream\r?\n(.*?)endstream", (tmp_path / "figure.pdf").read_bytes(), re.DOTALL)
    fonts = [data for data in map(unpacked, streams) if data.startswith(b"\x00\x01\x00\x00")]
    assert len(fonts) == 1
    font = TTFont(BytesIO(fonts[0]))
    assert {"cmap", "post", "GPOS", "GSUB", "MATH"}.isdisjoint(font.keys())
    assert {"glyf", "head", "hhea", "hmtx", "loca", "maxp", "name"} <= set(font.keys())
    shapes = sum(font["glyf"][name].numberOfContours != 0 for name in font.getGlyphOrder())
    assert shapes >= len(set("Helo"))


def unpacked(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_a_font_that_is_cut_by_characters_keeps_its_map_of_them():
    from matplotlib import get_data_path

    font = TTFont(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf")
    with glyphs_alone():
        subsetter = subset.Subsetter()
        subsetter.populate(text="ab")
        subsetter.subset(font)
    assert set(font.getBestCmap()) == {ord("a"), ord("b")}
    assert "GPOS" not in font


def test_fonttools_is_put_back_after_an_error():
    before, raised = subset.Subsetter, pytest.raises(RuntimeError)
    with raised, glyphs_alone():
        raise RuntimeError
    assert subset.Subsetter is before
