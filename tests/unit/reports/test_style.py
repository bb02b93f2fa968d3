"""The style is ours alone, and gives the same bytes every time."""

import matplotlib
import pytest
from matplotlib.figure import Figure

from reports.drawing.style import contrast, save, style, text_on
from reports.page import on_dark


def drawn(folder):
    with style():
        figure = Figure()
        figure.add_subplot().plot([1, 2], [3, 4], label="x")
        folder.mkdir()
        svg = save(figure, folder / "figure.v1")
    return svg, {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_users_settings_neither_change_nor_matter(tmp_path):
    _, plain = drawn(tmp_path / "plain")
    with matplotlib.rc_context({"lines.linewidth": 9.0, "font.size": 30.0, "svg.fonttype": "path"}):
        _, mine = drawn(tmp_path / "mine")
        assert matplotlib.rcParams["lines.linewidth"] == 9.0
    assert plain == mine


def test_three_files_without_a_date(tmp_path):
    svg, files = drawn(tmp_path / "out")
    assert sorted(files) == ["figure.v1.pdf", "figure.v1.png", "figure.v1.svg"]
    assert "<dc:date>" not in svg
    assert b"CreationDate" not in files["figure.v1.pdf"]
    assert b"Software" not in files["figure.v1.png"]


def test_contrast_is_that_of_wcag():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("ground", ["#000000", "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#ffffff"])
def test_text_reads_on_any_ground(ground):
    assert contrast(ground, text_on(ground)) > 4.4


@pytest.mark.parametrize("colour", ["#000000", "#0072B2", "#D55E00", "#FFFFFF"])
def test_colours_are_seen_in_the_dark(colour):
    assert contrast(on_dark(colour), "#12161b") >= 4
