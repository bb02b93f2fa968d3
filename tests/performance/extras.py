"""What a search does beside its steps, as a share of them: eigenvalues, evaluation and the landscape.

Two counts, since a GPU may wait for either: kernel launches, and the multiplications of convolutions. Both are of the
product's own code on a few small images: launches do not depend on these, and the arithmetic of all parts grows alike.
How often each is done is the experiment's. A checkpoint computes nothing; a GPU writes at most one a minute.
``python -m tests.performance.extras`` prints the table of ``docs/gpu.md``.
"""

import math
from functools import cache

import torch

from bench.experiments.reading import load
from bench.measure import measurements
from spaces.supernet import ops

from .cases import Case, Sizes
from .stand import CPU, Stand, inputs
from .traffic import Traffic

IMAGES = 50_000
SPACES = ("nasbench201", "nasbench1shot1-1")
METHODS = ("darts", "sdarts-rs", "sdarts-adv", "dropnas")


class Work(Traffic):
    """Counts the multiplications of convolutions too, forward and backward."""

    def __init__(self):
        super().__init__()
        self.products = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = super().__torch_dispatch__(func, types, args, kwargs)
        if func is torch.ops.aten.convolution.default:
            self.products += made.numel() * args[1][0].numel()
        elif func is torch.ops.aten.convolution_backward.default:
            self.products += args[0].numel() * args[2][0].numel() * sum(args[10][:2])
        return made


def shares(space, method, *overrides):
    """Return by part the percent of an epoch's launches and products that ``paper`` adds, the mean over its epochs."""
    protocol = load("paper").arm(space, method).protocol
    measure, epochs, batch = protocol.measure, protocol.training.epochs, protocol.training.batch
    step, levels = of_step(space, method, *overrides)
    evaluation, eigenvalue = of_measurements(space, *overrides)
    steps, chunk = math.ceil(IMAGES / levels / batch), measurements.CHUNK

    def share(work, times, images):
        """``times`` a search, each on so many images, in passes of a chunk."""
        each, passes = 100 * times / epochs / steps, math.ceil(images / chunk)
        return each * work[0] * passes / step[0], each * work[1] / step[1] * images / batch

    valid = measure.valid_images or IMAGES // 2
    around = measure.landscape**2 + 4 * len(measurements.RADII)
    return {
        "eigenvalue": share(eigenvalue, epochs // measure.eigenvalue_every + 1, batch),
        "evaluation": share(evaluation, (levels - 1) * (epochs // measure.evaluate_every), valid),
        "landscape": share(evaluation, around, measure.landscape_images),
    }


@cache
def of_step(space, method, *overrides):
    """Return launches and products of a step on two images, and the levels of the method."""
    step, _, feed = begun(space, method, overrides)
    drawn = inputs(feed, CPU)[0][0]
    step(drawn)  # makes the constant index tensors
    return of(lambda: step(drawn)), 2 if len(feed.split.alphas) else 1


@cache
def of_measurements(space, *overrides):
    """Return those of an evaluation and of an eigenvalue: its rows all have as many."""
    _, learner, feed = begun(space, "darts", overrides)
    few = torch.arange(2)
    rows = measurements.hessian_rows(learner, feed.clean(few))
    first, row = of(lambda: next(rows)), of(lambda: next(rows))
    more = int(learner.mask.sum()) - 1
    eigenvalue = tuple(once + more * again for once, again in zip(first, row, strict=True))
    return of(lambda: measurements.evaluate(learner, feed, few)), eigenvalue


def begun(space, method, overrides):
    """Return step, learner and feed of a search of one seed before its first step."""
    sized = Sizes(load("paper", ("training.batch=2", *overrides)), side=8, images=16)
    return Stand(CPU, sized).step(Case(space, method, 1, "float32", form="grouped"))


def of(work):
    """Return launches and products of some work."""
    with Work() as counted:
        work()
    return counted.launches, counted.products


def main():
    ops.on_a_cpu = lambda maps: False  # as a GPU weighs maps
    for space in SPACES:
        for method in METHODS:
            parts = shares(space, method)
            cells = [*parts.values(), [sum(one) for one in zip(*parts.values(), strict=True)]]
            print("|", " | ".join([space, method, *(f"{a:.1f}, {b:.1f}" for a, b in cells)]), "|", flush=True)


if __name__ == "__main__":
    main()
