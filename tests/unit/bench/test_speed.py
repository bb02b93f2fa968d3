"""What ``dnas bench gpu`` does, dry-run on a CPU."""

import json
from dataclasses import replace

import pytest
import torch

from bench.cli import bench as commands
from bench.cli.application import Stopped
from bench.experiments import reading
from bench.speed import cases, clock, measuring, reference, timing
from bench.speed.cases import Case
from bench.speed.sizes import sizes
from results.errors import InputError

CPU = torch.device("cpu")
FIRST = Case("nasbench201", "darts", 2, "float32", checked=True)


@pytest.fixture(scope="module")
def quick(one_thread):
    return sizes(quick=True)


def go(quick, folder, wanted, **options):
    return measuring.run(wanted, CPU, quick, folder, command="dnas bench gpu", **options)


def test_most_wanted_first_and_each_once():
    wanted = cases.wanted(reading.load("paper"), torch.device("cuda"))
    names = [case.name for case in wanted]
    assert len(set(names)) == len(names)
    assert names[:4] == [
        "nasbench201/darts/S=4/tf32/auto/captured",
        "nasbench201/darts/S=4/bf16/auto/captured",
        "nasbench201/darts/S=4/tf32/auto/uncaptured",
        "nasbench201/sdarts-adv/S=4/tf32/auto/captured",
    ]
    for space in reading.load("paper").spaces:
        for method in reading.load("paper").methods:
            for precision in ("tf32", "bf16"):
                assert f"{space}/{method}/S=4/{precision}/auto/captured" in names
    for space in ("nasbench201", "nasbench1shot1-1"):
        assert {case.seeds for case in wanted if case.space == space} == {1, 2, 4, 8}
        forms = {case.form for case in wanted if case.space == space and case.precision == "bf16"}
        assert forms == {"auto", "grouped", "loop", "dense", "bmm"}


def test_on_a_cpu_there_is_no_tf32_and_nothing_compiled():
    wanted = cases.wanted(reading.load("paper"), CPU)
    assert {case.precision for case in wanted} == {"float32", "bf16"}
    assert not any(case.compiled for case in wanted)


def test_cases_can_be_narrowed():
    wanted = cases.wanted(reading.load("paper"), CPU, spaces=["nasbench1shot1-2"], methods=["dropnas"])
    assert {(case.space, case.method) for case in wanted} == {("nasbench1shot1-2", "dropnas")}


def test_a_measurement_says_what_it_is_and_what_follows(quick, tmp_path):
    document = go(quick, tmp_path, [FIRST])
    assert document["left"] == []
    assert document["failed"] == {}
    assert json.loads((tmp_path / "speed.json").read_text(encoding="utf-8")) == document
    (measured,) = document["benchmarks"]
    stats, extra = measured["stats"], measured["extra_info"]
    assert measured["name"] == FIRST.name
    assert stats["rounds"] == quick.rounds
    assert 0 < stats["min"] <= stats["q1"] <= stats["median"] <= stats["q3"] <= stats["max"]
    assert extra["steps_per_epoch"] == 32 / 4  # of 64 images half train the weights
    assert extra["seconds_per_epoch"] == pytest.approx(8 * stats["median"] + extra["draw_seconds"])
    assert extra["seconds_per_seed_epoch"] == pytest.approx(extra["seconds_per_epoch"] / 2)
    assert extra["floor_bytes_per_second"] == pytest.approx(extra["floor_bytes"] / stats["median"])
    assert extra["floor_flops"] > 0
    assert extra["captured"]
    assert not extra["replayed"]  # a CPU takes every step plainly
    assert extra["difference"] == {"steps": 6, "from_plain": 0.0, "plain_from_plain": 0.0}
    low, high = extra["speed_up_per_seed_range"]
    assert 0 < low <= extra["speed_up_per_seed_median"] <= high
    assert document["machine_info"]["reached"]["copy_bytes_per_second"] > 1e8
    assert "dnas bench gpu" in document["machine_info"]["command"]


@pytest.mark.parametrize("method", ["sdarts-rs", "sdarts-adv", "dropnas"])
@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-3"])
def test_every_method_is_measured_beside_its_plain_form(quick, tmp_path, space, method):
    document = go(quick, tmp_path, [Case(space, method, 2, "bf16")])
    assert document["failed"] == {}
    assert document["benchmarks"][0]["extra_info"]["speed_up_per_seed_median"] > 0


@pytest.mark.parametrize("form", ["grouped", "loop", "dense", "bmm"])
def test_a_form_can_be_forced(quick, tmp_path, form):
    document = go(quick, tmp_path, [Case("nasbench201", "darts", 2, "float32", form, captured=False)])
    assert document["benchmarks"][0]["extra_info"]["forms"] == form
    assert document["benchmarks"][0]["name"].endswith(f"/{form}/uncaptured")


def test_without_the_tests_the_reference_is_absent(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "workload", lambda: None)
    extra = go(quick, tmp_path, [FIRST])["benchmarks"][0]["extra_info"]
    assert "absent" in extra["plain"]
    assert "speed_up_per_seed_median" not in extra


def test_the_reference_is_that_of_this_checkout(monkeypatch, tmp_path):
    assert reference.workload().__name__ == "tests.performance.workload"
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    assert reference.workload() is None


class Stand:
    """Measures nothing, in a second; some cases fail."""

    now = 0.0
    fails: tuple[str, ...] = ()

    def __init__(self, *_):
        pass

    def measure(self, case):
        Stand.now += 1
        if case.method in self.fails:
            raise torch.OutOfMemoryError("too little memory\nat some line")
        extra = {"seconds_per_seed_epoch": 1.0, "captured": True, "replayed": True}
        return timing.Measured([1.0, 2.0], extra)

    def difference(self, case):
        return {"steps": 6, "from_plain": float("nan"), "plain_from_plain": 0.0}

    def free(self):
        pass


@pytest.fixture
def stand(monkeypatch):
    monkeypatch.setattr(Stand, "now", 0.0)
    monkeypatch.setattr(Stand, "fails", ())
    monkeypatch.setattr(measuring, "Stand", Stand)
    monkeypatch.setattr(measuring, "reached", lambda *_, **__: dict.fromkeys(REACHED, 1e12))
    return Stand


REACHED = ("copy_bytes_per_second", "float32_flops_per_second", "bf16_flops_per_second")
SOME = [Case("nasbench201", method, 4, "tf32") for method in ("darts", "sdarts-rs", "dropnas", "sdarts-adv")]


def test_it_stops_in_time_and_goes_on_with_what_is_left(quick, tmp_path, stand):
    said = []
    cut = go(quick, tmp_path, SOME, deadline=2.5, now=lambda: Stand.now, say=said.append)
    assert [each["name"] for each in cut["benchmarks"]] == [case.name for case in SOME[:2]]
    assert cut["left"] == [case.name for case in SOME[2:]]
    assert "2 measurements are left" in said[-1]
    whole = go(quick, tmp_path, SOME, more=True)
    assert [each["name"] for each in whole["benchmarks"]] == [case.name for case in SOME]
    assert Stand.now == 4
    go(quick, tmp_path, SOME)  # afresh
    assert Stand.now == 8


def test_what_was_measured_in_another_place_is_not_gone_on_with(quick, tmp_path, stand):
    go(quick, tmp_path, SOME)
    path = tmp_path / "speed.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["machine_info"]["device"]["name"] = "another"
    path.write_text(json.dumps(document), encoding="utf-8")
    go(quick, tmp_path, SOME, more=True)
    assert Stand.now == 8


def test_the_file_is_there_after_each_measurement(quick, tmp_path, stand, monkeypatch):
    def stop(self, case):
        if case is SOME[2]:
            raise KeyboardInterrupt
        return timing.Measured([1.0], {"seconds_per_seed_epoch": 1.0, "captured": True, "replayed": True})

    monkeypatch.setattr(Stand, "measure", stop)
    with pytest.raises(KeyboardInterrupt):
        go(quick, tmp_path, SOME)
    left = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in left["benchmarks"]] == [case.name for case in SOME[:2]]
    assert left["left"] == [case.name for case in SOME[2:]]
    assert [path.name for path in tmp_path.iterdir()] == ["speed.json"]


def test_a_case_that_fails_is_said_and_costs_no_other(quick, tmp_path, stand, monkeypatch):
    monkeypatch.setattr(Stand, "fails", ("sdarts-rs",))
    document = go(quick, tmp_path, SOME)
    assert document["failed"] == {SOME[1].name: "too little memory"}
    assert len(document["benchmarks"]) == 3


def test_what_is_not_finite_is_null(quick, tmp_path, stand):
    document = go(quick, tmp_path, [FIRST])
    kept = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert kept["benchmarks"][0]["extra_info"]["difference"]["from_plain"] is None
    assert document["left"] == []


def test_a_copy_and_a_product_have_a_rate():
    assert clock.copied(CPU, size=2**16, rounds=2, repeats=2) > 0
    assert clock.multiplied(CPU, "float32", side=16, rounds=2, repeats=2) > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.gpu
@pytest.mark.parametrize("method", ["darts", "sdarts-adv", "dropnas"])
def test_on_a_gpu_captured_steps_are_replayed_and_measured(quick, tmp_path, method):
    gpu = torch.device("cuda")
    case = Case("nasbench201", method, 2, "tf32", checked=True)
    document = measuring.run([case], gpu, quick, tmp_path, command="dnas bench gpu")
    extra = document["benchmarks"][0]["extra_info"]
    assert extra["replayed"]
    assert extra["peak_bytes"] > 0
    assert extra["form_seconds"]


def test_forms_are_measured_once_a_shape_on_a_gpu(quick, monkeypatch):
    asked = []

    def measured(shape, batch, seeds, precision, device):
        asked.append((shape, seeds, precision))
        return {"grouped": 2.0, "loop": 1.0 if shape.kernel == 3 else 3.0}

    monkeypatch.setattr(timing.conv_table, "measure", measured)
    stand = timing.Stand(CPU, quick)
    stand.device = torch.device("cuda")  # of which nothing but the name is used here
    protocol = quick.experiment.arm("nasbench201", "darts").protocol
    case = Case("nasbench201", "darts", 4, "tf32")
    table, fresh = stand.forms(case, protocol)
    assert {form for shape, form in table.forms.items() if shape.kernel == 3} == {"loop"}
    assert {form for shape, form in table.forms.items() if shape.kernel == 1} == {"grouped"}
    assert len(fresh) == len(table.forms) == len(asked) == len(set(asked))
    assert stand.forms(case, protocol) == (table, {})
    assert stand.forms(Case("nasbench201", "darts", 8, "tf32"), protocol)[1]
    assert len(asked) == 2 * len(fresh)


def test_a_gpu_is_timed_by_its_own_clock(monkeypatch):
    order = []

    class Event:
        def __init__(self, *, enable_timing):
            assert enable_timing

        def record(self):
            order.append("record")

        def synchronize(self):
            order.append("synchronize")

        def elapsed_time(self, other):
            return 2500.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device=None: order.append("wait"))
    assert clock.seconds(lambda: order.append("work"), torch.device("cuda")) == 2.5
    assert order == ["wait", "record", "work", "record", "synchronize"]


def test_a_measurement_that_is_stopped_says_how_to_go_on(tmp_path, monkeypatch):
    def stop(*_, **__):
        raise Stopped(130)

    monkeypatch.setattr(measuring, "run", stop)
    with pytest.raises(Stopped) as stopped:
        commands.gpu(tmp_path, device="cpu", quick=True)
    assert stopped.value.fix == "the same command with --more goes on"


def test_cells_that_cannot_be_compiled_cost_their_case_alone(quick, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise InputError("cells cannot be compiled here (no compiler); install what is missing")

    monkeypatch.setattr(timing.compiling, "prepare", fail)
    compiled = replace(FIRST, compiled=True, checked=False)
    document = go(quick, tmp_path, [compiled, replace(FIRST, checked=False)])
    assert list(document["failed"]) == [compiled.name]
    assert [each["name"] for each in document["benchmarks"]] == [FIRST.name]


def test_the_time_to_compile_is_not_expected_of_other_cases(quick, tmp_path, monkeypatch):
    clock_now, begun = [0.0], []

    def take(_, case):
        begun.append(case)
        clock_now[0] += 100.0 if case.compiled else 1.0
        return timing.Measured([1.0], {"seconds_per_seed_epoch": 1.0, "captured": True, "replayed": True})

    monkeypatch.setattr(timing.Stand, "measure", take)
    plain_one, compiled = replace(FIRST, checked=False), replace(FIRST, checked=False, compiled=True)
    other = replace(plain_one, method="dropnas")
    document = go(
        quick, tmp_path, [plain_one, compiled, other], deadline=measuring.COMPILING + 2.0, now=lambda: clock_now[0]
    )
    assert begun == [plain_one, compiled, other]
    begun.clear()
    clock_now[0] = 0.0
    document = go(quick, tmp_path, [plain_one, compiled], deadline=measuring.COMPILING, now=lambda: clock_now[0])
    assert begun == [plain_one]
    assert document["left"] == [compiled.name]
