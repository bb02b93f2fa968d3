"""One step, taken plainly on a CPU, and on a GPU captured once as a CUDA graph and replayed.

A step launches thousands of small kernels, of which the host needs far more time to start each than a GPU to run it;
a graph starts all of them at once. What may be captured reads nothing back to the host, copies nothing from it, and
changes state in place only: the tests hold every method's step to that on a CPU.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

#: Steps of each shape that are taken plainly before the capture: libraries choose algorithms in them and allocate.
WARM_UP = 3

#: Steps that the host may be ahead of a GPU.
AHEAD = 3

T = TypeVar("T")
Inputs = dict[str, Tensor]
Outcome = TypeVar("Outcome", bound="DataclassInstance")  # a dataclass of tensors
Shape = tuple[tuple[str, torch.Size], ...]


@dataclass(frozen=True)
class _Graph(Generic[Outcome]):
    """A captured step; its inputs are copied into, and its outcome is overwritten by each replay."""

    graph: torch.cuda.CUDAGraph
    inputs: Inputs
    outcome: Outcome


class Captured(Generic[Outcome]):
    """A step that is captured where the device allows it, one graph for each shape of its inputs.

    An epoch has two shapes at most, of the full batches and of a short last one, and those of a warm-up have shapes of
    their own; all graphs are kept. A step that cannot be captured is taken plainly, after one line of warning.

    Parameters
    ----------
    step : changes its state in place; all that differs between steps is in its inputs.
    enabled : False takes every step plainly, as a CPU does.
    """

    def __init__(self, step: Callable[[Inputs], Outcome], device: torch.device, *, enabled: bool = True) -> None:
        self._step = step
        self._enabled = enabled and device.type == "cuda"
        self._taken: Counter[Shape] = Counter()
        self._graphs: dict[Shape, _Graph[Outcome]] = {}

    @property
    def replays(self) -> int:
        """Number of shapes of which a graph is replayed."""
        return len(self._graphs)

    def __call__(self, inputs: Inputs) -> Outcome:
        """Take one step; the outcome is not overwritten by later ones."""
        if not self._enabled:
            return self._step(inputs)
        shape = tuple((name, tensor.shape) for name, tensor in inputs.items())
        if shape not in self._graphs:
            if self._taken[shape] < WARM_UP:
                self._taken[shape] += 1
                return self._aside(inputs)
            try:
                self._graphs[shape] = self._capture(inputs)
            except RuntimeError as error:  # nothing was computed: the state is as it was
                self._enabled = False
                _warn(f"the step could not be captured and runs more slowly: {str(error).splitlines()[0]}")
                return self._step(inputs)
        captured = self._graphs[shape]
        for name, tensor in captured.inputs.items():
            tensor.copy_(inputs[name])
        captured.graph.replay()
        copies = {field.name: getattr(captured.outcome, field.name).clone() for field in fields(captured.outcome)}
        return replace(captured.outcome, **copies)

    def _aside(self, inputs: Inputs) -> Outcome:
        """Take a step on the stream of captures."""
        with aside():
            return self._step(inputs)

    def _capture(self, inputs: Inputs) -> _Graph[Outcome]:
        """Record a step without taking it; all graphs share one pool of memory, since they run in turn."""
        kept = {name: tensor.clone() for name, tensor in inputs.items()}
        first = next(iter(self._graphs.values()), None)
        graph, outcome = record(lambda: self._step(kept), beside=None if first is None else first.graph)
        return _Graph(graph, kept, outcome)


class Ahead:
    """Keeps the host only a few steps ahead of a GPU, so that a clock on the host measures finished work.

    Parameters
    ----------
    device : on a CPU the host waits for nothing.
    """

    def __init__(self, device: torch.device) -> None:
        self._events: deque[torch.cuda.Event] | None = deque() if device.type == "cuda" else None

    def step(self) -> None:
        """Note that a step was started, and wait for that of ``AHEAD`` steps before."""
        if self._events is None:
            return
        self._events.append(torch.cuda.Event())
        self._events[-1].record()
        if len(self._events) > AHEAD:
            self._events.popleft().synchronize()


@contextmanager
def aside() -> Iterator[None]:
    """Work on the stream of captures within, after what was started before and before what is started after."""
    here, there = torch.cuda.current_stream(), _stream(torch.cuda.current_device())
    there.wait_stream(here)
    with torch.cuda.stream(there):
        yield
    here.wait_stream(there)


def record(work: Callable[[], T], *, beside: torch.cuda.CUDAGraph | None = None) -> tuple[torch.cuda.CUDAGraph, T]:
    """Record some work, which was done ``aside`` before, without doing it; return the graph and what it computes.

    Parameters
    ----------
    beside : another graph, whose memory is shared.

    Raises
    ------
    RuntimeError
        It cannot be captured. PyTorch then leaves its generator of random numbers on the GPU in a state that cannot be
        used: nothing here draws from it.
    """
    graph, there = torch.cuda.CUDAGraph(), _stream(torch.cuda.current_device())
    # the outer one gives the stream back where a capture fails, which PyTorch's does not
    pool = None if beside is None else beside.pool()
    with torch.cuda.stream(there), torch.cuda.graph(graph, pool=pool, stream=there):
        found = work()
    return graph, found


@cache
def _stream(device: int) -> torch.cuda.Stream:
    """Return the one stream of a GPU on which everything is warmed up and captured: memory is kept for each stream."""
    return torch.cuda.Stream(device)


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)
