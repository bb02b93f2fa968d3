import math

import numpy as np

import spaces
from bench.protocol import config_hash
from bench.runs import recording
from bench.search import Point
from results.records.record import OPERATION_PREFIXES, POINT_COLUMNS
from results.records.run import Run
from results.records.store import Store

ARCHS = ("|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|",) * 2
SPACE = spaces.find("nasbench201")


def point(epoch, **values):
    archs = [SPACE.parse(arch) for arch in ARCHS]
    alpha = np.arange(2 * 30.0).reshape(2, 30) + epoch
    return Point(epoch, archs, alpha, {name: np.array(value) for name, value in values.items()})


def record_of(experiment, points=(), seed=1, **more):
    found = [recording.rows(SPACE, p)[seed] for p in points]
    extra = {"images_checksum": "sum", "group": {"seeds": [0, 1]}, "device": {"type": "cpu"}}
    return recording.record(experiment.arm("nasbench201", "sdarts-rs"), seed, found, **(extra | more))


def test_a_point_gives_each_seed_its_own_row():
    first, second = recording.rows(SPACE, point(3, train_loss=[1.5, 2.5], mix_none=[0.1, 0.2]))
    assert (first["epoch"], first["arch"]) == (3, ARCHS[0])
    assert (first["train_loss"], second["train_loss"]) == (1.5, 2.5)
    assert (first["mix_none"], second["mix_none"]) == (0.1, 0.2)
    assert second["alpha"] == [float(i) for i in range(33, 63)]
    assert all(isinstance(value, float) for value in second["alpha"])


def test_what_was_not_measured_is_missing():
    row = recording.rows(SPACE, point(0))[0]
    assert math.isnan(row["valid_loss"])
    assert math.isnan(row["weight_grad_nor_conv_3x3"])


def test_a_record_has_the_columns_of_its_schema(cut_down):
    points = record_of(cut_down(), [point(0), point(1, seconds=[1.0, 1.0])]).points
    operations = [prefix + name for prefix in OPERATION_PREFIXES for name in SPACE.operations]
    assert list(points.columns) == [*POINT_COLUMNS, *operations]
    assert points["epoch"].tolist() == [0, 1]


def test_a_manifest_says_how_the_rows_were_made(cut_down):
    experiment = cut_down("methods.sdarts-rs.epsilon=0.5")
    protocol = experiment.arm("nasbench201", "sdarts-rs").protocol
    manifest = record_of(experiment, [point(0)]).manifest
    assert manifest.run == Run(experiment.name, "nasbench201", "sdarts-rs", 1)
    assert manifest.config_hash == config_hash("nasbench201", "sdarts-rs", protocol)
    assert manifest.protocol.params["epsilon"] == 0.5
    assert manifest.protocol.training.epochs == 2
    assert manifest.protocol.experiment.base == "quick"
    assert manifest.overrides == experiment.about.overrides
    assert manifest.data == {"digits": "sum"}
    assert manifest.space.operations == tuple(SPACE.operations)
    assert manifest.space.parameter_free == ("none", "skip_connect", "avg_pool_3x3")
    assert manifest.method.label == "SDARTS-RS"
    assert manifest.method.levels == 2


def test_a_manifest_draws_every_cell_that_was_found(cut_down):
    cells = record_of(cut_down(), [point(0)]).manifest.cells
    assert cells.keys() == {ARCHS[0]}
    assert cells[ARCHS[0]].nodes == ("input", "1", "2", "output")
    assert cells[ARCHS[0]].edges == ((0, 1, "skip_connect"), (1, 3, "nor_conv_3x3"), (2, 3, "avg_pool_3x3"))


def test_a_record_survives_the_store(cut_down, tmp_path):
    record = record_of(cut_down(), [point(0), point(1, train_loss=[0.1, 0.2], mix_none=[math.pi, math.e])])
    store = Store(tmp_path)
    store.write(record)
    found = store.read(record.run)
    assert found.same(record)
    assert found.points["mix_none"].iloc[1] == math.e


def test_records_are_the_same_wherever_they_were_made(cut_down):
    one = record_of(cut_down(), [point(0), point(1, seconds=[1.0, 1.0])])
    other = record_of(
        cut_down(), [point(0), point(1, seconds=[9.0, 9.0])], device={"type": "cuda"}, group={"seeds": [1]}
    )
    assert one.same(other)
    assert not one.same(record_of(cut_down(), [point(0), point(1, train_loss=[0.0, 0.0])]))
    assert not one.same(record_of(cut_down("training.lr=0.5"), [point(0), point(1)]))
