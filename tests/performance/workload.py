"""One step, by the suite for S seeds and by the plain reference for one, on the same kind of batch.

The plain form has a module for every operation and back-propagates weights and alphas in every pass, as the authors'
codes do. ``suite`` and ``reference`` are what the tests of this directory hold against each other; ``plain_step`` is a
whole step of a method at an experiment's own sizes, for ``test_step``.
"""

import random
from dataclasses import replace

import torch

from bench.machine import conv_table
from bench.methods import method as methods
from bench.methods import sdarts_adv
from bench.protocol import Training
from bench.steps.learner import Batch, Learner, Samples, initial_state
from spaces import find
from spaces.supernet.network import Supernet
from tests.parity import reference_dropnas, reference_sdarts
from tests.parity import reference_methods as plain
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
CPU = torch.device("cpu")


def suite(space, work, seeds, *, side=16, batch=16, form="auto", channels=0):
    """Return a function that does ``work`` for all seeds together, at the authors' depth, in float32.

    ``work`` "pair" is an alpha step and a weight step, "attack" what SDARTS-ADV adds between them. ``form`` "auto" is
    what a search takes. ``channels`` 0 is the authors' width.
    """
    found, searcher = find(space), methods.find("darts" if work == "pair" else "sdarts-adv")
    config = replace(found.supernet, channels=channels) if channels else found.supernet
    if form == "auto":
        form = conv_table.forms(found, config, side, 3, batch=batch, seeds=seeds, precision="float32", device=CPU)
    net = Supernet(found, config, form=form)
    state = initial_state(net, tuple(range(seeds)), torch.float32, "cpu")
    learner = Learner(net, state, replace(TRAINING, batch=batch))
    samples = Samples(torch.randn(batch, side, side, seeds, 3), torch.randint(10, (seeds, batch)))
    if work == "pair":
        step = Batch(samples, samples, torch.tensor(0.025), {}, {})
        return lambda: searcher.step(learner, step, searcher.params())
    noise, epsilon = 2 * torch.rand(seeds, *found.mask.shape) - 1, torch.tensor(RADIUS)
    steps = searcher.params().steps
    return lambda: sdarts_adv.attack(learner, samples, learner.mix(), noise, epsilon, steps=steps)


def reference(space, work, *, side=16, batch=16):
    """Return a function that does ``work`` for one seed the plain way, in float32."""
    search = plain.Search(network(space, find(space).supernet, CPU))
    data = samples_of(side, batch, CPU)
    if work == "pair":
        return lambda: plain.darts_step(search, data, data)
    noise = [2 * torch.rand_like(alpha) - 1 for alpha in search.alphas]
    return lambda: reference_sdarts.attack(search, data, RADIUS, noise)


def plain_step(space, method, protocol, *, side, device):
    """Return a function that takes one step of one seed the plain way, in float32, at a protocol's sizes.

    Its batch lies on the device: unlike a search it neither draws, uploads nor augments. None for another method.
    """
    training, params = protocol.training, protocol.params
    one_level = method in ("dropnas", "darts-1level")
    search = plain.Search(
        network(space, protocol.supernet, device),
        momentum=training.momentum,
        nesterov=training.nesterov,
        weight_decay=0.0 if one_level else training.weight_decay,
        alpha_rate=training.alpha_lr,
        alpha_decay=0.0 if one_level else training.alpha_decay,
        clip=params.clip if one_level else training.clip,
        clip_over="mix" if training.clip_mix and not one_level else "weights",
    )
    data = samples_of(side, training.batch, device)
    noise = [2 * torch.rand_like(alpha) - 1 for alpha in search.alphas]
    rows, operations = search.alphas[0].shape
    assert operations == sum(map(len, search.network.groups))
    dropped = reference_dropnas.draw_keep(rows, search.network.groups, 3e-5**0.25, random.Random(0))
    return {
        "darts": lambda: plain.darts_step(search, data, data),
        "sdarts-rs": lambda: reference_sdarts.sdarts_rs_step(search, data, data, radius=RADIUS, noise=noise),
        "sdarts-adv": lambda: reference_sdarts.sdarts_adv_step(
            search, data, data, radius=RADIUS, noise=noise, steps=params.steps
        ),
        "dropnas": lambda: reference_dropnas.dropnas_step(search, data, keep=dropped),  # on the host, where it is read
        "darts-1level": lambda: reference_dropnas.dropnas_step(search, data),
    }.get(method)


def network(space, config, device):
    """Return the plain network of a space, of a configuration's width and depth, on a device."""
    if space == "nasbench201":
        made = NASBench201(config.channels, config.cells, dtype=torch.float32).to(device)
        made.alphas = made.alphas.detach().to(device).requires_grad_()
    else:
        made = OneShot(int(space[-1]), config.channels, config.cells, dtype=torch.float32).to(device)
        made.alphas = [alpha.detach().to(device).requires_grad_() for alpha in made.alphas]
    return made


def samples_of(side, batch, device):
    """Return a batch of noise."""
    return torch.randn(batch, 3, side, side).to(device), torch.randint(10, (batch,)).to(device)
