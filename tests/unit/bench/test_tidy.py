import pytest

from bench.runs import checkpoint
from bench.runs.tidy import tidy
from results.files.locks import hold
from results.records.store import Store


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
    return [cut_down("seeds=0-1").arm("nasbench201", "darts")], store, folder


def leftovers(store):
    return sorted(p.suffix for p in store.root.rglob("*") if p.suffix in (".ckpt", ".lock", ".part"))


def test_what_nothing_needs_any_more_is_removed(left):
    arms, store, _ = left
    assert leftovers(store) == [".ckpt"] * 4 + [".lock", ".part", ".part"]
    tidy(arms, store)
    assert leftovers(store) == []
    assert len(store.records()) == 2


def test_what_a_missing_run_goes_on_from_stays(left):
    arms, store, _ = left
    store.path(store.records()[1].run).unlink()
    before = leftovers(store)
    tidy(arms, store)
    assert leftovers(store) == before


def test_what_another_process_holds_stays(left):
    arms, store, folder = left
    with hold(folder / "seed-001.lock"):
        tidy(arms, store)
        assert ".ckpt" in leftovers(store)


def test_an_empty_store_is_tidy(cut_down, tmp_path):
    tidy([cut_down("seeds=0-1").arm("nasbench201", "darts")], Store(tmp_path))
    assert list(tmp_path.iterdir()) == []
