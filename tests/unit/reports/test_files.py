"""A report clears away what an earlier one of it wrote, and touches nothing else."""

import json

import pytest

from reports import files
from reports.build import build
from results.records.store import Store

from .factory import TRUTH, Table, record


@pytest.fixture
def out(tmp_path):
    """Return a folder in which a build wrote two files and a stranger one."""
    folder = tmp_path / "out"
    (folder / "figures").mkdir(parents=True)
    for name in ("figures/a.svg", "figures/b.svg", "figures/mine.svg"):
        (folder / name).write_text(name)
    files.settle(folder, [folder / "figures/a.svg", folder / "figures/b.svg"])
    return folder


def left(out):
    return sorted(path.name for path in (out / "figures").iterdir())


def test_what_is_not_written_again_is_removed(out):
    assert files.settle(out, [out / "figures/b.svg"]) == ("figures/a.svg",)
    assert left(out) == ["b.svg", "mine.svg"]
    assert files.settle(out, [out / "figures/b.svg"]) == ()


def test_a_file_that_somebody_changed_stays(out):
    (out / "figures/a.svg").write_text("retouched by hand")
    assert files.settle(out, [out / "figures/b.svg"]) == ()
    assert left(out) == ["a.svg", "b.svg", "mine.svg"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sha256": ["figures/a.svg"]}', '{"sha256": null}'])
def test_without_a_note_that_can_be_read_nothing_is_removed(out, text):
    (out / files.NAME).write_text(text)
    assert files.settle(out, []) == ()
    assert left(out) == ["a.svg", "b.svg", "mine.svg"]


def test_a_note_reaches_no_file_outside_its_folder(out):
    outside = out.parent / "precious.txt"
    outside.write_text("precious")
    (out / "figures/link.svg").symlink_to(outside)
    files.settle(out, [outside.parent / "out/figures/link.svg"])
    note = json.loads((out / files.NAME).read_text())
    checksum = note["sha256"]["figures/link.svg"]
    note["sha256"] |= {"../precious.txt": checksum, str(outside): checksum}
    (out / files.NAME).write_text(json.dumps(note))
    assert files.settle(out, []) == ()
    assert outside.read_text() == "precious"
    assert (out / "figures/link.svg").is_symlink()


def test_figures_and_tables_of_an_experiment_that_went_away_go_too(tmp_path):
    store = Store(tmp_path / "runs")
    store.write(record())
    store.write(record(experiment="reduced"))
    out = tmp_path / "out"
    build(store.root, out, Table(TRUTH), [])
    (out / "figures" / "reduced-notes.txt").write_text("of the user")
    alone = build(store.root, out, Table(TRUTH), [], asked_for=["paper"])
    assert "tables/reduced-points.csv" in alone.removed
    names = {path.name for path in out.rglob("*") if path.is_file()}
    assert {name for name in names if name.startswith("reduced")} == {"reduced-notes.txt"}
    assert f"{alone.figures[0]}.pdf" in names
    noted = json.loads((out / files.NAME).read_text())["sha256"]
    assert set(noted) == {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} - {
        files.NAME,
        "figures/reduced-notes.txt",
    }
