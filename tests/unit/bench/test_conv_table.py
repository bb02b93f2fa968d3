import gc
import json
import sys
from dataclasses import replace

import pytest
import torch

import spaces
from bench.machine import conv_table
from results.files import cache
from spaces.supernet.conv import ConvShape, FormTable

CPU = torch.device("cpu")
SMALL = {"channels": 4, "cells": 2}
FILE = conv_table.file


@pytest.fixture
def config():
    return replace(spaces.find("nasbench201").supernet, **SMALL)


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """A GPU that measures without one; returns the shapes that were measured."""
    measured = []

    def measure(shape, *_):
        measured.append(shape)
        return {"grouped": 2.0, "loop": 1.0 if shape.kernel == 3 else 3.0, "dense": 4.0}

    monkeypatch.setattr(conv_table, "measure", measure)
    monkeypatch.setattr(conv_table, "device_info", lambda device: {"name": "made-up"})
    monkeypatch.setattr(conv_table, "file", lambda: tmp_path / "cache" / "conv-forms.json")
    return measured


def chosen(config, device="cuda", seeds=2, precision="tf32"):
    return conv_table.forms(
        spaces.find("nasbench201"), config, 8, 3, batch=4, seeds=seeds, precision=precision, device=torch.device(device)
    )


def test_all_shapes_of_a_supernet_are_found_once(config):
    shapes = conv_table.shapes(spaces.find("nasbench201"), config, 8, 3)
    assert shapes[0] == ConvShape(8, 3, 4, 3, 1)  # the stem
    assert len(set(shapes)) == len(shapes)
    assert {shape.side for shape in shapes} == {8, 4, 2}
    assert ConvShape(2, 16, 48, 3, 1) in shapes  # three edges leave the first node, 16 channels wide
    assert ConvShape(4, 8, 16, 3, 2) in shapes  # down to the last stack


def test_convolutions_that_are_one_at_frozen_weights_are_measured_as_one(gpu):
    space = spaces.find("nasbench1shot1-1")
    config = replace(space.supernet, **SMALL)
    conv_table.forms(space, config, 8, 3, batch=4, seeds=2, precision="tf32", device=torch.device("cuda"))
    both = ConvShape(8, 4, 8, 3, 1)  # a 1x1 and a 3x3 convolution of one map
    assert both in gpu
    assert both not in conv_table.shapes(space, config, 8, 3)
    assert len(set(gpu)) == len(gpu)


@pytest.mark.parametrize(("precision", "rounded"), [("tf32", True), ("float32", False)])
def test_forms_are_measured_in_the_precision_of_the_search(config, gpu, monkeypatch, precision, rounded):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    seen = set()

    def measure(*_):
        matmul = torch.get_float32_matmul_precision()
        seen.add((matmul, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark))
        return {"grouped": 1.0}

    monkeypatch.setattr(conv_table, "measure", measure)
    torch.set_float32_matmul_precision("highest" if rounded else "high")
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = not rounded, False
    try:
        chosen(config, precision=precision)
        assert seen == {("high" if rounded else "highest", rounded, True)}
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before[1:]


def test_on_a_cpu_the_form_follows_from_the_shape(config, gpu):
    forms = chosen(config, "cpu").forms
    assert gpu == []
    assert {forms[s] for s in forms if s.kernel == 3 or s.inputs < 16} == {"grouped"}
    assert {forms[s] for s in forms if s.kernel == 1 and s.inputs >= 16} == {"bmm"}


def test_the_fastest_form_is_taken_and_remembered(config, gpu):
    first = chosen(config)
    assert {first.forms[s] for s in first.forms if s.kernel == 3} == {"loop"}
    assert {first.forms[s] for s in first.forms if s.kernel == 1} == {"grouped"}
    once = len(gpu)
    assert chosen(config) == first
    assert len(gpu) == once
    chosen(config, seeds=4)  # is another question
    assert len(gpu) == 2 * once


@pytest.mark.parametrize("content", ["", "[]", '{"a": 3}', "null", "\x00"])
def test_a_damaged_memory_costs_a_measurement(config, gpu, tmp_path, content):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "conv-forms.json").write_text(content, encoding="utf-8")
    chosen(config)
    assert gpu
    assert len(json.loads((tmp_path / "cache" / "conv-forms.json").read_text(encoding="utf-8"))) == 1


def test_a_memory_that_cannot_be_written_costs_no_more(config, gpu, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    assert chosen(config).forms


def test_forms_are_remembered_where_pooch_is_missing(config, gpu, monkeypatch, tmp_path):
    monkeypatch.setattr(conv_table, "file", FILE)
    monkeypatch.setitem(sys.modules, "pooch", None)  # which names the folder
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    once = len(chosen(config).forms)
    chosen(config)
    assert len(gpu) == once
    assert (tmp_path / "dnas-bench" / "conv-forms.json").exists()


def test_without_a_home_directory_forms_are_measured_and_not_remembered(config, gpu, monkeypatch):
    def none():
        raise cache.NoHome("no home directory")

    monkeypatch.setattr(conv_table, "file", none)
    first = chosen(config)
    once = len(gpu)
    assert {first.forms[s] for s in first.forms if s.kernel == 3} == {"loop"}
    assert chosen(config) == first
    assert len(gpu) == 2 * once


def test_forms_survive_a_checkpoint(config):
    forms = chosen(config, "cpu")
    assert conv_table.from_document(json.loads(json.dumps(conv_table.as_document(forms)))) == forms
    assert conv_table.from_document("loop") == "loop"


@pytest.mark.parametrize("document", [None, "conv", 3, {"1 2": "loop"}, {"a b c d e": "loop"}, {}])
def test_forms_of_a_strange_checkpoint_are_grouped(document):
    forms = conv_table.from_document(document)
    assert forms == "grouped" or (isinstance(forms, FormTable) and not forms.forms)


def test_every_form_that_can_compute_a_shape_is_measured(monkeypatch):
    monkeypatch.setattr(conv_table, "_seconds", lambda work: work() or 1.0)  # on a CPU
    plain = conv_table.measure(ConvShape(4, 2, 2, 1, 1), 2, 2, "float32", CPU)
    assert set(plain) == {"grouped", "loop", "dense", "bmm"}
    assert set(conv_table.measure(ConvShape(4, 2, 2, 3, 1), 2, 2, "bf16", CPU)) == {"grouped", "loop", "dense"}


def in_a_graph():
    return [each for each in gc.get_objects() if type(each) is torch.Tensor and each.grad_fn is not None]


def fake_cuda(monkeypatch):
    """Run and time on a CPU what would be captured; returns the tensors alive when each capture began."""
    alive = []

    def seconds(work):
        work()
        gc.collect()
        alive.append(in_a_graph())
        return 1.0

    monkeypatch.setattr(conv_table, "_seconds", seconds)
    return alive


@pytest.mark.parametrize("kernel", [1, 3])
def test_no_part_of_a_graph_is_alive_when_a_form_is_captured(monkeypatch, kernel):
    gc.collect()
    before = {id(tensor) for tensor in in_a_graph()}
    alive = fake_cuda(monkeypatch)
    conv_table.measure(ConvShape(4, 2, 2, kernel, 1), 2, 2, "float32", CPU)
    assert alive
    assert all(id(tensor) in before for tensors in alive for tensor in tensors)


def test_every_work_differentiates_by_leaves_of_its_own(monkeypatch):
    leaves = []
    convolve = conv_table.seed_conv

    def noted(x, kernel, **how):
        if x.requires_grad:
            assert x.is_leaf
            assert kernel.is_leaf
            leaves.append((x, kernel))
        return convolve(x, kernel, **how)

    monkeypatch.setattr(conv_table, "seed_conv", noted)
    monkeypatch.setattr(conv_table, "_seconds", lambda work: [work(), work()] and 1.0)
    found = conv_table.measure(ConvShape(4, 2, 2, 1, 1), 2, 2, "float32", CPU)
    assert len(leaves) == 2 * len(found) == 8
    assert len({id(tensor) for pair in leaves for tensor in pair}) == 16


def test_numbers_are_drawn_on_the_cpu_by_a_generator_of_their_own(monkeypatch):
    fake_cuda(monkeypatch)
    state, draw = torch.get_rng_state(), torch.randn
    drawn = []
    monkeypatch.setattr(torch, "randn", lambda *a, **how: drawn.append(how) or draw(*a, **how))
    conv_table.measure(ConvShape(4, 2, 2, 1, 1), 2, 2, "float32", CPU)
    assert drawn
    assert all("generator" in how and "device" not in how for how in drawn)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_form_that_fails_is_left_out(monkeypatch):
    left = iter([RuntimeError("no kernel"), 3.0, RuntimeError("out of memory"), 2.0])

    def seconds(work):
        answer = next(left)
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    monkeypatch.setattr(conv_table, "_seconds", seconds)
    found = conv_table.measure(ConvShape(4, 2, 2, 1, 1), 2, 2, "float32", CPU)
    assert found == {"loop": 3.0, "bmm": 2.0}
    assert conv_table.fastest(found) == "bmm"


def test_a_shape_that_no_form_could_be_measured_for_is_grouped_and_measured_again(config, gpu, monkeypatch):
    calls = []
    monkeypatch.setattr(conv_table, "measure", lambda shape, *_: calls.append(shape) or {})
    for _ in range(2):
        forms = chosen(config).forms
        assert set(forms.values()) == {"grouped"}
    assert len(calls) == 2 * len(forms)
