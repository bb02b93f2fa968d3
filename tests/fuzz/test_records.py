"""Records and landscapes: used, or listed as unreadable; nothing that is in one leads anywhere or becomes markup."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.experiments import reading
from bench.machine.environment import device_info
from results.records.record import Record
from results.records.record_file import to_arrow
from results.records.run import Run
from results.records.store import Store
from tests.unit.reports.factory import record, surroundings

from .strategies import NAMES, SCRIPT, TEXTS, changed, changed_table, damaged, examples, nested, parquet, with_manifest

RUN = Run("paper", "nasbench201", "darts", 1)
#: As if made here: the plan prices searches by such records.
PROTOCOL = reading.load("paper").arm("nasbench201", "darts").protocol.as_dict()
HERE = {"device": device_info(torch.device("cpu")), "protocol": PROTOCOL | {"experiment": {"name": "paper"}}}
RECORD = record(seed=1, manifest=HERE)
TABLE = to_arrow(RECORD)
LANDSCAPE = pa.Table.from_pandas(surroundings(), preserve_index=False).replace_schema_metadata(
    {b"dnas-run": str(RUN).encode()}
)
COMMANDS = st.sampled_from(
    [
        ["list"],
        ["list", "--json"],
        ["show", str(RUN)],
        ["show", str(RUN), "--json"],
        ["compare", "results/runs", "other/runs"],
        ["check"],
        ["merge", "results/runs", "--runs", "other/runs"],
        ["plan", "paper", "--space", "nasbench201", "--method", "darts", "--device", "cpu"],
    ]
)
MANIFESTS = st.one_of(
    changed(RECORD.manifest.as_dict()).map(lambda manifest: with_manifest(TABLE, manifest)),
    st.sampled_from([nested(100_000), '{"a":' * 5000, "9" * 6000, "null", "[]", '{"run": 5}', "NaN"]).map(
        lambda text: with_manifest(TABLE, text.encode())
    ),
    st.binary(max_size=20).map(lambda text: with_manifest(TABLE, text)),
)
FILES = st.one_of(
    damaged(parquet(TABLE)),
    changed_table(TABLE).map(parquet),
    MANIFESTS.map(parquet),
    MANIFESTS.flatmap(changed_table).map(parquet),
)


def stores(folder, data, landscape=None):
    """Lay out a sound record, one of ``data`` beside it, and another store that has both as they should be."""
    here, other = Store(folder / "results" / "runs"), Store(folder / "other" / "runs")
    for store in (here, other):
        store.write(record(seed=0))
    other.write(RECORD)
    here.path(RUN).write_bytes(data)
    if landscape is not None:
        here.path(RUN).write_bytes(parquet(TABLE))
        here.side_path(RUN, "landscape").write_bytes(landscape)
    return here


def test_what_is_changed_is_sound(feed, work):
    folder = work()
    assert stores(folder, parquet(TABLE), parquet(LANDSCAPE)).unreadable() == []
    assert not feed("show", str(RUN), cwd=folder).refused


@examples(30)
@given(data=FILES, command=COMMANDS)
def test_a_record_of_anything(feed, work, data, command):
    folder = work()
    here = stores(folder, data)
    feed(*command, cwd=folder, statuses=(0, 1, 2))
    assert len(here.records()) + len(here.unreadable()) >= 2


@examples(15)
@given(data=damaged(parquet(LANDSCAPE)) | changed_table(LANDSCAPE).map(parquet), command=COMMANDS)
def test_a_landscape_of_anything(feed, work, data, command):
    folder = work()
    stores(folder, b"", data)
    feed(*command, cwd=folder, statuses=(0, 1, 2))


@examples(15)
@given(parts=st.tuples(NAMES, NAMES, NAMES), seed=st.sampled_from([0, -1, "0", "../1", 1.5, None, True, 10**30, [1]]))
def test_names_that_lead_elsewhere(feed, work, parts, seed):
    folder = work()
    named = dict(zip(("experiment", "space", "method"), parts, strict=True)) | {"seed": seed}
    heap = folder / "heap"
    heap.mkdir()
    (heap / "a.parquet").write_bytes(parquet(with_manifest(TABLE, RECORD.manifest.as_dict() | {"run": named})))
    name = "/".join(map(str, (*parts, seed))).encode(errors="replace")
    side = LANDSCAPE.replace_schema_metadata({b"dnas-run": name})
    (heap / "a.landscape.parquet").write_bytes(parquet(side))
    feed("merge", "heap", "--runs", "runs", cwd=folder)
    assert {path.name for path in folder.iterdir()} <= {"heap", "runs"}


#: What a page has of its own that does something: the filters of its claims, and the script behind them.
OWN = [("form", [("class", "filters"), ("hidden", None), ("aria-label", "Which claims to show")]), ("script", [])]
#: Data, which no browser runs.
INERT = ("script", [("type", "application/json")])


class Reading(HTMLParser):
    """The elements of a page that could do something."""

    def __init__(self):
        super().__init__()
        self.active = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "img", "link", "base", "form") or any(
            n.startswith("on") for n, _ in attrs
        ):
            self.active.append((tag, attrs))
        for name, value in attrs:
            if name in ("href", "src", "xlink:href", "action") and not re.match(r"#|data:|figures/", value or ""):
                self.active.append((tag, name, value))


def report(feed, folder):
    answer = feed("report", cwd=folder)
    page = folder / "reports" / "index.html"
    if page.exists():
        reading = Reading()
        reading.feed(page.read_text(encoding="utf-8"))
        assert [element for element in reading.active if element != INERT] in ([], OWN[1:], OWN)
    return answer


@examples(2, share=20)
@given(data=FILES)
def test_a_report_of_anything(feed, work, data):
    folder = work()
    stores(folder, data)
    assert not report(feed, folder).refused


@examples(2, share=20)
@given(data=damaged(parquet(LANDSCAPE)) | changed_table(LANDSCAPE).map(parquet))
def test_a_report_of_a_landscape_of_anything(feed, work, data):
    folder = work()
    stores(folder, b"", data)
    assert not report(feed, folder).refused


@examples(2, share=20)
@given(text=TEXTS | st.just(SCRIPT), number=st.sampled_from([0.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320]))
def test_a_report_of_any_texts_and_numbers(feed, work, text, number):
    folder = work()
    text = text[:2000].encode(errors="replace").decode()
    manifest = {
        "error": text,
        "space": RECORD.manifest.space.as_dict() | {"label": text, "operations": [text], "parameter_free": [text]},
        "method": RECORD.manifest.method.as_dict() | {"label": text, "colour": text},
        "protocol": {"experiment": {"name": text, "base": text, "description": text}},
        "overrides": [text],
        "device": {"name": text, text: text},
        "cells": {text: {"nodes": [text, text], "edges": [[0, 1, text]]}},
    }
    numbers = {name: [number] * 3 for name in RECORD.points if name not in ("epoch", "arch", "alpha")}
    hostile = record(seed=1, archs=[text] * 3, manifest=manifest, columns=numbers | {"alpha": [[number, 0.0]] * 3})
    stores(folder, parquet(to_arrow(Record(RUN, pd.DataFrame(hostile.points), hostile.manifest))))
    assert not report(feed, folder).refused


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "é" * 120, "a b", "\udcff"])
def test_folders_that_are_no_experiments(feed, work, name):
    folder = work()
    stores(folder, b"")
    place = folder / "results" / "runs" / name / "nasbench201" / "darts"
    try:
        place.mkdir(parents=True)
    except (OSError, UnicodeError):
        pytest.skip("no folder can have this name here")
    (place / "seed-000.parquet").write_bytes(parquet(TABLE))
    answer = feed("list", cwd=folder)
    assert not answer.refused
    assert "\x1b" not in answer.out
