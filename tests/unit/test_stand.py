"""The cases whose speed is measured, and the stand that takes their steps."""

import pytest
import torch

from bench.experiments import reading
from tests.performance.cases import METHODS, SPACES, Case, sizes, wanted
from tests.performance.stand import CPU, Stand, furthest


def test_all_cases_by_priority_and_each_once():
    names = [str(case) for case in wanted(torch.device("cuda"))]
    assert len(set(names)) == len(names)
    assert names[:2] == ["nasbench201/darts/S4/tf32/auto/captured", "nasbench201/sdarts-adv/S4/tf32/auto/captured"]
    paper = reading.load("paper")
    assert (set(SPACES), set(METHODS)) == (set(paper.spaces), set(paper.methods))
    for case in (f"{s}/{m}/S4/{p}/auto" for s in SPACES for m in METHODS for p in ("tf32", "bf16")):
        assert f"{case}/captured" in names
    for ends in ("S8/bf16/auto/captured", "S4/bf16/dense/captured", "S4/tf32/auto/captured-compiled"):
        assert f"nasbench201/darts/{ends}" in names


def test_on_a_cpu_there_is_no_tf32_and_nothing_compiled():
    cases = wanted(CPU)
    assert {case.precision for case in cases} == {"float32", "bf16"}
    assert not any(case.compiled for case in cases)


def test_steps_move_a_search_and_are_replayed_on_no_cpu(one_thread):
    stand, case = Stand(CPU, sizes(quick=True)), Case("nasbench201", "darts", 2, "float32")
    moved, replays = stand.moved(case, steps=2)
    assert replays == 0
    assert furthest(moved, stand.moved(case, steps=2)[0]) == 0
    assert furthest(moved, stand.moved(case, steps=1)[0]) > 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.gpu
@pytest.mark.parametrize("method", METHODS)
def test_on_a_gpu_captured_steps_are_replayed(method):
    stand = Stand(torch.device("cuda"), sizes(quick=True))
    assert stand.moved(Case("nasbench201", method, 2, "tf32"))[1] == 1
