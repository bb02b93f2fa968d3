"""Tables of what pytest-benchmark measured."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.performance import timing_table

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
GPU = PAGE.parent / "performance-gpu.md"
DARTS = PAGE.parent / "spaces" / "darts.md"


def file(*benchmarks):
    machine = {"device": {"name": "H100"}, "versions": {"torch": "2.13", "python": "3.11"}}
    return {"machine_info": machine, "commit_info": {"sha": "a", "dirty": False}, "benchmarks": list(benchmarks)}


def measured(**extra):
    stats = {"median": 0.11, "min": 0.10, "max": 0.12, "rounds": 3}
    return {"name": "test_step", "stats": stats, "extra_info": extra}


def step(**more):
    case = {"space": "nasbench201", "method": "darts", "seeds": 4, "precision": "tf32", "form": "auto", "steps": 10}
    ratios = {"speed_up_per_seed_median": 20.0, "speed_up_per_seed_range": [19.0, 21.0], "seconds_per_seed_epoch": 1.25}
    return measured(**case, **ratios, replayed=True, compiled=False, **more)


def test_a_table_of_steps():
    floors = {"floor_bytes_per_second": 1e12, "floor_flops_per_second": 2e13, "peak_bytes": 4 * 2**30}
    text = timing_table.table(file(measured(device="copy", per_second=2e12), step(**floors)))
    assert "H100, PyTorch 2.13, Python 3.11; medians of 3 rounds" in text
    assert "copies 2,000 GB/s" in text
    wanted = ["nasbench201", "darts", "4", "tf32", "auto", "captured", "11.00 (10.00, 12.00)", "1.25"]
    wanted += ["20.00 (19.00, 21.00)", "1,000.00", "20.00", "1,024"]
    assert text.splitlines()[-1] == f"| {' | '.join(wanted)} |"


def test_empty_columns_are_left_out():
    assert "peak MiB" not in timing_table.table(file(step()))


@pytest.mark.parametrize("page", [PAGE, GPU, DARTS], ids=lambda page: page.name)
def test_the_committed_pages_show_the_committed_measurements(page):
    text = page.read_text(encoding="utf-8")
    assert timing_table.MARKED.search(text)
    assert timing_table.renewed(text, page.parent) == text


def test_a_seed_launches_at_most_a_fifth_of_what_the_authors_codes_launch():
    pairs = json.loads((PAGE.parent / "performance" / "darts.json").read_text())["pairs"]
    assert {"darts", "darts-s1", "darts-s2", "darts-s3", "darts-s4"} <= {pair["space"] for pair in pairs}
    for pair in pairs:
        assert pair["suite"]["4"]["launches"] / 4 <= pair["authors"]["launches"] / 5, pair["space"]


def test_a_page_is_renewed(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(file(step())))
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n<!-- table of a.json -->\nold\n<!-- end of table -->\n\nAfter.\n", encoding="utf-8")
    timing_table.main([page])
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert "| nasbench201 | darts |" in text
    assert text.endswith("\n<!-- end of table -->\n\nAfter.\n")


@pytest.mark.slow
def test_committed_measurements_can_be_compared(tmp_path):
    path = PAGE.parent / "performance" / "cpu.json"
    other = shutil.copy(path, tmp_path / "other.json")
    words = [Path(sys.executable).with_name("pytest-benchmark"), "compare", path, other, "--columns=median"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "test_time_per_seed[nasbench201-pair-S=4-2-threads]" in done.stdout
