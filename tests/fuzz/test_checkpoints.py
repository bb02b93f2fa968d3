"""Checkpoints: gone on from, or passed over; a payload in one is never executed, and none leads elsewhere."""

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.experiments import reading
from bench.machine.setting import Setting
from bench.runs import checkpoint, execution
from bench.runs.plan import plan
from results.records.store import Store

from . import guard
from .strategies import NAMES, changed, damaged, examples, nested
from .test_payloads import PAYLOADS

OVERRIDES = (
    "images.limit=40",
    "supernet.channels=2",
    "training.epochs=2",
    "training.batch=8",
    "measure.eigenvalue_every=0",
    "measure.landscape=0",
    "retrain.recipe=''",
    "seeds=0",
)
OPTIONS = ["quick", "--space", "nasbench201", "--method", "darts", *(part for o in OVERRIDES for part in ("-o", o))]


class Sound(NamedTuple):
    """A checkpoint as it should be: its place in a store, and its bytes."""

    place: Path
    content: bytes

    def __repr__(self):
        return "the sound checkpoint"


@pytest.fixture(scope="module")
def sound(tmp_path_factory, one_thread):
    """The one checkpoint of a search that was stopped after an epoch, and where it belongs in a store."""
    experiment = reading.load("quick", OVERRIDES)
    store = Store(tmp_path_factory.mktemp("sound"))
    setting = Setting(store, torch.device("cpu"))
    (task,) = plan(experiment.choose(("nasbench201",), ("darts",)).arms, store)

    class Stopped(Exception):
        pass

    def stop(task, epoch, rows):
        if epoch == 1:
            raise Stopped

    images = experiment.arm("nasbench201", "darts").images(None)
    with pytest.raises(Stopped):
        execution.run_group(task, images, setting, stop)
    (path,) = store.root.rglob("*.ckpt")
    return Sound(path.relative_to(store.root), path.read_bytes())


def parts(data):
    """Return head and tensors of a checkpoint."""
    body = data[len(checkpoint.MAGIC) + 32 :]
    (length,) = struct.unpack("<Q", body[:8])
    return json.loads(body[8 : 8 + length]), body[8 + length :]


def whole(head, tensors):
    """Return a checkpoint whose checksum is right, whatever it holds."""
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    body = struct.pack("<Q", len(head)) + head + tensors
    return checkpoint.MAGIC + hashlib.sha256(body).digest() + body


def saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.fixture
def resume(tally):
    """Put a checkpoint into a store; return how many epochs of the search are done, as the plan has it."""
    experiment = reading.load("quick", OVERRIDES)

    def put(folder, place, data):
        path = folder / "results" / "runs" / place
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        tally(kind="fuzz: checkpoints", cases=1)
        with guard.watched(folder):
            (task,) = plan(experiment.choose(("nasbench201",), ("darts",)).arms, Store(folder / "results" / "runs"))
        return task.at.epoch

    return put


def test_what_is_changed_is_sound(resume, work, sound):
    assert resume(work(), *sound) == 1


@examples(20)
@given(data=st.data())
def test_damaged_files(resume, work, sound, data):
    place, content = sound
    damage = data.draw(damaged(content))
    assert resume(work(), place, damage) == (damage == content)


@examples(30)
@given(data=st.data())
def test_sound_files_with_another_head(feed, resume, work, sound, data):
    place, content = sound
    head, tensors = parts(content)
    texts = st.sampled_from([nested(100_000).encode(), b'{"run":' * 5000, b"[]", b"NaN", b"\xff"]) | st.binary(
        max_size=9
    )
    folder = work()
    resume(folder, place, whole(data.draw(changed(head) | texts), tensors))
    feed("merge", "results/runs", "--runs", "other", cwd=folder)


@examples(15)
@given(names=st.tuples(NAMES, NAMES, NAMES), seed=st.sampled_from([0, -1, "../1", 1.5, None, True, 10**30]))
def test_names_that_lead_elsewhere(feed, work, sound, names, seed):
    head, tensors = parts(sound[1])
    run = dict(zip(("experiment", "space", "method"), names, strict=True)) | {"seed": seed}
    folder = work()
    (folder / "heap").mkdir()
    (folder / "heap" / "a.ckpt").write_bytes(whole(head | {"run": run}, tensors))
    feed("merge", "heap", "--runs", "runs", cwd=folder)
    assert {path.name for path in folder.iterdir()} <= {"heap", "runs"}


#: What may stand in the place of a tensor, or of all of them.
OTHERS = {
    "a number": lambda: torch.zeros(()),
    "nothing": lambda: torch.zeros(0),
    "another shape": lambda: torch.zeros(3, 3),
    "not finite": lambda: torch.full((2,), torch.nan),
    "four terabytes": lambda: torch.zeros(1).expand(10**12),
    "integers": lambda: torch.zeros(2, dtype=torch.int64),
    "complex": lambda: torch.zeros(2, dtype=torch.complex64),
    "sparse": lambda: torch.zeros(2).to_sparse(),
    "no tensor": lambda: 5,
    "a table": lambda: {"weights": torch.zeros(1)},
    "a list": list,
}
NAMES_OF_TENSORS = ["weights", "momentum", "alpha", "first", "second", "steps", "mean/stem.norm", ""]


@examples(6, share=10)
@given(name=st.sampled_from(NAMES_OF_TENSORS), other=st.sampled_from(sorted(OTHERS)), gone=st.booleans())
def test_sound_files_with_other_tensors(feed, resume, work, sound, name, other, gone):
    place, content = sound
    head, tensors = parts(content)
    state = torch.load(io.BytesIO(tensors), weights_only=True)
    if not name:
        state = OTHERS[other]()
    elif gone:
        state.pop(name, None)
    else:
        state[name] = OTHERS[other]()
    folder = work()
    resume(folder, place, whole(head, saved(state)))
    answer = feed("run", *OPTIONS, "--workers", "1", cwd=folder, statuses=(0, 2, 3))
    assert len(Store(folder / "results" / "runs").records()) == (not answer.refused)


@pytest.mark.parametrize(
    "meta",
    [{"form": "x"}, {"form": {"a": 1}}, {"form": [[1]]}, {"precision": "x"}, {"precision": 5}, {"group": [0, 1]}],
)
def test_sound_files_that_ask_for_what_there_is_not(feed, resume, work, sound, meta):
    place, content = sound
    head, tensors = parts(content)
    folder = work()
    resume(folder, place, whole(head | {"meta": head["meta"] | meta}, tensors))
    answer = feed("run", *OPTIONS, "--workers", "1", cwd=folder, statuses=(0, 2, 3))
    assert len(Store(folder / "results" / "runs").records()) == (not answer.refused)


@pytest.mark.parametrize(
    "points",
    [[5], [{}], [{"arch": "x"}], [{"arch": 5}], [{"arch": "x", "epoch": "x"}], [{"arch": "x", "alpha": [[1]]}], []],
)
def test_sound_files_with_other_points(feed, resume, work, sound, points):
    place, content = sound
    head, tensors = parts(content)
    folder = work()
    rows = [head["points"][0] | row if isinstance(row, dict) and row else row for row in points]
    resume(folder, place, whole(head | {"points": rows}, tensors))
    answer = feed("run", *OPTIONS, "--workers", "1", cwd=folder, statuses=(0, 2, 3))
    store = Store(folder / "results" / "runs")
    assert len(store.records()) + len(store.unreadable()) == (not answer.refused)


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads(feed, resume, work, sound, name):
    place, content = sound
    folder = work()
    payload = PAYLOADS[name](folder / "executed")
    head, _ = parts(content)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", payload)
        file.writestr("archive/version", "3")
    for tensors in (payload, archive.getvalue()):
        folder = work()
        assert resume(folder, place, whole(head, tensors)) == 0
        feed("merge", "results/runs", "--runs", "other", cwd=folder)
        assert not (folder / "executed").exists()


def test_a_small_file_that_unfolds_is_not_unfolded(resume, work, sound):
    place, content = sound
    head, _ = parts(content)
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved({"weights": torch.zeros(2**26)}))) as one,
        zipfile.ZipFile(packed, "w") as other,
    ):
        for member in one.infolist():
            other.writestr(member.filename, one.read(member), zipfile.ZIP_DEFLATED)
    assert len(packed.getvalue()) < 2**20
    with guard.memory_below(128 << 20):
        assert resume(work(), place, whole(head, packed.getvalue())) == 0
