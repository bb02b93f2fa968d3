"""Measures one case: the real step of a search at an experiment's own sizes, on made-up images."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor

import spaces
from bench.feed import Drawn, Feed, split
from bench.machine import compiling, conv_table, precision
from bench.machine.capture import WARM_UP, Captured
from bench.methods import method
from bench.protocol import Protocol
from bench.speed import floor
from bench.steps.learner import Learner, Outcome, initial_state, supernet
from spaces.supernet.conv import ConvForm, ConvShape, Forms, FormTable
from spaces.supernet.network import Supernet

from . import clock, reference
from .cases import Case
from .sizes import Sizes, images, inputs


@dataclass(frozen=True)
class Measured:
    """Seconds a step of all seeds, one number a round, and what else is known."""

    seconds: list[float]
    extra: dict[str, Any]


class Stand:
    """Where cases are measured: a device, images on it, and what cases share."""

    def __init__(self, device: torch.device, sized: Sizes) -> None:
        self.device, self.sizes = device, sized
        self.images = images(sized.images, sized.side, device)
        self._forms: dict[tuple[object, ...], dict[ConvForm, float]] = {}
        self._plain: dict[tuple[str, str], Callable[[], object] | None] = {}

    def measure(self, case: Case) -> Measured:
        """Measure a case; the plain reference takes turns with it, where there is one."""
        began = time.perf_counter()
        protocol = self.sizes.experiment.arm(case.space, case.method).protocol
        precision.prepare(case.precision, self.device)
        reference = self._reference(case, protocol)
        forms, form_seconds = self.forms(case, protocol)
        held = _memory(self.device, reset=True)
        step, learner, feed = self.step(case, protocol, forms, capture=case.captured, compiled=case.compiled)
        drawn_inputs, draw_seconds = inputs(feed, self.device)
        for drawn in islice(cycle(drawn_inputs), WARM_UP + 1):
            step(drawn)
        count = self._steps_a_round(partial(step, drawn_inputs[0]))
        peak = _memory(self.device)
        setup_seconds = time.perf_counter() - began
        ours, theirs = [], []
        source = cycle(drawn_inputs)
        for _ in range(self.sizes.rounds):
            if reference:
                theirs.append(clock.seconds(reference, self.device))
            batch = list(islice(source, count))
            ours.append(clock.seconds(lambda batch=batch: [step(drawn) for drawn in batch], self.device) / count)
        extra = self._extra(case, protocol, learner.net, feed, statistics.median(ours), draw_seconds)
        extra |= {
            "replayed": step.replays > 0,
            "steps_per_round": count,
            "setup_seconds": setup_seconds,
            "peak_bytes": None if peak is None or held is None else peak - held,
            "forms": conv_table.as_document(forms),
            "form_seconds": form_seconds,
        }
        if theirs:
            ratios = [p * case.seeds / o for p, o in zip(theirs, ours, strict=True)]
            extra |= {
                "plain_seconds_median": statistics.median(theirs),
                "speed_up_per_seed_median": statistics.median(ratios),
                "speed_up_per_seed_range": [min(ratios), max(ratios)],
            }
        else:
            extra["plain"] = "absent: the tests of the checkout are not available"
        return Measured(ours, extra)

    def free(self) -> None:
        """Give back what the last case has held on the device."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def step(
        self, case: Case, protocol: Protocol, forms: Forms, *, capture: bool, compiled: bool
    ) -> tuple[Captured, Learner, Feed]:
        """Return the step of a search at its start, as ``bench.search`` takes it."""
        space, found = spaces.find(case.space), method.find(case.method)
        dtype, seeds = precision.state_dtype(case.precision), tuple(range(case.seeds))
        net = supernet(space, protocol, self.images, form=forms, precision=case.precision)
        learner = Learner(net, initial_state(net, seeds, dtype, self.device), protocol.training)
        parts = split(len(self.images.train), found.levels, protocol.images)
        feed = Feed(self.images, parts, protocol, found, space, seeds, dtype=dtype, device=self.device)
        assert found.step is not None, "a method without a step has no speed"
        one = found.step
        if compiled:
            compiling.prepare(self.device, fix="install what is missing")
            learner = learner.compiled()

        def take(drawn: Drawn) -> Outcome:
            return one(learner, feed.batch(drawn), protocol.params)

        return Captured(take, self.device, enabled=capture), learner, feed

    def forms(self, case: Case, protocol: Protocol) -> tuple[Forms, dict[str, dict[ConvForm, float]]]:
        """Return a case's forms, and for shapes met for the first time the seconds of each form on a GPU."""
        if case.form != "auto":
            return case.form, {}
        space, batch, channels = spaces.find(case.space), protocol.training.batch, self.images.train.shape[1]
        question = {"batch": batch, "seeds": case.seeds, "precision": case.precision, "device": self.device}
        if self.device.type != "cuda":
            return conv_table.forms(space, protocol.supernet, self.sizes.side, channels, **question), {}
        table: dict[ConvShape, ConvForm] = {}
        fresh: dict[str, dict[ConvForm, float]] = {}
        for shape in conv_table.shapes(space, protocol.supernet, self.sizes.side, channels):
            key = (shape, *question.values())
            if key not in self._forms:
                self._forms[key] = conv_table.measure(shape, **question)
                fresh[" ".join(map(str, shape))] = self._forms[key]
            table[shape] = conv_table.fastest(self._forms[key])
        return FormTable(table), fresh

    def difference(self, case: Case, steps: int = WARM_UP + 3) -> dict[str, float]:
        """Return how far a case ends from plain steps, and those from each other, of the distance moved.

        Plain ones are neither captured nor compiled. Both are maxima over weights, momentum and alphas. Algorithms
        that add in no fixed order make the second more than zero.
        """
        protocol = self.sizes.experiment.arm(case.space, case.method).protocol
        forms, _ = self.forms(case, protocol)
        ends = []
        for own in (False, False, True):
            step, learner, feed = self.step(
                case, protocol, forms, capture=own and case.captured, compiled=own and case.compiled
            )
            state = learner.state
            moving = (state.weights, state.momentum, state.alpha)
            start = [each.clone() for each in moving]
            drawn_inputs, _ = inputs(feed, self.device)
            for drawn in islice(cycle(drawn_inputs), steps):
                step(drawn)
            ends.append([now - then for now, then in zip(moving, start, strict=True)])
        first, second, own = ends
        return {
            "steps": steps,
            "from_plain": _furthest(own, first),
            "plain_from_plain": _furthest(second, first),
        }

    def _reference(self, case: Case, protocol: Protocol) -> Callable[[], object] | None:
        key = (case.space, case.method)
        if key not in self._plain:
            self._plain[key] = reference.step(*key, protocol, side=self.sizes.side, device=self.device)
        found = self._plain[key]
        if found:
            found()  # libraries choose their algorithms
        return found

    def _steps_a_round(self, step: Callable[[], object]) -> int:
        one = clock.seconds(step, self.device)
        return max(1, min(100, int(self.sizes.round_seconds / one)))

    def _extra(
        self, case: Case, protocol: Protocol, net: Supernet, feed: Feed, seconds: float, draw_seconds: float
    ) -> dict[str, Any]:
        """Return what a case is, and what follows from its seconds a step."""
        epoch = seconds * feed.steps + draw_seconds
        extra: dict[str, Any] = {
            "space": case.space,
            "method": case.method,
            "seeds": case.seeds,
            "precision": case.precision,
            "form": case.form,
            "captured": case.captured,
            "compiled": case.compiled,
            "batch": protocol.training.batch,
            "side": self.sizes.side,
            "steps_per_epoch": feed.steps,
            "draw_seconds": draw_seconds,
            "seconds_per_epoch": epoch,
            "seconds_per_seed_epoch": epoch / case.seeds,
        }
        batch, width = protocol.training.batch, precision.maps_dtype(case.precision).itemsize
        least = floor.of_step(net, case.method, protocol.params, side=self.sizes.side, batch=batch, width=width)
        if least:
            extra |= {
                "floor_bytes": least.bytes * case.seeds,
                "floor_flops": least.flops * case.seeds,
                "floor_bytes_per_second": least.bytes * case.seeds / seconds,
                "floor_flops_per_second": least.flops * case.seeds / seconds,
            }
        return extra


def _furthest(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the largest difference of any tensor's entries, of the furthest that one of its entries has moved."""
    pairs = zip(ours, theirs, strict=True)
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1e-30)) for a, b in pairs)


def _memory(device: torch.device, *, reset: bool = False) -> int | None:
    """Return the most bytes allocated since the last reset; None on a CPU, which does not count them."""
    if device.type != "cuda":
        return None
    if reset:
        torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.max_memory_allocated(device)
