"""Cuts the font that a PDF embeds down to what a PDF reads of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

#: Ligatures, formulas and kerning; a PDF says where each glyph stands.
_LAYOUT = ("GDEF", "GPOS", "GSUB", "MATH", "kern")
#: The map from characters to glyphs, the glyphs' names, and which characters there are. A PDF that names glyphs by
#: number has all that outside the font (ISO 32000-1, 9.9: TrueType programs of CIDFonts).
_CHARACTERS = ("OS/2", "cmap", "post")


@contextmanager
def glyphs_alone() -> Iterator[None]:
    """Let matplotlib embed fonts without tables that a PDF does not use.

    Reading and cutting those tables took an eighth of the time of a report.
    """
    from fontTools import subset

    whole = subset.Subsetter

    class Subsetter(whole):
        """Removes tables before they are read: the options of fontTools remove some of them after that."""

        def subset(self, font: TTFont) -> None:
            by_character = self.unicodes_requested or self.glyph_names_requested  # matplotlib before 3.11
            for tag in _LAYOUT if by_character else (*_LAYOUT, *_CHARACTERS):
                if tag in font:
                    del font[tag]
            super().subset(font)

    subset.Subsetter = Subsetter
    try:
        yield
    finally:
        subset.Subsetter = whole
