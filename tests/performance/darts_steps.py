"""Counts what a pair of steps needs on the DARTS spaces: ``python -m tests.performance.darts_steps FILE.json``.

An alpha step and a weight step of DARTS of first order at the authors' sizes, by the suite and by the plain form of
``tests/parity``, which has a module for each operation of each edge as the authors' codes do. Shapes decide both
counts; so tensors hold no data (PyTorch's device ``meta``), and maps are weighed and convolved as on a GPU.
"""

import json
import sys
from pathlib import Path
from unittest.mock import patch

import torch

import spaces
from bench.methods import method as methods
from bench.steps.learner import Batch
from tests.parity import reference_darts
from tests.parity import reference_methods as plain

from .memory import Peak
from .traffic import META, SIDE, Traffic, learner_of, samples_of
from .workload import TRAINING

CHANNELS, LAYERS, BATCH = 16, 8, 64

#: Launches of a pair, and MB of an image's maps that are kept for the gradients, counted by running the authors' codes
#: (quark0/darts and SmoothDARTS).
AUTHORS = {
    "darts": (28_766, 125.8),
    "darts-no-none": (25_499, 121.9),
    "darts-s1": (6_600, 26.8),
    "darts-s2": (8_398, 35.9),
    "darts-s3": (10_254, 39.8),
    "darts-s4": (7_757, 36.1),
}


class PlainNetwork(reference_darts.Network):
    """The plain network with its two tables of alphas, as ``reference_methods.Search`` takes it."""

    def __init__(self, space):
        names = [list(row.choices) for row in space.rows]
        super().__init__(names[:14], names[14:], CHANNELS, LAYERS)
        self.float()
        self.alphas = [torch.zeros(14, len(names[0]), device=META, requires_grad=True) for _ in range(2)]

    def arch_parameters(self):
        return self.alphas

    def forward(self, x, mix=None, keep=None):
        assert keep is None
        tables = [alpha.softmax(-1) for alpha in self.alphas] if mix is None else mix
        return super().forward(x, torch.cat(tables))


class DrawnNoise(reference_darts.Noise):
    """Noise drawn anew at each call, as the authors' code does."""

    def __init__(self, stride=1):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return torch.randn_like(x[:, :, :: self.stride, :: self.stride])


def suite(space, seeds):
    """Return a function that takes a pair of steps for all seeds together, without data."""
    found, searcher = spaces.find(space), methods.find("darts")
    assert (found.supernet.channels, found.supernet.layers) == (CHANNELS, LAYERS)
    learner, samples = learner_of(found, found.supernet, TRAINING, seeds), samples_of(BATCH, seeds)
    batch = Batch(samples, samples, torch.tensor(0.025, device=META), {}, {})
    return lambda: searcher.step(learner, batch, searcher.params())


def reference(space):
    """Return a function that takes a pair of steps for one seed the plain way, without data."""
    network = PlainNetwork(spaces.find(space))
    for cell in network.cells:
        for edge, (source, _) in zip(cell.edges, reference_darts.EDGES, strict=True):
            drawn = DrawnNoise(2 if cell.reduction and source < 2 else 1)
            for place, each in enumerate(edge.operations):
                if isinstance(each, reference_darts.Noise):
                    edge.operations[place] = drawn
    search = plain.Search(network.to(META))
    for group in (*search.sgd.param_groups, *search.adam.param_groups):
        group["foreach"] = True  # as on a GPU
    data = torch.empty(BATCH, 3, SIDE, SIDE, device=META), torch.empty(BATCH, dtype=torch.int64, device=META)

    def pair():
        losses = patch.object(torch.Tensor, "item", lambda _: 1.0)  # nobody reads them here
        with losses, patch.object(torch.nn.utils, "clip_grad_norm_", _clipped):
            plain.darts_step(search, data, data)

    return pair


def _clipped(weights, most):
    """Clip as PyTorch does on a GPU, which it refuses to do without data."""
    gradients = [weight.grad for weight in weights]
    total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, (most / (total + 1e-6)).clamp(max=1.0))


def counted(work):
    """Return launches, and the most bytes of tensors made by the work that are alive at once, of its second turn."""
    work()
    with Traffic(META) as traffic, Peak() as memory:
        work()
    return {"launches": traffic.launches, "peak_bytes": memory.peak}


def measured():
    """Return one entry for each space, with the suite's counts by the number of seeds."""
    return [
        {
            "space": space,
            "suite": {str(seeds): counted(suite(space, seeds)) for seeds in (1, 4)},
            "plain": counted(reference(space)),
            "authors": {"launches": launches, "maps_bytes": round(BATCH * megabytes * 1e6)},
        }
        for space, (launches, megabytes) in AUTHORS.items()
    ]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps({"pairs": measured()}, indent=1) + "\n", encoding="utf-8")
