"""The page as a browser shows it: on a desk, on a phone, in the dark, on paper, and without scripts."""

import io
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from reports.build import build
from reports.drawing.style import contrast
from results.claims.claim import Claim, Criterion
from results.records.store import Store

from .building import BACKGROUND, CLAIM, DEVIATION
from .factory import ALL_SKIP, CONVOLUTIONS, METHODS, TRUTH, Table, record, surroundings

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: none of its names is on the PATH"),
]
BESIDE = Claim(
    id="a-direction",
    paper="Another paper (Somebody et al., ICLR 2021)",
    table="Figure 4",
    kind="direction",
    space="nasbench201",
    dataset="ImageNet16-120",
    method="sdarts-adv",
    metric="accuracy",
    split="test",
    experiment="paper",
    comparable="direction",
    reason="the settings differ in the clip norm and the learning-rate shift, and the collapse is expected of either",
    source="a figure",
    test=Criterion(">", baseline="darts"),
    text="SDARTS-ADV ends above DARTS in the test accuracy of the architectures that it finds.",
)
DESK, PHONE, SHEET = {"width": 1280, "height": 900}, {"width": 390, "height": 844}, {"width": 718, "height": 1000}
#: Right edges of what lies outside the window and in no box that scrolls.
OVERFLOWING = """() => [...document.querySelectorAll('body *')]
    .filter(e => !e.closest('.scroll, svg') && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => `${e.tagName} ${e.className} ${e.textContent.slice(0, 40)}`)"""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Build the report of every method on two spaces, with claims of each kind and a cell that is not scored."""
    root = tmp_path_factory.mktemp("page")
    store = Store(root / "runs")
    for place, name in enumerate(METHODS):
        for seed in range(3):
            apart = {"eigenvalue": [0.1 * 3.0**place * (1 + seed)] * 4}
            end = ALL_SKIP if name == "darts" else CONVOLUTIONS
            archs = [CONVOLUTIONS, ALL_SKIP, CONVOLUTIONS, end if seed else "not scored"]
            mine = record(name, seed, archs=archs, manifest={"deviations": [DEVIATION]}, columns=apart)
            store.write(mine)
            store.write(record(name, seed, space="nasbench1shot1-1", archs=["x", CONVOLUTIONS, ALL_SKIP]))
            surroundings(90.0 - seed).to_parquet(store.side_path(mine.run, "landscape"))
    claims = [CLAIM, BESIDE]
    return build(
        root / "runs", root / "out", Table(TRUTH, datasets=("cifar10", "ImageNet16-120")), claims, background=BACKGROUND
    ).page


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox"] if sys.platform == "linux" else []  # containers lack what the sandbox needs
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def show(chromium, index):
    """Open the page in a window of its own; what goes wrong in it fails the test."""
    contexts, wrong = [], []

    def open_page(viewport=DESK, **options):
        contexts.append(chromium.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(index.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def ink(png: bytes, box: dict[str, float]) -> float:
    """Return the share of a box's pixels that differ from the colour of its corner, the ground."""
    left, top, width, height = (round(box[key]) for key in ("x", "y", "width", "height"))
    shown = pixels(png)[top : top + height, left : left + width]
    return float((shown != shown[0, 0]).any(axis=2).mean())


def colour(page, name: str) -> str:
    text = page.evaluate(f"getComputedStyle(document.body)['{name}']")
    return "#" + "".join(f"{int(part):02x}" for part in text[text.index("(") + 1 : -1].split(",")[:3])


def test_verdicts_come_first_and_are_seen_without_scrolling(show):
    page = show()
    assert page.locator("h2").first.inner_text() == "Verdicts"
    first = page.locator("#verdicts table").first
    assert "SDARTS-ADV ends above DARTS" in first.inner_text()
    assert first.bounding_box()["y"] < DESK["height"]
    assert first.bounding_box()["y"] < page.locator("figure").first.bounding_box()["y"]


def test_every_figure_has_a_size_and_something_in_it(show):
    page = show()
    whole = page.screenshot(full_page=True)
    figures = page.locator("figure svg")
    assert figures.count() > 15
    for figure in figures.all():
        box = figure.bounding_box()
        assert box["width"] > 300, figure.get_attribute("aria-label")
        assert box["height"] > 80
        assert ink(whole, box) > 0.01, figure.get_attribute("aria-label")


def test_text_in_figures_can_be_read_on_a_phone(show):
    sizes = show(PHONE).evaluate(
        "[...document.querySelectorAll('figure svg text')].map(t => t.getBoundingClientRect())"
        ".filter(box => box.width > box.height).map(box => box.height)"
    )
    assert min(sizes) > 8


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_is_wider_than_the_window(show, viewport):
    page = show(viewport)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate(OVERFLOWING) == []


def test_seeds_and_methods_are_shown_and_hidden_without_scripts(show):
    page = show(java_script_enabled=False)
    figure = page.locator("figure", has=page.locator(".seed")).first
    seed, mean = figure.locator(".seed").first, figure.locator('.mean[data-method="darts"]').first
    before = figure.screenshot()
    assert not seed.is_visible()
    page.get_by_label("single seeds").check()
    assert seed.is_visible()
    assert (pixels(figure.screenshot()) != pixels(before)).any()
    assert mean.is_visible()
    page.get_by_label("DARTS", exact=True).uncheck()
    assert not mean.is_visible()
    assert not seed.is_visible()


def test_a_seed_under_the_pointer_stands_out_and_says_its_name(show):
    page = show()
    page.get_by_label("single seeds").check()
    figure = page.locator("#paper-nasbench201-eigenvalue")
    path = figure.locator('.seed[data-method="darts-2nd"] path:not(.target)').first
    path.scroll_into_view_if_needed()
    assert path.evaluate("p => p.closest('.seed').querySelector('title').textContent") == "DARTS (2nd order), seed 0"
    along = """(path, share) => {
        const point = path.getPointAtLength(share * path.getTotalLength()).matrixTransform(path.getScreenCTM());
        return [point.x, point.y] }"""
    width = "p => parseFloat(getComputedStyle(p).strokeWidth)"
    x, y = path.evaluate(along, 0.4)
    assert path.evaluate(width) < 1
    page.mouse.move(x, y - 2)  # a hand is not steadier than this
    assert path.evaluate(width) == 2
    page.mouse.move(0, 0)
    assert path.evaluate(width) < 1


def test_dark_and_light_differ_and_both_can_be_read(show):
    seen = {}
    for scheme in ("light", "dark"):
        page = show(color_scheme=scheme)
        ground, text = colour(page, "backgroundColor"), colour(page, "color")
        assert contrast(ground, text) > 7
        figure = page.locator("figure svg").first
        letters = figure.locator("text").first.evaluate("t => getComputedStyle(t).fill")
        seen[scheme] = (ground, letters, figure.screenshot())
    assert seen["light"][0] == "#ffffff" != seen["dark"][0]
    assert seen["light"][1] != seen["dark"][1]
    assert pixels(seen["light"][2]).mean() > 200 > 100 > pixels(seen["dark"][2]).mean()


def test_paper_is_white_whole_and_not_blank(show):
    """Printed from a dark screen: on white, without what is there to click, and nothing cut off at the margin."""
    page = show(SHEET, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert colour(page, "backgroundColor") == "#ffffff"
    assert not page.locator("nav").is_visible()
    assert not page.locator(".controls").is_visible()
    tables = page.locator("table:visible").all()
    assert tables
    for table in tables:
        box = table.bounding_box()
        assert box["x"] + box["width"] <= SHEET["width"] + 1, table.inner_text()[:200]
    assert page.evaluate("document.documentElement.scrollWidth") <= SHEET["width"]
    whole = page.screenshot(full_page=True)
    assert all(ink(whole, figure.bounding_box()) > 0.01 for figure in page.locator("figure svg").all())
    assert len(page.pdf(format="A4")) > 100_000
