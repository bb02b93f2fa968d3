"""One look for every figure, and files that are equal byte for byte when what they show is equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from reports.drawing.fonts import glyphs_alone

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The page replaces these by its own, in light and in dark.
INK, MUTED, GRID, PAPER = "#1b1f24", "#57606b", "#d8dee5", "#ffffff"
#: Text on a coloured ground, which is the same in light and in dark: no theme replaces it.
_ON_DARK, _ON_LIGHT = "#fefefe", "#111111"

FORMATS = ("svg", "pdf", "png")
#: What would make two equal figures differ: dates, and the names of versions.
_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
_RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 4.0,
    "axes.titlesize": 8.5,
    "axes.titley": 1.0,  # where it is without axis labels above: matplotlib need not look for any
    "figure.facecolor": PAPER,
    "font.family": ["DejaVu Sans"],  # ships with matplotlib: the same everywhere
    "font.size": 8.5,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.borderaxespad": 0.0,
    "legend.columnspacing": 1.4,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.9,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.2,
    "lines.solid_capstyle": "round",
    "pdf.fonttype": 42,  # conferences refuse Type 3
    "savefig.dpi": 160,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "dnas-bench",
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a label is a dollar
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.0,
    "xtick.major.width": 0.7,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.0,
    "ytick.major.width": 0.7,
}


def text_on(ground: str) -> str:
    """Return the colour of text that reads on a ground, given as ``#rrggbb``."""
    return _ON_DARK if contrast(ground, _ON_DARK) >= contrast(ground, _ON_LIGHT) else _ON_LIGHT


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours ``#rrggbb``, from 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@contextmanager
def style() -> Iterator[None]:
    """Draw and save in the suite's style, whatever the user's own settings; they are put back at the end."""
    import matplotlib
    import matplotlib.style

    with matplotlib.rc_context():
        matplotlib.style.use(["default", _RC])
        yield


def save(figure: Figure, stem: Path, formats: Sequence[str] = ()) -> str:
    """Write ``stem``.svg, .pdf and .png, or only some of ``FORMATS`` with SVG among them, inside ``style()``.

    Returns
    -------
    The text of the SVG.
    """
    files = {}
    for kind in formats or FORMATS:
        buffer = BytesIO()
        with glyphs_alone():
            figure.savefig(buffer, format=kind, metadata=_METADATA[kind])
        files[kind] = buffer.getvalue()
        stem.with_name(f"{stem.name}.{kind}").write_bytes(files[kind])
    return files["svg"].decode()
