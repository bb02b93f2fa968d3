"""Chooses the form of each convolution of a supernet on a device.

On a GPU every form is measured, forward and backward together, as it will run: replayed from a CUDA graph; what was
measured is remembered. On a CPU the form follows from the shape, so that a search gives the same bits twice: there,
with four seeds on one thread, "bmm" took 0.5 to 1.0 times as long as "grouped" on all but 4 of 42 shapes of 1x1
kernels with 16 inputs or more, and "grouped" was the fastest of all shapes of 3x3 kernels (float32, both families).
"""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from results.files import cache, whole
from spaces.base import Space, SupernetConfig
from spaces.supernet.conv import CONV_FORMS, ConvForm, ConvShape, Forms, FormTable, differentiated_twice, seed_conv
from spaces.supernet.network import Supernet

from . import capture
from .environment import device_info
from .precision import Precision, maps_dtype, prepare

_FORMS: dict[Any, ConvForm] = {form: form for form in CONV_FORMS}
ROUNDS = 7
REPLAYS = 10
_MEASURED = 2  # changes with how forms are measured: what was remembered before is measured anew


def forms(
    space: Space,
    config: SupernetConfig,
    side: int,
    channels: int,
    *,
    batch: int,
    seeds: int,
    precision: Precision,
    device: torch.device,
) -> FormTable:
    """Return the form of each convolution of a supernet.

    Parameters
    ----------
    side, channels : of the images.
    batch, seeds : B and S of a step.
    """
    wanted = shapes(space, config, side, channels)
    if device.type != "cuda":
        return FormTable({shape: _on_a_cpu(shape) for shape in wanted})
    wanted += [shape for shape in frozen_shapes(space, config, side, channels) if shape not in wanted]
    key = _key(batch, seeds, precision, device)
    known: dict[str, ConvForm] = _read().get(key, {})
    missing = [shape for shape in wanted if _name(shape) not in known]
    if missing:
        prepare(precision, device)
        for shape in missing:
            found = measure(shape, batch, seeds, precision, device)
            if found:  # else nothing is known, and nothing remembered
                known[_name(shape)] = fastest(found)
        _write(key, known)
    return FormTable({shape: known.get(_name(shape), "grouped") for shape in wanted})


def file() -> Path:
    """Return where the forms are kept that were measured."""
    return cache.folder() / "conv-forms.json"


def as_document(form: Forms) -> str | dict[str, ConvForm]:
    """Return what a checkpoint and a record say about the forms: a name, or a name for each shape."""
    return {_name(shape): form for shape, form in form.forms.items()} if isinstance(form, FormTable) else form


def from_document(document: Any) -> Forms:
    """Return the forms that a checkpoint names; "grouped" where it names none."""
    if not isinstance(document, dict):
        return _FORMS.get(document, "grouped")
    found: dict[ConvShape, ConvForm] = {}
    for name, form in document.items():
        numbers = [int(number) for number in str(name).split() if number.isdecimal()]
        if len(numbers) != len(ConvShape._fields):
            continue
        side, inputs, outputs, kernel, stride = numbers
        found[ConvShape(side, inputs, outputs, kernel, stride)] = _FORMS.get(form, "grouped")
    return FormTable(found)


def shapes(space: Space, config: SupernetConfig, side: int, channels: int) -> list[ConvShape]:
    """Return the shapes of a supernet's convolutions, each once, in order; runs one image through it.

    It runs as second derivatives need it. A CPU then convolves too, where it otherwise multiplies matrices.
    """
    noted = _Noted()
    net = Supernet(space, config, image_channels=channels, form=FormTable(noted))
    weights, mix = torch.zeros(1, net.size), torch.zeros(1, *net.space.mask.shape)
    running = net.statistics(1, dtype=torch.float32, device="cpu")
    with torch.no_grad(), differentiated_twice():
        net.forward(weights, running, torch.zeros(1, side, side, 1, channels), mix, training=True, update=False)
    return list(noted)


def frozen_shapes(space: Space, config: SupernetConfig, side: int, channels: int) -> list[ConvShape]:
    """Return the shapes of the convolutions of a pass at frozen weights on a GPU, each once, in order.

    Convolutions that are apart in training are one there. Tensors without data go through it.
    """
    noted, meta = _Noted(), torch.device("meta")
    net = Supernet(space, config, image_channels=channels, form=FormTable(noted))
    weights, mix = torch.zeros(1, net.size, device=meta), torch.zeros(1, *net.space.mask.shape, device=meta)
    with torch.no_grad():
        frozen = net.freeze(weights, net.statistics(1, dtype=torch.float32, device=meta))
        net.forward_frozen(frozen, torch.zeros(1, side, side, 1, channels, device=meta), mix)
    return list(noted)


def _on_a_cpu(shape: ConvShape) -> ConvForm:
    return "bmm" if (shape.kernel, shape.stride) == (1, 1) and shape.inputs >= 16 else "grouped"


class _Noted(dict[ConvShape, ConvForm]):
    """A table that notes which shapes it is asked for."""

    def get(self, shape: ConvShape, default: ConvForm) -> ConvForm:  # type: ignore[override]
        """Return the default."""
        return self.setdefault(shape, default)


def measure(
    shape: ConvShape, batch: int, seeds: int, precision: Precision, device: torch.device
) -> dict[ConvForm, float]:
    """Return the median seconds of forward and backward on a GPU in each form that can compute a shape there.

    A form that fails, for want of memory or of an algorithm, is left out. Nothing outside a capture holds a part of the
    graph that is captured, and all numbers are drawn on the CPU: a failed capture leaves the GPU's generator unusable.
    """
    dtype, generator = maps_dtype(precision), torch.Generator().manual_seed(0)

    def random(*size: int) -> Tensor:
        return torch.randn(size, generator=generator).to(device, dtype)

    x = random(batch, shape.side, shape.side, seeds, shape.inputs)
    # in the order of a supernet's kernels
    kernel = random(seeds, shape.outputs, shape.kernel, shape.kernel, shape.inputs).permute(0, 1, 4, 2, 3)
    found: dict[ConvForm, float] = {}
    for form in CONV_FORMS:
        if form == "bmm" and (shape.kernel, shape.stride) != (1, 1):
            continue
        try:
            with torch.no_grad():
                upstream = torch.ones_like(seed_conv(x, kernel, stride=shape.stride, form=form))

            def work(form: ConvForm = form, upstream: Tensor = upstream) -> None:
                leaves = x.detach().requires_grad_(), kernel.detach().requires_grad_()
                torch.autograd.grad(seed_conv(*leaves, stride=shape.stride, form=form), leaves, upstream)

            found[form] = _seconds(work)
        except RuntimeError:
            continue
    return found


def fastest(seconds: dict[ConvForm, float]) -> ConvForm:
    """Return the form that took least time; "grouped" where none could be measured."""
    return min(seconds, key=seconds.__getitem__) if seconds else "grouped"


def _seconds(work: Callable[[], None]) -> float:
    """Return the median seconds of work that is replayed from a CUDA graph."""
    with capture.aside():
        for _ in range(capture.WARM_UP):
            work()
    torch.cuda.synchronize()
    graph, _ = capture.record(work)
    times = []
    for _ in range(ROUNDS):
        began, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        began.record()
        for _ in range(REPLAYS):
            graph.replay()
        ended.record()
        ended.synchronize()
        times.append(began.elapsed_time(ended) / 1e3 / REPLAYS)
    return statistics.median(times)


def _name(shape: ConvShape) -> str:
    return " ".join(map(str, shape))


def _key(batch: int, seeds: int, precision: Precision, device: torch.device) -> str:
    return "|".join(map(str, (device_info(device)["name"], torch.__version__, precision, batch, seeds, _MEASURED)))


def _read() -> dict[str, dict[str, ConvForm]]:
    """Return what was measured before; nothing where that cannot be read."""
    try:
        known = json.loads(file().read_text(encoding="utf-8"))
        return {key: {name: form for name, form in table.items() if form in CONV_FORMS} for key, table in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(key: str, table: dict[str, ConvForm]) -> None:
    """Remember a table; where the cache cannot be written, the next process measures again."""
    with contextlib.suppress(OSError), whole.writing(file()) as out:
        out.write(json.dumps(_read() | {key: table}, indent=1, sort_keys=True).encode())
