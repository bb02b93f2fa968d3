"""Whether a device computes what a CPU does: captured steps, forms of the convolution, weighing, precision."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch

import spaces
from bench.machine import conv_table, precision
from bench.measure import measurements
from spaces.supernet import weigh
from spaces.supernet.conv import CONV_FORMS, ConvForm, differentiated_twice, seed_conv
from spaces.supernet.norm_twice import batch_norm_twice
from spaces.supernet.ops import BN_EPS, avg_pool, to_nchw

from ..cases import Case, sizes
from ..stand import CPU, Stand, furthest

SPACES = ("nasbench201", "nasbench1shot1-1")
#: By priority.
METHODS = ("darts", "sdarts-adv", "dropnas", "sdarts-rs", "darts-2nd", "darts-1level")
EXACT = 1e-9  # of the distance moved, or of the largest number, in float64
ROUNDED = {"tf32": 5e-3, "float32": 1e-5, "bf16": 5e-2}

#: A check: its value, and what the value may be at most.
Check = Callable[[], tuple[float, float]]
#: A function of maps ``(B, H, W, S, C)`` and the device of its other numbers.
Operation = Callable[[torch.Tensor, torch.device], torch.Tensor]


def run(device: torch.device, deadline: float, *, quick: bool) -> tuple[list[dict[str, object]], bool]:
    """Make all checks that the time allows, by priority; print a line each and return them, and whether any is left."""
    found: list[dict[str, object]] = []
    stand = Stand(device, sizes(quick=True))
    for name, check in _all(stand, device, quick=quick):
        began = time.monotonic()
        if began > deadline:
            print(f"out of time: left from {name} on", flush=True)
            return found, True
        try:
            value, limit = check()
            passed, error = value <= limit, ""
        except (RuntimeError, AssertionError) as problem:
            value, limit, passed = math.nan, math.nan, False
            error = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        spent = time.monotonic() - began
        found.append({"name": name, "passed": passed, "value": value, "limit": limit, "error": error, "seconds": spent})
        print(f"{'ok' if passed else 'FAILED'}: {name}: {error or f'{value:.1e}, at most {limit:.0e}'}", flush=True)
    return found, False


def _all(stand: Stand, device: torch.device, *, quick: bool) -> Iterator[tuple[str, Check]]:
    searchers = METHODS[:2] if quick else METHODS
    yield "forms are measured", partial(_measured, stand, device)
    yield "weighing, float64", partial(_weighed, device)
    for space in SPACES:
        yield f"captured {space}/{searchers[0]}, float64", partial(_captured, stand, space, searchers[0])
    for kernel, stride in ((3, 1), (1, 1), (3, 2)):
        for one in ("float64", *_usual(device)):
            yield f"forms of {kernel}x{kernel}, stride {stride}, {one}", partial(_forms, device, kernel, stride, one)
    for space in SPACES:
        yield f"gradients {space}, float64", partial(_gradients, stand, space)
    for name, operation in _operations(device).items():
        yield f"second derivative of {name}, float64", partial(_second, device, operation)
    for form in CONV_FORMS:
        yield f"eigenvalue, {form}, float64", partial(_eigenvalue, stand, SPACES[0], form)
    for space in SPACES:
        for name in searchers[1:]:
            yield f"captured {space}/{name}, float64", partial(_captured, stand, space, name)
    if device.type == "cuda":
        yield (
            f"compiled {SPACES[0]}/{searchers[0]}, float64",
            partial(_captured, stand, SPACES[0], searchers[0], compiled=True),
        )
    for one in _usual(device):
        yield f"loss and gradients, {one}", partial(_close, stand, SPACES[0], one)


def _usual(device: torch.device) -> tuple[precision.Precision, ...]:
    return ("tf32" if device.type == "cuda" else "float32", "bf16")


def _measured(stand: Stand, device: torch.device) -> tuple[float, float]:
    """How many forms of a few shapes could not be measured; on a CPU, where none is measured, of none."""
    if device.type != "cuda":
        return 0.0, 0.0
    protocol = stand.sizes.experiment.arm(SPACES[0], "darts").protocol
    shapes = conv_table.shapes(spaces.find(SPACES[0]), protocol.supernet, 8, 3)[:4]
    found = [conv_table.measure(shape, 4, 2, "tf32", device) for shape in shapes]
    able = [len(CONV_FORMS) - ((shape.kernel, shape.stride) != (1, 1)) for shape in shapes]
    torch.randn(2, device=device)  # fails after a capture that failed
    return float(sum(able) - sum(map(len, found))), 0.0


def _captured(stand: Stand, space: str, name: str, *, compiled: bool = False) -> tuple[float, float]:
    """How far captured steps end from plain ones; an AssertionError where none was replayed on a GPU."""
    case = Case(space, name, 2, "float64", form="grouped", compiled=compiled)
    own, replays = stand.moved(case)
    assert stand.device.type != "cuda" or replays, "the step was not captured"
    return furthest(own, stand.moved(replace(case, captured=False, compiled=False))[0]), EXACT


def _random(device: torch.device, *size: int) -> torch.Tensor:
    """Draw on the CPU, in float64."""
    return torch.randn(size, generator=torch.Generator().manual_seed(sum(size)), dtype=torch.float64).to(device)


def _worst(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    """Return the largest difference of two lists, of the largest number of each pair."""
    pairs = zip(found, expected, strict=True)
    return max(float((a.double().cpu() - b.cpu()).abs().max() / b.abs().max().cpu()) for a, b in pairs)


def _forms(device: torch.device, kernel: int, stride: int, one: precision.Precision) -> tuple[float, float]:
    """How far values and gradients of all forms are from those of a CPU in float64."""
    precision.prepare(one, device)
    x, weights = _random(CPU, 8, 12, 12, 4, 16), _random(CPU, 4, 32, 16, kernel, kernel)

    def values(form: str, where: torch.device, dtype: torch.dtype) -> list[torch.Tensor]:
        leaves = [each.to(where, dtype).requires_grad_() for each in (x, weights)]
        y = seed_conv(*leaves, stride=stride, form=form)
        return [y.detach(), *torch.autograd.grad(y.square().sum(), leaves)]

    plain = values("grouped", CPU, torch.float64)
    worst = max(_worst(values(form, device, precision.maps_dtype(one)), plain) for form in CONV_FORMS)
    return worst, EXACT if one == "float64" else ROUNDED[one]


def _weighed(device: torch.device) -> tuple[float, float]:
    """How far weighing, first and second derivatives are from those of a CPU: a GPU computes all edges at once."""

    def values(where: torch.device) -> list[torch.Tensor]:
        parts = [_random(where, *size).requires_grad_() for size in ((4, 6, 6, 2, 24), (4, 6, 6, 2, 8), (2, 3, 8))]
        y = weigh.weigh(parts[0], (parts[1], parts[2]), (parts[1].sin(), parts[2].cos()))
        first = torch.autograd.grad(y.sin().sum(), parts, create_graph=True)
        return [y, *first, *torch.autograd.grad(sum(each.square().sum() for each in first), parts)]

    return _worst([v.detach() for v in values(device)], [v.detach() for v in values(CPU)]), EXACT


def _operations(device: torch.device) -> dict[str, Operation]:
    """The parts of a cell that a Hessian differentiates twice, as functions of maps and a device."""

    def convolved(form: ConvForm, x: torch.Tensor, where: torch.device) -> torch.Tensor:
        return seed_conv(x, _random(where, 2, 16, 8, 3, 3), form=form)

    def normalised(x: torch.Tensor, where: torch.device) -> torch.Tensor:
        return batch_norm_twice(to_nchw(x), _random(where, 16), _random(where, 16), BN_EPS)

    def pooled(x: torch.Tensor, where: torch.device) -> torch.Tensor:
        return avg_pool(x, kernel=3, stride=1, padding=1)

    found: dict[str, Operation] = {"a batch norm": normalised, "an average pool": pooled}
    return found | {f"a convolution, {form}": partial(convolved, form) for form in CONV_FORMS}


def _second(device: torch.device, operation: Operation) -> tuple[float, float]:
    """How far an operation, its first and its second derivatives are from those of a CPU.

    They are differentiated from maps in order, and from a mean, whose gradient is one number for many pixels.
    """

    def values(where: torch.device) -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        for mean in (False, True):
            x = _random(where, 4, 6, 6, 2, 8).requires_grad_()
            with differentiated_twice():
                y = operation(x, where)
            end = y.flatten(1).mean(1).sin().sum() if mean else y.sin().sum()
            (first,) = torch.autograd.grad(end, x, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum() + first.sum(), x)
            found += [y.detach(), first.detach(), second]
        return found

    return _worst(values(device), values(CPU)), EXACT


def _eigenvalue(stand: Stand, space: str, form: ConvForm) -> tuple[float, float]:
    """How far the eigenvalues of a form are from those of a CPU."""
    values = []
    for where in (stand, Stand(CPU, stand.sizes)):
        _, learner, feed = where.step(Case(space, "darts", 2, "float64", form=form, captured=False))
        values.append(torch.from_numpy(measurements.eigenvalue(learner, feed, 0)))
    return _worst(values[:1], values[1:]), 1e-8


def _gradients(stand: Stand, space: str) -> tuple[float, float]:
    """How far loss and gradients of a training pass are from those of a CPU."""
    found: list[list[torch.Tensor]] = []
    for where in (stand, Stand(CPU, stand.sizes)):
        case = Case(space, "darts", 2, "float64", form="grouped", captured=False)
        _, learner, feed = where.step(case)
        samples = feed.clean(torch.arange(where.arm(case).protocol.training.batch))
        leaves = [learner.state.weights.detach().requires_grad_(), learner.mix().requires_grad_()]
        loss = learner.loss(leaves[0], leaves[1], samples, update=False).loss
        found.append([loss.detach(), *torch.autograd.grad(loss.sum(), leaves)])
    return _worst(found[0], found[1]), EXACT


def _close(stand: Stand, space: str, one: precision.Precision) -> tuple[float, float]:
    """How far the loss of a rounded precision is from that of float64 on the same weights."""
    case, losses = Case(space, "darts", 2, one, form="grouped", captured=False), []
    for each in (case, replace(case, precision="float64")):
        _, learner, feed = stand.step(each)
        samples = feed.clean(torch.arange(stand.arm(each).protocol.training.batch))
        losses.append(learner.loss(learner.state.weights, learner.mix(), samples, update=False).loss.detach().double())
    return _worst(losses[:1], losses[1:]), ROUNDED[one]
