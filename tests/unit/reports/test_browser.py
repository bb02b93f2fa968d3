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
from .factory import ALL_SKIP, CONVOLUTIONS, TRUTH, Table, record, surroundings

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
    source="experiments/search_logs/results_arch.yaml_of_the_authors",
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
    """Build the report of three methods, with claims of each kind and a cell that is not scored."""
    root = tmp_path_factory.mktemp("page")
    store = Store(root / "runs")
    for place, name in enumerate(("darts", "darts-2nd", "random")):
        for seed in range(3):
            apart = {"eigenvalue": [0.1 * 3.0**place * (1 + seed)] * 4}
            end = ALL_SKIP if name == "darts" else CONVOLUTIONS
            archs = [CONVOLUTIONS, ALL_SKIP, CONVOLUTIONS, end if seed else "not scored"]
            mine = record(name, seed, archs=archs, manifest={"deviations": [DEVIATION]}, columns=apart)
            store.write(mine)
            surroundings(90.0 - seed).to_parquet(store.side_path(mine.run, "landscape"))
    table = Table(TRUTH, datasets=("cifar10", "ImageNet16-120"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reports.drawing.style.FORMATS", ("svg",))  # all that the page shows
        return build(root / "runs", root / "out", table, [CLAIM, BESIDE], background=BACKGROUND).page


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
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def ink(whole: np.ndarray, box: dict[str, float]) -> float:
    """Return the share of a box's pixels that differ from the colour of its corner, the ground."""
    left, top, width, height = (round(box[key]) for key in ("x", "y", "width", "height"))
    shown = whole[top : top + height, left : left + width]
    return float((shown != shown[0, 0]).any(axis=2).mean())


def colour(page, name: str) -> str:
    text = page.evaluate(f"getComputedStyle(document.body)['{name}']")
    return "#" + "".join(f"{int(part):02x}" for part in text[text.index("(") + 1 : -1].split(",")[:3])


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_answer_is_on_the_first_screen(show, viewport):
    page = show(viewport)
    assert page.locator("h1").inner_text() == (
        "DARTS ends in the all-skip cell in 2 of 3 seeds, DARTS (2nd order) in none (n=3)."
    )
    figure, table = page.locator("#answer figure").bounding_box(), page.locator("#answer table").bounding_box()
    assert figure["y"] < viewport["height"] - 200
    if viewport == DESK:
        assert table["y"] + table["height"] < viewport["height"]


def test_claims_are_filtered_and_shown_again(show):
    page = show()
    rows, count = page.locator("#verdicts tr[data-status]"), page.locator(".filters output")
    assert count.inner_text() == "2 of 2 claims"
    page.locator("select[name=paper]").select_option("A <b>paper")
    assert [row.get_attribute("data-method") for row in rows.all() if row.is_visible()] == ["DARTS (1st order)"]
    assert count.inner_text() == "1 of 2 claims"
    page.get_by_role("button", name="Show all").click()
    assert count.inner_text() == "2 of 2 claims"


def test_without_scripts_claims_are_there_and_what_needs_one_is_not(show):
    page = show(java_script_enabled=False)
    assert page.locator("#verdicts tr[data-status]").count() == 2
    assert not page.locator(".filters").is_visible()
    assert not page.locator(".explorer").first.is_visible()


def test_a_point_says_seed_epoch_and_cell_to_the_pointer_and_to_the_arrow_keys(show):
    page = show()
    tip, svg = page.locator("#tip"), page.locator("#paper-nasbench201-headline svg")
    assert not tip.is_visible()
    svg.focus()
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert "DARTS, seed 0, epoch 2" in tip.inner_text()
    assert CONVOLUTIONS in tip.inner_text()
    assert tip.locator("svg.cell path.head").count() == 1  # of the one edge that the records name
    page.keyboard.press("ArrowDown")
    assert "DARTS, seed 1, epoch 2" in tip.inner_text()
    dot = svg.locator(".dot").bounding_box()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.mouse.move(dot["x"] + dot["width"] / 2 + 3, dot["y"] + dot["height"] / 2)
    assert "epoch 2" in tip.inner_text()


def test_a_slider_draws_the_cell_of_every_method_at_an_epoch(show):
    page = show()
    explorer = page.locator(".explorer", has=page.locator("text=DARTS")).first
    explorer.locator("input").fill("1")
    tiles = explorer.locator(".tile")
    assert tiles.count() == 2  # random search has no trajectory
    assert tiles.first.locator("svg").get_attribute("aria-label") == ALL_SKIP
    assert tiles.first.inner_text().endswith("3 of 3 seeds")
    explorer.locator("select").select_option("seed 1")
    assert tiles.first.inner_text().endswith("seed 1")


def test_every_figure_has_a_size_and_something_in_it(show):
    page = show()
    whole = pixels(page.screenshot(full_page=True))
    figures = page.locator("figure svg")
    assert figures.count() >= 12
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


@pytest.mark.parametrize("width", [1280, 1000, 780, 740, 390, 320])
def test_nothing_is_wider_than_the_window(show, width):
    page = show({"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
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
    whole = pixels(page.screenshot(full_page=True))
    assert all(ink(whole, figure.bounding_box()) > 0.01 for figure in page.locator("figure svg").all())
    assert len(page.pdf(format="A4")) > 100_000
