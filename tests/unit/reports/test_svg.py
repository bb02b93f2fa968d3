"""A figure inside the page has ids of its own, the page's colours, and names to point at."""

import re
from html import escape

import pytest
from matplotlib.figure import Figure

from reports.drawing.axes import draw_trajectories
from reports.drawing.style import INK, save, style
from reports.drawing.svg import inline
from reports.names import slug
from reports.study.method_style import methods_of
from reports.study.study import Study

from .factory import TRUTH, Table, record


@pytest.fixture(scope="module")
def element(tmp_path_factory):
    study = Study.of([record(seed=0), record(seed=1)], Table(TRUTH))
    with style():
        figure = Figure()
        ax = figure.add_subplot()
        draw_trajectories(ax, [study.error(study.methods[0], "cifar10", "test", "a table")])
        ax.set_title("0.1234567")
        svg = save(figure, tmp_path_factory.mktemp("svg") / "x")
    return inline(svg, "p-", 'an "alternative" <text>', study.methods)


def test_every_id_is_prefixed_and_every_reference_resolves(element):
    ids = re.findall(r' id="([^"]*)"', element)
    references = re.findall(r'(?:url\(#|href="#)([^")]+)', element)
    assert ids
    assert len(set(ids)) == len(ids)
    assert set(references) == set(ids)
    assert all(name.startswith("p-") for name in ids)


def test_seeds_are_named(element):
    assert '<g class="seed" data-method="darts" data-seed="0"><title>DARTS, seed 0</title>' in element
    assert '<g class="mean" data-method="darts">' in element
    assert '<g class="band" data-method="darts">' in element


def test_colours_are_the_pages(element):
    assert INK not in element
    assert "var(--ink)" in element
    assert "#0072b2" not in element
    assert "var(--c-0072b2)" in element


def test_the_alternative_text_is_escaped(element):
    assert 'role="img" aria-label="an &quot;alternative&quot; &lt;text&gt;"' in element


def test_nothing_is_left_that_reaches_into_the_page_or_out_of_it(element):
    assert "<style" not in element
    assert "<metadata" not in element
    assert "<!--" not in element
    assert not re.search(r'(?:src|href)="(?!#|data:)', element)


def test_text_keeps_its_digits(element):
    assert ">0.1234567<" in element


def test_a_hostile_label_is_escaped():
    (method,) = methods_of([record(manifest={"method": {"label": "<b>&"}})])
    svg = '<svg viewBox="0 0 1 1"><g id="seed.darts.3"><path d="M 0 0 L 1.234 5.678"/></g></svg>'
    assert inline(svg, "p-", "", [method]) == (
        '<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1 1" role="img" aria-label="">'
        '<g class="seed" data-method="darts" data-seed="3"><title>&lt;b&gt;&amp;, seed 3</title>'
        '<path class="target" d="M 0 0 1.2 5.7"/><path d="M 0 0 1.2 5.7"/></g></svg>'
    )


@pytest.mark.parametrize("name", ["darts-0.5", "v1.2", "a<b & c", "10.3"])
def test_any_name_of_a_method_is_pointed_at(tmp_path, name):
    study = Study.of([record(name, seed=3), record(name, seed=4)], Table(TRUTH))
    with style():
        figure = Figure()
        draw_trajectories(figure.add_subplot(), [study.error(study.methods[0], "cifar10", "test", "a table")])
        found = inline(save(figure, tmp_path / "x", ["svg"]), "p-", "", study.methods)
    method = f'data-method="{slug(name)}"'
    assert f'<g class="seed" {method} data-seed="3"><title>{escape(name)}, seed 3</title>' in found
    for kind in ("mean", "band"):
        assert f'<g class="{kind}" {method}>' in found
