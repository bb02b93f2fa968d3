"""An archive holds what a store says, and another store takes it back as it was."""

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.cli.exporting import merge as cli_merge
from bench.runs import archive
from bench.runs.merging import merge
from results.errors import InputError
from results.records.store import Store
from results.scores.score import Score, merge_scores, read_scores
from tests.unit.reports.factory import ALL_SKIP, record

SCORE = Score("nasbench201", ALL_SKIP, "cifar10", 50.0, 54.3, source="table", release="a table", epochs=200)
VERSIONS = {"dnas-bench": "1.2.3", "python": "3.11"}


@pytest.fixture
def store(tmp_path):
    """Return a store with two records, a landscape, scores, a checkpoint and a damaged record."""
    store = Store(tmp_path / "here")
    cited = {"method": {"label": "DARTS", "cite": "@inproceedings{liu2019darts}\n"}}
    for seed in (0, 1):
        store.write(record(seed=seed, manifest=cited))
    around = pd.DataFrame({"kind": ["plane"], "x": [0.0], "y": [0.0], "valid_accuracy": [50.0]})
    store.write_side(record().run, "landscape", around, "0" * 16)
    merge_scores(store.scores_path, [SCORE])
    store.path(record(seed=2).run).write_bytes(b"PAR1")
    (store.root / ".checkpoints").mkdir()
    (store.root / ".checkpoints" / "left.parquet").write_bytes(b"x")
    return store


@pytest.fixture
def packed(store, tmp_path):
    report = tmp_path / "report"
    report.mkdir()
    (report / "index.html").write_text("a page")
    archive.pack(tmp_path / "out" / archive.NAME, store, report, VERSIONS)
    return tmp_path / "out" / archive.NAME


def test_another_store_takes_all_of_it_as_it_was(packed, store, tmp_path):
    there = Store(tmp_path / "there")
    found = list(merge(archive.unpack(packed, tmp_path / "unpacked"), there))
    assert {each.status for each in found} == {"filed"}
    assert [one.same(other) for one, other in zip(there.records(), store.records(), strict=True)] == [True, True]
    pd.testing.assert_frame_equal(there.landscape(record().run), store.landscape(record().run))
    assert read_scores(there.scores_path) == read_scores(store.scores_path)


def test_the_command_names_what_it_files_by_the_archive(packed, tmp_path, capsys):
    cli_merge([packed], runs=tmp_path / "there")
    assert f"filed: {packed / 'runs' / 'scores.parquet'}" in capsys.readouterr().out
    assert len(Store(tmp_path / "there").records()) == 2


def test_it_says_what_made_it_and_what_to_cite(packed):
    with zipfile.ZipFile(packed) as opened:
        names = set(opened.namelist())
        citation, versions = opened.read("CITATION.bib").decode(), json.loads(opened.read("versions.json"))
    assert {
        "report/index.html",
        "SHA256SUMS",
        "runs/scores.parquet",
        "runs/paper/nasbench201/darts/seed-000.parquet",
    } < names
    assert not [name for name in names if "left" in name or "seed-002" in name]
    assert "@software{dnas-bench," in citation
    assert "version = {1.2.3}" in citation
    assert citation.count("liu2019darts") == 1
    assert versions["archive"] == VERSIONS
    assert versions["records"] == [{"git": {"dirty": False, "sha": "0" * 40}, "versions": {"torch": "2.13.0"}}]


def test_equal_stores_give_equal_bytes(packed, store, tmp_path):
    archive.pack(tmp_path / "again.zip", store, tmp_path / "report", VERSIONS)
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


@pytest.mark.parametrize("fault", ["changed", "unlisted", "elsewhere", "no sums", "no zip"])
def test_what_is_not_as_it_was_packed_is_refused_or_left_out(packed, tmp_path, fault):
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if fault == "changed" and name.endswith("seed-000.parquet"):
                content = content[:-1] + b"x"
            if fault != "no sums" or name != "SHA256SUMS":
                target.writestr(name, content)
        if fault == "unlisted":
            target.writestr("runs/more.parquet", b"x")
        if fault == "elsewhere":
            target.writestr("runs/../../outside.parquet", b"x")
    if fault == "no zip":
        bad.write_bytes(b"PK\x05\x06" + b"x" * 30)
    if fault == "elsewhere":
        archive.unpack(bad, tmp_path / "deep" / "unpacked")
        assert not list(tmp_path.rglob("outside.parquet"))
        return
    with pytest.raises(InputError, match="damaged"):
        archive.unpack(bad, tmp_path / "unpacked")


def test_an_archive_whose_content_is_damaged_or_encrypted_is_refused_in_one_line(packed, tmp_path):
    with zipfile.ZipFile(packed) as source:
        place = next(each.header_offset for each in source.infolist() if each.filename.endswith("scores.parquet"))
    damaged, encrypted = tmp_path / "damaged.zip", tmp_path / "encrypted.zip"
    content = bytearray(packed.read_bytes())
    content[place + 60 : place + 100] = bytes(each ^ 0xFF for each in content[place + 60 : place + 100])
    damaged.write_bytes(content)
    headers = re.sub(
        rb"(PK\x03\x04..|PK\x01\x02....).", lambda found: found[1] + b"\x01", packed.read_bytes(), flags=re.DOTALL
    )
    encrypted.write_bytes(headers)
    for path in (damaged, encrypted):
        with pytest.raises(InputError, match="or is damaged"):
            archive.unpack(path, tmp_path / "unpacked")


def test_a_file_that_changes_while_it_is_packed_is_whole_in_the_archive(packed, store, tmp_path, monkeypatch):
    """Another process adds scores as soon as their file was read."""
    read, other = Path.read_bytes, replace(SCORE, arch=ALL_SKIP.replace("skip_connect", "nor_conv_3x3"))

    def read_and_replaced(path):
        content = read(path)
        if path == store.scores_path:
            merge_scores(path, [other])
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_replaced)
    archive.pack(tmp_path / "busy.zip", store, tmp_path / "report", VERSIONS)
    root = archive.unpack(tmp_path / "busy.zip", tmp_path / "unpacked")
    assert read_scores(root / "scores.parquet") == [SCORE]
