"""One step, by the suite for S seeds and by the plain reference for one, on the same kind of batch."""

from dataclasses import replace

import torch

from bench import method as methods
from bench import perturb
from bench.engine import initial_state
from bench.learner import Batch, Learner, Samples, Training
from spaces import find
from spaces.supernet import Supernet
from tests.parity import reference_methods as plain
from tests.parity import reference_sdarts
from tests.parity.reference_nasbench1shot1 import Network as OneShot
from tests.parity.reference_nasbench201 import Network as NASBench201

TRAINING = Training(
    epochs=100,
    batch=16,
    lr=0.025,
    lr_min=0.001,
    lr_shifted=True,
    momentum=0.9,
    nesterov=False,
    weight_decay=3e-4,
    clip=5.0,
    clip_mix=False,
    alpha_lr=3e-4,
    alpha_betas=(0.5, 0.999),
    alpha_decay=1e-3,
    order="alpha-first",
    alpha_batches="cycle",
)
RADIUS = 0.1


def suite(space, work, seeds, *, side=16, batch=16, form="grouped"):
    """Return a function that does ``work`` for all seeds together, at the authors' width and depth, in float32.

    ``work`` "pair" is an alpha step and a weight step, "attack" what SDARTS-ADV adds between them.
    """
    found, searcher = find(space), methods.find("darts" if work == "pair" else "sdarts-adv")
    net = Supernet(found, found.supernet, form=form)
    state = initial_state(net, tuple(range(seeds)), torch.float32, "cpu")
    learner = Learner(net, state, replace(TRAINING, batch=batch))
    samples = Samples(torch.randn(batch, side, side, seeds, 3), torch.randint(10, (seeds, batch)))
    if work == "pair":
        step = Batch(samples, samples, torch.tensor(0.025), {}, {})
        return lambda: searcher.step(learner, step, searcher.params())
    noise, epsilon = 2 * torch.rand(seeds, *found.mask.shape) - 1, torch.tensor(RADIUS)
    steps = searcher.params().steps
    return lambda: perturb.adversarial(learner, samples, learner.mix(), noise, epsilon, steps=steps)


def reference(space, work, *, side=16, batch=16):
    """Return a function that does ``work`` for one seed the plain way, in float32."""
    if space == "nasbench201":
        network = NASBench201(dtype=torch.float32)
    else:
        network = OneShot(int(space[-1]), dtype=torch.float32)
    search = plain.Search(network)
    data = torch.randn(batch, 3, side, side), torch.randint(10, (batch,))
    if work == "pair":
        return lambda: plain.darts_step(search, data, data)
    noise = [2 * torch.rand_like(alpha) - 1 for alpha in search.alphas]
    return lambda: reference_sdarts.attack(search, data, RADIUS, noise)
