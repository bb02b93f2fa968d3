"""A report is built from whatever the store holds, twice the same, and reaches for nothing outside itself."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import pytest

from reports.build import build, page_of
from reports.chapters import chapters
from reports.embed import texts
from reports.study.study import Study
from reports.tabular.claim_tables import OWN
from results.claims.verdict import Status, Verdict
from results.records.store import Store

from .building import CLAIM, DEVIATION, build_filled
from .factory import METHODS, TRUTH, Table, record

ROOT = Path(__file__).parents[3]
#: Where a test reads the page alone, which shows no other kind.
SVG_ALONE = mock.patch("reports.drawing.style.FORMATS", ("svg",))
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\"'&"


class Reading(HTMLParser):
    """What a page holds: ids, addresses, tags and text."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.addresses, self.tags, self.text = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "action"):
                self.addresses.append(value)

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_filled(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def page(built):
    return built.page.read_text()


@pytest.fixture(scope="module")
def reading(page):
    return Reading(page)


class TestFilled:
    def test_every_figure_has_three_files(self, built):
        folder = built.page.parent / "figures"
        names = {f"{stem}.{kind}" for stem in built.figures for kind in ("svg", "pdf", "png")}
        assert {path.name for path in folder.iterdir()} == names
        assert "paper-nasbench201-anytime-error-cifar10" in built.figures

    def test_every_table_has_three_files(self, built):
        names = {path.name for path in (built.page.parent / "tables").iterdir()}
        assert {f"{name}.{kind}" for name in built.tables for kind in ("md", "tex", "csv")} == names - {
            "paper-points.csv"
        }

    def test_its_tables_can_stand_in_a_text(self, built):
        found = texts(built)
        assert found.keys() == {*built.tables, "paper-nasbench201-verdicts"}
        assert "54.30 ± 0.00 (n=2)" in found["paper-summary"]
        assert "inconclusive" in found["paper-nasbench201-verdicts"]

    def test_numbers_reach_the_page(self, page):
        assert "54.30 ± 0.00 <wbr>(n=2)" in page

    def test_the_answer_comes_first_and_the_verdicts_after_the_figures(self, reading):
        text = " ".join(reading.text)
        answer = "DARTS ends in the all-skip cell in 2 of 2 seeds, SDARTS-ADV in 2 of 2."
        assert text.index(answer) < text.index("54.30 ± 0.00") < text.index("Anytime error") < text.rindex("Verdicts")
        assert "inconclusive" in text

    def test_ids_are_unique_and_every_link_inside_resolves(self, reading):
        assert len(set(reading.ids)) == len(reading.ids)
        assert {a[1:] for a in reading.addresses if a.startswith("#")} <= set(reading.ids)

    def test_nothing_outside_is_asked_for(self, built, page, reading):
        outside = [a for a in reading.addresses if not a.startswith(("#", "data:"))]
        assert all((built.page.parent / address).is_file() for address in outside)
        assert "link" not in reading.tags
        assert not re.search(r"url\((?!#)|@import", page)

    def test_the_policy_allows_the_script_of_the_page_and_no_other(self, page):
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
        scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
        assert f"script-src &#39;sha256-{digests[0]}&#39;" in policy
        assert len(scripts) == 1
        assert page.count("<script") == 1 + page.count('<script type="application/json">')

    def test_figures_have_alternative_text(self, page):
        labels = re.findall(r'<svg[^>]* role="img" aria-label="([^"]+)"', page)
        assert len(labels) == page.count("<svg")

    def test_says_what_made_the_records(self, reading):
        text = " ".join(reading.text)
        for part in ("a processor", "0" * 40, "dnas reproduce paper --space nasbench201 --method darts --seeds 0-1"):
            assert part in text
        assert "every run" in text  # the deviation
        assert "-o a=b" in text

    def test_the_experiment_says_what_it_is(self, reading):
        text = " ".join(reading.text)
        assert "full protocol" in text
        assert "What paper is." in text

    def test_twice_is_the_same_in_every_byte_even_in_another_process_which_loads_no_torch(self, built, child, tmp_path):
        done = child(["-m", "tests.unit.reports.building", tmp_path], cwd=tmp_path, PYTHONHASHSEED="7")
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        first, second = built.page.parent, tmp_path / "out"
        names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
        assert names == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
        different = [str(name) for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
        assert not different


def test_an_empty_store_gives_a_page_that_says_so(tmp_path):
    built = build(tmp_path / "nowhere", tmp_path / "out", Table({}), [CLAIM])
    assert built.figures == ()
    page = built.page.read_text()
    assert "The store holds no readable record" in page
    assert "not-run" in page
    Reading(page)


def test_the_published_claims_are_judged_where_none_are_given(tmp_path):
    built = build(tmp_path, tmp_path / "out", Table({}))
    assert len(built.verdicts) > 50
    own = sum(verdict.claim.paper == OWN for verdict in built.verdicts)
    assert f"Claims: {len(built.verdicts) - own} published, {own} this suite&#39;s own." in built.page.read_text()
    assert not [verdict for verdict in built.verdicts if verdict.n]


@pytest.fixture(scope="module")
def partial(tmp_path_factory):
    """Return the report of a store with a failed run, a damaged record, a damaged landscape and an override."""
    root = tmp_path_factory.mktemp("partial")
    store = Store(root / "runs")
    whole, failed = record(), record(seed=1, status="failed", archs=["x"])
    for mine in (whole, failed, record(experiment="quick+0a1b2c3d")):
        store.write(mine)
    store.path(record(seed=2).run).write_bytes(b"PAR1")
    store.side_path(whole.run, "landscape").write_bytes(b"PAR1")
    with SVG_ALONE:
        return build(root / "runs", root / "out", Table({}), [])


class TestPartial:
    def test_damaged_files_are_listed(self, partial):
        assert [path.name for path, _ in partial.unreadable] == ["seed-000.landscape.parquet", "seed-002.parquet"]
        text = partial.page.read_text()
        assert "<li>paper/nasbench201/darts/seed-002.parquet is cut off" in text
        assert str(partial.page.parent.parent) not in text
        assert "Files that cannot be read" in text

    def test_overrides_are_left_out_and_named(self, partial):
        assert partial.left_out == ("quick+0a1b2c3d",)
        assert "quick+0a1b2c3d" in partial.page.read_text()
        assert not [stem for stem in partial.figures if stem.startswith("quick")]

    def test_figures_that_could_not_be_drawn_are_named_with_the_reason(self, partial):
        assert any("Anytime error" in line and "scored" in line for line in partial.missing)
        assert "none of its architectures is scored" in partial.page.read_text()


@SVG_ALONE
def test_records_of_another_protocol_are_named_and_not_shown(tmp_path):
    store = Store(tmp_path / "runs")
    store.write(record())
    store.write(record(seed=1, manifest={"config_hash": "1" * 16}))
    planned = {("paper", "nasbench201", "darts"): "1" * 16}
    built = build(tmp_path / "runs", tmp_path / "out", Table(TRUTH), [CLAIM], planned=planned)
    assert [left.run.seed for left in built.outdated] == [0]
    assert [(verdict.n, len(verdict.left_out)) for verdict in built.verdicts] == [(1, 1)]
    text = " ".join(Reading(built.page.read_text()).text)
    assert "paper/nasbench201/darts/0: protocol 0000000000000000, but the experiment is 1111111111111111 now" in text
    assert "1 run of 1 experiment" in text


@SVG_ALONE
def test_an_override_that_is_asked_for_is_shown(tmp_path):
    store = Store(tmp_path / "runs")
    bare = {"cells": {}, "space": record().manifest.space.as_dict() | {"operations": [], "parameter_free": []}}
    store.write(record(experiment="paper"))
    store.write(record(experiment="quick+0a1b2c3d", manifest=bare))
    built = build(tmp_path / "runs", tmp_path / "out", Table({}), [], asked_for=["quick+0a1b2c3d"])
    assert built.left_out == ("paper",)
    assert "demonstration, overridden" in built.page.read_text()


@SVG_ALONE
def test_an_experiment_that_is_asked_for_is_shown_with_its_own_claims(tmp_path):
    store = Store(tmp_path / "runs")
    store.write(record(experiment="paper"))
    store.write(record(experiment="reduced"))
    claims = [replace(CLAIM, id=name, experiment=name) for name in ("paper", "reduced")]
    built = build(tmp_path / "runs", tmp_path / "out", Table(TRUTH), claims, asked_for=["reduced"])
    assert [(verdict.claim.id, verdict.n) for verdict in built.verdicts] == [("reduced", 1)]


def test_hostile_strings_are_text(tmp_path):
    manifest = {
        "space": record().manifest.space.as_dict() | {"label": HOSTILE, "operations": [HOSTILE], "parameter_free": []},
        "method": METHODS["darts"] | {"label": HOSTILE, "colour": "red;} body{display:none"},
        "device": {"name": HOSTILE},
        "deviations": [DEVIATION | {"what": HOSTILE}],
        "protocol": {"experiment": {"name": "paper", "base": HOSTILE, "description": HOSTILE}},
        "overrides": [HOSTILE],
        "cells": {HOSTILE: {"nodes": [HOSTILE, "$unclosed"], "edges": [[0, 1, HOSTILE]]}},
    }
    Store(tmp_path / "runs").write(record(archs=[HOSTILE] * 2, manifest=manifest))
    built = build(tmp_path / "runs", tmp_path / "out", Table({HOSTILE: 90.0}, release=HOSTILE), [])
    page = built.page.read_text()
    reading = Reading(page)
    assert reading.tags.count("script") == 2  # the page's own, and its data
    data = next(text for text in reading.text if text.startswith('{"quantity"'))
    assert json.loads(data)["archs"] == [HOSTILE]
    assert "img" not in reading.tags
    assert "display:none" not in page.replace("display: none", "")
    assert HOSTILE in "".join(reading.text)


@pytest.mark.parametrize(
    ("status", "order"), [(Status.WORSE, ["scaled", "paper"]), (Status.INCONCLUSIVE, ["paper", "scaled"])]
)
def test_experiments_that_decided_a_claim_come_first(tmp_path, status, order):
    studies = [Study.of([record("random", experiment=name)], Table({})) for name in ("paper", "scaled")]
    verdict = Verdict(replace(CLAIM, experiment="scaled"), status, "")
    found = chapters(studies, [verdict], tmp_path, formats=("svg",))
    assert [chapter.experiment for chapter in found] == order


def test_the_page_of_one_run_is_one_file_without_verdicts():
    text = page_of(record(), Table(TRUTH))
    reading = Reading(text)
    assert all(address.startswith(("#", "data:")) for address in reading.addresses)
    assert {a[1:] for a in reading.addresses if a.startswith("#")} <= set(reading.ids)
    words = " ".join(reading.text)
    assert "DARTS ends in the all-skip cell in its only seed." in words
    assert "Verdicts" not in words
