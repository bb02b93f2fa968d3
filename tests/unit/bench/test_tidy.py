import pytest

from bench.runs import checkpoint
from bench.runs.plan import Filter
from bench.runs.tidy import tidy
from results.files.locks import hold
from results.records.store import Store

CHOSEN = Filter(("nasbench201",), ("darts",))


@pytest.fixture
def left(search, cut_down, monkeypatch):
    """A store whose search was killed after its last record: nothing of what it needed on the way is removed."""
    monkeypatch.setattr(checkpoint, "remove", lambda *_, **__: None)
    store = search("runs")
    monkeypatch.undo()
    folder = checkpoint.folder(store.root, store.records()[0].run)
    (folder / "seed-000.lock").touch()
    (folder / ".seed-001.epoch-0002.ckpt.17.part").touch()
    (store.path(store.records()[0].run).parent / ".seed-000.parquet.17.part").touch()
    return cut_down("seeds=0-1"), store, folder


def leftovers(store):
    return sorted(p.suffix for p in store.root.rglob("*") if p.suffix in (".ckpt", ".lock", ".part"))


def test_what_nothing_needs_any_more_is_removed(left):
    experiment, store, _ = left
    assert leftovers(store) == [".ckpt"] * 4 + [".lock", ".part", ".part"]
    tidy(experiment, store, CHOSEN)
    assert leftovers(store) == []
    assert len(store.records()) == 2


def test_what_a_missing_run_goes_on_from_stays(left):
    experiment, store, _ = left
    store.path(store.records()[1].run).unlink()
    before = leftovers(store)
    tidy(experiment, store, CHOSEN)
    assert leftovers(store) == before


def test_what_another_process_holds_stays(left):
    experiment, store, folder = left
    with hold(folder / "seed-001.lock"):
        tidy(experiment, store, CHOSEN)
        assert ".ckpt" in leftovers(store)


def test_an_empty_store_is_tidy(cut_down, tmp_path):
    tidy(cut_down("seeds=0-1"), Store(tmp_path), CHOSEN)
    assert list(tmp_path.iterdir()) == []
