"""A report clears away what an earlier one of it wrote, and touches nothing else."""

import hashlib
import json
import tempfile
from pathlib import Path

import pytest

from reports import files, plots
from reports.build import build
from reports.plots import anytime_error
from results.errors import InputError
from results.records.store import Store

from .factory import TRUTH, Table, record


def publish(out, *names, **options):
    """Publish files whose content is their name and what is asked for."""
    built = Path(tempfile.mkdtemp(dir=out.parent))
    for name in names:
        (built / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).write_text(options.get("text", name))
    return files.publish(built, out, replace=options.get("replace", False))


@pytest.fixture
def out(tmp_path):
    """Return a folder in which a build wrote two files and a stranger one."""
    folder = tmp_path / "out"
    (folder / "figures").mkdir(parents=True)
    (folder / "figures/mine.svg").write_text("figures/mine.svg")
    publish(folder, "figures/a.svg", "figures/b.svg")
    return folder


def left(out):
    return sorted(path.name for path in (out / "figures").iterdir())


def test_what_is_not_written_again_is_removed(out):
    assert publish(out, "figures/b.svg") == ("figures/a.svg",)
    assert left(out) == ["b.svg", "mine.svg"]
    assert publish(out, "figures/b.svg") == ()


def test_a_file_that_somebody_changed_stays(out):
    (out / "figures/a.svg").write_text("retouched by hand")
    assert publish(out, "figures/b.svg") == ()
    assert left(out) == ["a.svg", "b.svg", "mine.svg"]


@pytest.mark.parametrize("name", ["figures/mine.svg", "figures/a.svg", "index.html"])
def test_a_file_that_no_build_wrote_is_replaced_on_demand_alone(out, name):
    (out / name).write_text("by hand")
    with pytest.raises(InputError, match=f"{out / name} is a file that 'dnas report' did not write; --replace"):
        publish(out, name, "figures/b.svg", text="new")
    assert (out / name).read_text() == "by hand"
    assert (out / "figures/b.svg").read_text() == "figures/b.svg"
    publish(out, name, text="new", replace=True)
    assert (out / name).read_text() == "new"
    publish(out, name, text="newer")  # it is ours now
    assert (out / name).read_text() == "newer"


def test_a_page_of_somebody_else_is_found_before_the_work(out):
    files.check_place(out, replace=False)
    publish(out, "index.html")
    files.check_place(out, replace=False)
    (out / "index.html").write_text("by hand")
    with pytest.raises(InputError, match="did not write"):
        files.check_place(out, replace=False)
    files.check_place(out, replace=True)


def test_a_build_that_was_killed_while_its_files_took_their_places_is_built_upon(out, monkeypatch):
    seen, replace = [], Path.replace

    def killed(self, target):
        if self.suffix == ".svg":
            seen.append(target)
        if len(seen) == 2:
            raise KeyboardInterrupt
        replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(out, "figures/a.svg", "figures/b.svg", text="new")
    assert [(out / f"figures/{name}.svg").read_text() for name in "ab"] == ["new", "figures/b.svg"]
    publish(out, "figures/a.svg", "figures/b.svg", text="newer")
    assert [(out / f"figures/{name}.svg").read_text() for name in "ab"] == ["newer", "newer"]
    assert "before" not in json.loads((out / files.NAME).read_text())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sha256": ["figures/a.svg"]}', '{"sha256": null}'])
def test_without_a_note_that_can_be_read_nothing_is_removed(out, text):
    (out / files.NAME).write_text(text)
    assert publish(out) == ()
    assert left(out) == ["a.svg", "b.svg", "mine.svg"]


def test_a_note_reaches_no_file_outside_its_folder(out):
    outside = out.parent / "precious.txt"
    outside.write_text("precious")
    note = json.loads((out / files.NAME).read_text())
    checksum = hashlib.sha256(b"precious").hexdigest()
    (out / "figures/link.svg").symlink_to(outside)
    note["sha256"] |= {"../precious.txt": checksum, str(outside): checksum, "figures/link.svg": checksum}
    (out / files.NAME).write_text(json.dumps(note))
    assert publish(out, "figures/a.svg", "figures/b.svg") == ()
    assert outside.read_text() == "precious"
    assert (out / "figures/link.svg").is_symlink()


def test_figures_and_tables_of_an_experiment_that_went_away_go_too(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "modules", lambda: [anytime_error])
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
