"""Files of measurements: written, read, compared, and shown on a page."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from bench.cli import bench as commands
from bench.cli.application import app
from bench.speed import diff, timing_table, timings
from results.errors import InputError

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "performance.md"


def write(path, *benchmarks, **machine):
    timings.write(path, timings.document(machine, benchmarks))
    return path


def step(name="nasbench201/darts/S=4/tf32/auto/captured", seconds=(0.010, 0.011, 0.012), up=None, **extra):
    extra = {"space": "nasbench201", "method": "darts", "seeds": 4, "precision": "tf32", "form": "auto"} | extra
    extra |= {"captured": True, "replayed": True, "seconds_per_seed_epoch": 1.25}
    if up:
        extra |= {"speed_up_per_seed_median": up, "speed_up_per_seed_range": [up - 1, up + 1]}
    return timings.entry(name, seconds, extra)


def ratio(**extra):
    extra = {"space": "nasbench201", "work": "pair", "seeds": 4, "threads": 1, "clock": "process"} | extra
    extra |= {"speed_up_per_seed_median": 2.5, "speed_up_per_seed_range": [2.25, 2.75], "launches": 2561}
    return timings.entry("test_time_per_seed[nasbench201-pair-S=4-1-thread]", [1.0, 1.2, 1.1], extra)


def test_what_is_written_is_read(tmp_path):
    path = write(tmp_path / "a" / "speed.json", step(seconds=[1.0, 2.0, 3.0, 4.0, 5.0]), name="x")
    found = timings.read(path)
    assert found.machine == {"name": "x"}
    (benchmark,) = found.benchmarks
    assert (benchmark.least, benchmark.q1, benchmark.median, benchmark.q3, benchmark.most) == (1, 2, 3, 4, 5)
    assert benchmark.rounds == 5
    assert [each.name for each in path.parent.iterdir()] == ["speed.json"]


def test_a_file_names_no_host_and_no_path():
    text = json.dumps(timings.document(timings.machine(torch.device("cpu"), "dnas bench gpu"), []))
    import platform

    assert platform.node() not in text
    assert str(ROOT) not in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "holds no measurements"),
        ('{"benchmarks": {}}', "holds no measurements"),
        ('{"benchmarks": [{"name": "a"}]}', "cannot be read: KeyError 'stats'"),
        ('{"benchmarks": [3]}', "cannot be read"),
        ('{"benchmarks": [{"name": "a", "stats": {"median": 0, "iqr": 0}}]}', "the median of 'a' is 0.0"),
        ('{"benchmarks": [{"name": "a", "stats": {"median": "x", "iqr": 0}}]}', "cannot be read"),
    ],
)
def test_a_bad_file_is_refused_in_a_line(tmp_path, content, reason):
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.json") as refused:
        timings.read(path)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"does not exist; 'dnas bench gpu'"):
        timings.read(tmp_path / "no.json")


def compared(tmp_path, before, after, fail=1.2):
    one = write(tmp_path / "one.json", *before, device={"name": "H100"})
    two = write(tmp_path / "two.json", *after, device={"name": "H100"})
    return diff.diff(timings.read(one), timings.read(two), fail=fail)


def test_ratios_of_medians_and_speed_ups_with_spread(tmp_path):
    before, after = step(seconds=[1.0, 2.0, 3.0], up=4.0), step(seconds=[2.0, 3.0, 4.0], up=3.0)
    (change,) = compared(tmp_path, [before], [after]).changes
    assert change.ratio == 1.5
    assert change.spread == pytest.approx((2.5 / 2.5, 3.5 / 1.5))
    assert change.speed_up == 0.75
    assert change.slower


def test_a_busy_machine_is_no_slower_program(tmp_path):
    before, after = step(seconds=[1.0], up=4.0), step(seconds=[2.0], up=3.9)
    (change,) = compared(tmp_path, [before], [after]).changes
    assert not change.slower
    (change,) = compared(tmp_path, [step(seconds=[1.0])], [step(seconds=[2.0])]).changes
    assert change.slower  # without a reference in the run there is nothing to excuse it
    (change,) = compared(tmp_path, [step(seconds=[1.0])], [step(seconds=[1.19])]).changes
    assert not change.slower


def test_names_of_one_file_alone_are_said(tmp_path):
    found = compared(tmp_path, [step("a"), step("b")], [step("b"), step("c")])
    assert (found.only_before, found.only_after) == (("a",), ("c",))
    said = diff.lines(found)
    assert "only in the first: a" in said
    assert "only in the second: c" in said
    assert said[-1] == "1 compared, 0 more than 1.2 times slower"


def test_the_command_exits_with_1_where_something_is_slower(tmp_path):
    fast, slow = write(tmp_path / "a.json", step(seconds=[1.0])), write(tmp_path / "b.json", step(seconds=[1.3]))
    run = CliRunner().invoke
    done = run(app, ["bench", "diff", str(fast), str(slow)])
    assert done.exit_code == 1
    assert "1.30 times as long" in done.output
    assert "SLOWER" in done.output
    assert run(app, ["bench", "diff", str(slow), str(fast)]).exit_code == 0
    assert run(app, ["bench", "diff", str(fast), str(slow), "--fail", "1.5"]).exit_code == 0
    done = run(app, ["bench", "diff", str(fast), str(slow), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output)["changes"][0]["ratio"] == pytest.approx(1.3)
    refused = run(app, ["bench", "diff", str(fast), str(slow), "--fail", "1"])
    assert isinstance(refused.exception, InputError)


def test_a_table_of_steps(tmp_path):
    reached = {"copy_bytes_per_second": 2e12, "float32_flops_per_second": 4e14, "bf16_flops_per_second": 8e14}
    floors = {"floor_bytes_per_second": 1e12, "floor_flops_per_second": 2e13, "peak_bytes": 4 * 2**30}
    machine = {"device": {"name": "H100"}, "versions": {"torch": "2.13", "python": "3.11"}, "reached": reached}
    path = write(tmp_path / "speed.json", step(up=20.0, **floors), step("b"), **machine, command="dnas bench gpu")
    text = timing_table.table(timings.read(path))
    assert "H100, PyTorch 2.13, Python 3.11; `dnas bench gpu`; medians of 3 rounds" in text
    assert "copies at 2,000 GB/s and multiplies matrices at 400.0 TFLOP/s, 800.0 in bf16" in text
    row = next(line for line in text.splitlines() if line.startswith("| nasbench201"))
    wanted = [
        *("nasbench201", "darts", "4", "tf32", "auto", "captured", "11.00 (10.00, 12.00)", "1.25"),
        *("20.00 (19.00, 21.00)", "1,000 (50 %)", "20.00", "1,024"),
    ]
    assert row == f"| {' | '.join(wanted)} |"
    assert "ms a step" in text


def test_a_table_of_ratios_leaves_empty_columns_out(tmp_path):
    path = write(tmp_path / "cpu.json", ratio())
    text = timing_table.table(timings.read(path))
    assert "| nasbench201 | pair | 4 | 1, process | 275 | 2.50 (2.25, 2.75) | 2,561 |" in text
    assert "MiB" not in text


def test_a_file_without_steps_has_no_table(tmp_path):
    path = write(tmp_path / "other.json", timings.entry("test_convert", [1.0], {}))
    with pytest.raises(InputError, match="no measurement of a step"):
        timing_table.table(timings.read(path))


def test_a_pages_tables_are_renewed(tmp_path):
    write(tmp_path / "cpu.json", ratio())
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n<!-- table of cpu.json -->\nold\n<!-- end of table -->\n\nAfter.\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["bench", "table", "--page", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n<!-- table of cpu.json -->\n\n")
    assert text.endswith("\n<!-- end of table -->\n\nAfter.\n")
    assert "old" not in text
    assert timing_table.renewed(text, tmp_path) == text
    printed = CliRunner().invoke(app, ["bench", "table", str(tmp_path / "cpu.json")])
    assert printed.output.strip() in text


@pytest.mark.parametrize("words", [[], ["x.json", "--page", "y.md"]])
def test_a_table_is_of_files_or_of_a_page(words):
    done = CliRunner().invoke(app, ["bench", "table", *words])
    assert isinstance(done.exception, InputError)


def test_a_page_without_marks_is_refused(tmp_path):
    with pytest.raises(InputError, match="marks no table"):
        timing_table.renewed("# Nothing\n", tmp_path)


def test_the_committed_page_shows_the_committed_measurements():
    text = PAGE.read_text(encoding="utf-8")
    assert timing_table.renewed(text, PAGE.parent) == text


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["bench", "gpu", "--out", "/a/folder"], "dnas bench gpu --out DIR"),
        (["bench", "gpu", "--out=/a/folder", "--quick"], "dnas bench gpu --out=DIR --quick"),
    ],
)
def test_the_command_is_kept_without_folders(monkeypatch, words, shown):
    monkeypatch.setattr("sys.argv", ["/somewhere/dnas", *words])
    assert commands._command() == shown


def test_the_command_measures_prints_and_writes(tmp_path, one_thread):
    words = ["bench", "gpu", "--device", "cpu", "--quick", "--budget", "1s", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*words, "--method", "darts"])
    assert done.exit_code == 0, done.output
    assert "nasbench201/darts/S=4/float32/auto/captured" in done.output
    assert "measurements:" in done.output.splitlines()[-1]
    found = timings.content(tmp_path / "speed.json")
    assert found["left"]  # a second does not do
    unknown = CliRunner().invoke(app, [*words, "--method", "random"])
    assert isinstance(unknown.exception, InputError)
