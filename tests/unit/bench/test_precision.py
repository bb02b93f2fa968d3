from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import spaces
from bench.machine import precision
from bench.steps.learner import Learner, Samples, initial_state
from results.errors import InputError
from spaces.supernet.network import Supernet

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
BATCH = 17  # as nothing else is
SPACES = ["nasbench201", "nasbench1shot1-2"]


def test_auto_is_tf32_on_a_gpu_alone():
    assert precision.choose("auto", CPU) == "float32"
    assert precision.choose("auto", CUDA) == "tf32"
    assert precision.choose("bf16", CPU) == "bf16"


def test_an_unknown_precision_is_refused_with_a_hint():
    with pytest.raises(InputError, match="did you mean 'bf16'"):
        precision.choose("bf61", CPU)


def test_weights_stay_in_single_precision_whatever_the_maps():
    assert {precision.state_dtype(p) for p in ("float32", "tf32", "bf16")} == {torch.float32}
    assert precision.maps_dtype("bf16") == torch.bfloat16
    assert precision.state_dtype("float64") == precision.maps_dtype("float64") == torch.float64


def test_the_switches_of_a_gpu_are_set(monkeypatch):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    try:
        for name, expected in [("tf32", "high"), ("float32", "highest"), ("bf16", "high")]:
            precision.prepare(name, CUDA)
            assert torch.get_float32_matmul_precision() == expected
            assert torch.backends.cudnn.allow_tf32 == (expected == "high")
        assert torch.backends.cudnn.benchmark
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before[1:]


class Maps(TorchDispatchMode):
    """Notes the precision of every map: four dimensions or more, the batch first."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.is_floating_point() and out.ndim >= 4 and len(out) == BATCH:
            self.seen.add((func.overloadpacket._qualified_op_name, out.dtype))
        return out


def begun(space, config, maps):
    net = Supernet(spaces.find(space), config, maps=maps)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 8, 8, 2, 3, generator=generator)
    labels = torch.randint(10, (2, BATCH), generator=generator)
    learner = Learner(net, initial_state(net, (0, 1), torch.float32, "cpu"), None)
    return learner, Samples(images, labels)


def small(space):
    return replace(spaces.find(space).supernet, channels=8, cells=1)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("training", [True, False])
def test_no_map_is_promoted_to_single_precision(space, training):
    learner, samples = begun(space, small(space), torch.bfloat16)
    with Maps() as maps:
        learner.loss(learner.state.weights, learner.mix(), samples, training=training)
    assert {dtype for _, dtype in maps.seen} == {torch.bfloat16}, maps.seen
    assert len({name for name, _ in maps.seen}) > 5


@pytest.mark.parametrize("space", SPACES)
def test_bfloat16_maps_change_losses_and_gradients_a_little(space):
    exact, rounded = (begun(space, small(space), maps) for maps in (None, torch.bfloat16))
    outcomes = []
    for learner, samples in (exact, rounded):
        weights = learner.state.weights.clone().requires_grad_()
        mix = learner.mix().requires_grad_()
        loss = learner.loss(weights, mix, samples).loss
        outcomes.append((loss, *torch.autograd.grad(loss.sum(), (weights, mix))))
    (loss, *gradients), (loss16, *gradients16) = outcomes
    assert loss16.dtype == torch.float32
    assert not torch.equal(loss16, loss)
    torch.testing.assert_close(loss16, loss, rtol=0.02, atol=0.02)
    for one, other in zip(gradients, gradients16, strict=True):
        cosine = torch.nn.functional.cosine_similarity(one.flatten(1), other.flatten(1))
        assert (cosine > 0.9).all(), cosine


@pytest.mark.parametrize("space", SPACES)
def test_what_is_measured_of_rounded_maps_is_what_single_precision_measures(space):
    exact, rounded = (begun(space, small(space), maps) for maps in (None, torch.bfloat16))
    twin = rounded[0].unrounded()
    assert twin.state is rounded[0].state
    assert twin.net.maps is None
    assert exact[0].unrounded() is exact[0]
    losses = [learner.loss(learner.state.weights, learner.mix(), exact[1]).loss for learner in (exact[0], twin)]
    assert torch.equal(*losses)
    with Maps() as maps:
        twin.frozen_loss(twin.freeze(), twin.mix(), exact[1])
    assert {dtype for _, dtype in maps.seen} == {torch.float32}


def test_second_derivatives_are_not_rounded_by_matrix_units():
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        with precision.unrounded():
            assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == ("highest", False)
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == ("high", True)
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
