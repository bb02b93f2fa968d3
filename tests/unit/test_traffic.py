"""The counter of launches and bytes, and the most that steps may move, counted without a GPU and without data."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from tests.performance import timing_table
from tests.performance.traffic import META, Traffic, of_step

COUNTED = json.loads((Path(__file__).parents[2] / "docs/performance/traffic.json").read_text(encoding="utf-8"))
#: Bytes of a step by those at the commit that the file names: of a small one, and of a whole one.
MOST = {("nasbench201", "darts"): (1.09, 1.10), ("nasbench1shot1-1", "sdarts-adv"): (0.78, 0.67)}


def counted(work):
    with Traffic(META) as traffic:
        work()
    return traffic.calls, traffic.bytes


def maps(*size):
    return torch.empty(size, device=META)


def test_operations_read_and_write_each_tensor_once():
    a, b = maps(10, 10), maps(10)
    calls, moved = counted(lambda: ((a + b).view(100), a * a, torch.empty_like(a), a.t()))
    assert calls == {"add": 1, "mul": 1}
    assert moved == {"add": 4 * (100 + 10 + 100), "mul": 4 * (100 + 100)}


def test_what_is_changed_in_place_is_read_and_written_and_what_is_filled_is_written():
    a, out = maps(100), maps(100)
    _, moved = counted(lambda: (a.add_(1), a.zero_(), a.copy_(out), torch.mul(a, 2, out=out)))
    assert moved == {"add_": 800, "zero_": 400, "copy_": 800, "mul": 800}


def test_repeated_rows_are_read_once_and_a_choice_reads_what_it_takes():
    a, index = maps(100, 8), torch.empty(5, dtype=torch.int64, device=META)
    _, moved = counted(lambda: (a[:1].expand(100, 8) + a, a.index_select(0, index)))
    assert moved == {"add": 4 * (8 + 800 + 800), "index_select": 8 * 5 + 4 * (40 + 40)}


def test_gradients_read_and_write_what_they_need():
    x = maps(2, 4, 8, 8).to(memory_format=torch.channels_last)
    kernel = maps(4, 4, 3, 3).requires_grad_()
    y = F.conv2d(x, kernel, padding=1)
    _, moved = counted(lambda: torch.autograd.grad(y, kernel, torch.empty_like(y)))
    assert moved["convolution_backward"] == 4 * (512 + 512 + 144)  # the kernel itself is not needed for its gradient


def test_a_mode_for_a_device_counts_nothing_elsewhere():
    assert counted(lambda: torch.ones(3) + 1) == ({}, {})


@pytest.mark.parametrize(("space", "method"), MOST)
def test_a_step_moves_few_bytes(space, method):
    """With one cell in each stack and one step of the attack, at the width, batch and images of ``paper``."""
    check(space, method, whole=False)


@pytest.mark.slow
@pytest.mark.parametrize(("space", "method"), MOST)
def test_a_whole_step_moves_few_bytes(space, method):
    check(space, method, whole=True)


def check(space, method, *, whole):
    [known] = [
        step
        for step in COUNTED["traffic"]
        if (step["space"], step["method"]) == (space, method) and whole is not bool(step["overrides"])
    ]
    traffic = of_step(space, method, *known["overrides"], **known["params"])
    assert traffic.moved <= MOST[space, method][whole] * sum(known["before"]["bytes"].values())


def test_the_table_of_traffic():
    side = {"launches": 1000, "bytes": {"add": 3e9, "mul": 1.2e9, "others": 1e8}}
    step = {
        "space": "s",
        "method": "m",
        "overrides": [],
        "before": side,
        "now": {"launches": 900, "bytes": {"add": 2e9}},
    }
    text = timing_table.table({"before": "abc", "traffic": [step, step | {"overrides": ["supernet.cells=1"]}]})
    assert "| s | m | 4.3 | 2.0 | -53 % | 1,000 | 900 |" in text
    assert "| add | 3.0 → 2.0 |" in text
    assert "| others | 0.1 → 0.0 |" in text
