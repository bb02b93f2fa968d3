"""The detector of collapsed cells: what the surrogate is asked, and what its answers mean."""

import json
import sys
import types

import numpy as np
import pytest

from results.errors import InputError
from results.published import cells
from results.scores.surrogate import MODEL, CollapseDetector, encode

V2 = cells()["darts-v2"].arch
SKIPS = "+".join("skip_connect~0|skip_connect~1" for _ in range(4))
ALL_SKIP = f"normal:{SKIPS};reduce:{SKIPS}"
NOISE = ALL_SKIP.replace("skip_connect~1", "noise~1", 1)


def test_encoding_of_darts_v2():
    """Edges in the order 0, 1, 10, 11, 12, 13, 2, ...; avg 1, dil3 2, dil5 3, max 4, sep3 5, sep5 6, skip 7."""
    row = encode(V2)
    assert row.dtype == np.int32
    assert row.shape == (34,)
    normal = dict(zip(sorted(range(14), key=str), row[:14].tolist(), strict=True))
    # 2<-0 2<-1 sep3; 3<-0 3<-1 sep3; 4<-0 skip 4<-1 sep3; 5<-0 skip 5<-2 dil3
    assert {e: op for e, op in normal.items() if op} == {0: 5, 1: 5, 2: 5, 3: 5, 5: 7, 6: 5, 9: 7, 11: 2}
    reduce = dict(zip(sorted(range(14), key=str), row[14:28].tolist(), strict=True))
    # 2<-0 2<-1 max; 3<-1 max 3<-2 skip; 4<-0 max 4<-2 skip; 5<-1 max 5<-2 skip
    assert {e: op for e, op in reduce.items() if op} == {0: 4, 1: 4, 3: 4, 4: 7, 5: 4, 7: 7, 10: 4, 11: 7}
    # sources of nodes 3, 4, 5: (0,1), (0,1), (0,2); (1,2), (0,2), (1,2)
    assert row[28:].tolist() == [1, 1, 2, 3, 2, 5]


def test_every_published_cell_without_noise_can_be_asked():
    rows = [encode(cell.arch) for cell in cells().values()]
    assert all(row is not None and (row[:28] > 0).sum() == 16 for row in rows)
    assert encode(NOISE) is None


class Session:
    """Predicts 0.93 less 0.006 for each skip connection."""

    def __init__(self, path, providers):
        assert providers == ["CPUExecutionProvider"]

    def get_inputs(self):
        return [types.SimpleNamespace(name="categorical"), types.SimpleNamespace(name="epoch")]

    def run(self, names, given):
        assert set(given["epoch"].ravel().tolist()) == {98.0}
        skips = (given["categorical"][:, :28] == 7).sum(1)
        return [np.stack([0.93 - 0.006 * skips, skips, skips, skips], axis=1)]


@pytest.fixture
def detector(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(InferenceSession=Session))
    (tmp_path / MODEL).parent.mkdir()
    (tmp_path / MODEL).write_bytes(b"model")
    return CollapseDetector(tmp_path)


def test_a_cell_far_below_the_reference_has_collapsed(detector):
    assert detector.reference == pytest.approx(93 - 5 * 0.6)
    assert detector.drops([ALL_SKIP, NOISE, V2]) == [pytest.approx(11 * 0.6), None, 0.0]
    assert detector.collapsed([ALL_SKIP, NOISE, V2]) == [True, None, False]
    assert detector.drops([NOISE]) == [None]


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"model_v2.onnx is missing; put nb301/model_v2.onnx of github.com/slds-lmu"):
        CollapseDetector(tmp_path)
    (tmp_path / MODEL).parent.mkdir()
    (tmp_path / MODEL).write_bytes(b"no model")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="install the extra 'surrogate'"):
        CollapseDetector(tmp_path)


def test_another_file_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / MODEL).parent.mkdir()
    (tmp_path / MODEL).write_bytes(b"no model")
    with pytest.raises(InputError, match=r"is not the surrogate \(.*\); fetch it again"):
        CollapseDetector(tmp_path)


@pytest.mark.data
def test_predictions_of_the_published_model(data_dir):
    """What the model gave elsewhere, to the third decimal."""
    pytest.importorskip("onnxruntime")
    if not (data_dir / MODEL).exists():
        pytest.skip(f"no {MODEL}")
    detector = CollapseDetector(data_dir)
    published = {"darts-v1": 92.7, "darts-v2": 92.9, "sdarts-rs": 92.3, "sdarts-adv": 92.9, "dropnas-c10": 92.7}
    drops = detector.drops([cells()[name].arch for name in published])
    assert [detector.reference - drop for drop in drops] == pytest.approx(list(published.values()), abs=0.051)
    assert detector.reference - detector.drops([ALL_SKIP])[0] == pytest.approx(
        88.1, abs=1.5
    )  # wherever its edges start
    assert detector.collapsed([ALL_SKIP]) == [True]


def test_the_command_prints_what_it_is_worth(detector, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from bench.cli import collapse, show  # noqa: F401 - they add their commands
    from bench.cli.application import app
    from results.records.store import Store
    from tests.unit.reports.factory import SPACES, record

    monkeypatch.setenv("DNAS_DATA", str(tmp_path))
    monkeypatch.setitem(SPACES, "darts-s2", SPACES["nasbench201"] | {"label": "S2", "family": "darts"})
    store = Store(tmp_path / "runs")
    for seed, arch in enumerate((ALL_SKIP, V2)):
        store.write(record("darts", seed, space="darts-s2", archs=(ALL_SKIP, arch)))
    done = CliRunner().invoke(app, ["collapse", "--runs", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    first, second, last = done.stdout.splitlines()
    assert "collapsed +6.6 points below" in first
    assert "sound     +0.0 points below" in second
    assert "provenance is undocumented" in last
    document = json.loads(CliRunner().invoke(app, ["collapse", "--runs", str(tmp_path / "runs"), "--json"]).stdout)
    assert [each["collapsed"] for each in document] == [True, False]
    of_another = CliRunner().invoke(app, ["collapse", "another", "--runs", str(tmp_path / "runs")])
    assert str(of_another.exception) == "there are no records of 'another'"
    store.write(record("darts", 0, experiment="elsewhere"))
    elsewhere = CliRunner().invoke(app, ["collapse", "elsewhere", "--runs", str(tmp_path / "runs")])
    assert str(elsewhere.exception) == "no search of a DARTS space on CIFAR-10 is complete here"
