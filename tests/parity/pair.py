"""A plain search of each of some seeds beside the suite's search of all of them, step by step.

Every comparison is of a difference with the distance that the plain search has moved so far.
"""

import random
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from bench.methods import method as methods
from bench.steps import onelevel
from bench.steps.learner import Batch, Samples

from . import product
from . import reference_dropnas as dropnas
from . import reference_methods as darts
from . import reference_nasbench1shot1 as oneshot
from . import reference_nasbench201 as nasbench201
from . import reference_sdarts as sdarts
from .product import TRAINING
from .small import batch_of, noise_for

SEEDS = 2
STEPS = 2
NETWORKS = {
    "nasbench201": partial(nasbench201.Network, 3, 1),
    "nasbench201 conv bias untracked": partial(
        nasbench201.Network, 2, 1, track=False, last_track=False, last_affine=False, conv_bias=True
    ),
    **{f"oneshot {space}": partial(oneshot.Network, space, 2, 1) for space in (1, 2, 3)},
    "oneshot 2 published": partial(oneshot.Network, 2, 2, 1, published_cell=True),
}
SPACES = ["nasbench201", "oneshot 1", "oneshot 2", "oneshot 3"]


class Pair:
    """The plain searches of some seeds, one each, and the suite's search of all of them."""

    def __init__(self, name, training=TRAINING, *, one_level=False, form="grouped"):
        self.networks = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            network = NETWORKS[name]()
            for alpha in network.arch_parameters():  # spread out, so that perturbations reach zero
                alpha.data.normal_(std=0.7)
            self.networks.append(network)
        if name.startswith("nasbench201"):
            training = replace(training, clip_mix=True)
        self.training = training
        self.learner = product.learner(self.networks, training, form=form)
        clip = onelevel.Params().clip if one_level else training.clip
        self.searches = [
            darts.Search(
                network,
                momentum=training.momentum,
                nesterov=training.nesterov,
                weight_decay=0.0 if one_level else training.weight_decay,
                alpha_decay=0.0 if one_level else training.alpha_decay,
                clip=clip if clip > 0 else None,
                clip_over="mix" if training.clip_mix and not one_level else "weights",
            )
            for network in self.networks
        ]
        self.start = self.plain()

    def plain(self) -> dict[str, Tensor]:
        """Return what the plain searches hold, in the suite's form."""

        def momentum(seed):
            state = self.searches[seed].sgd.state
            return lambda weight: state[weight].get("momentum_buffer", torch.zeros_like(weight))

        net = self.learner.net
        found = {
            "weights": product.flat(net, self.networks),
            "momentum": torch.cat(
                [product.flat(net, [network], momentum(s)) for s, network in enumerate(self.networks)]
            ),
            "alpha": product.table(self.networks, [search.alphas for search in self.searches]),
        }
        tracked = [product.statistics(network) for network in self.networks]
        for name in tracked[0]:
            found[f"{name} mean"] = torch.stack([each[name][0] for each in tracked])
            found[f"{name} variance"] = torch.stack([each[name][1] for each in tracked])
        return found

    def suite(self) -> dict[str, Tensor]:
        """Return the same of the suite's search."""
        state = self.learner.state
        found = {"weights": state.weights, "momentum": state.momentum, "alpha": state.alpha}
        for name, (mean, variance) in state.statistics.items():
            found[f"{name} mean"], found[f"{name} variance"] = mean, variance
        return found

    def compare(self, *, with_statistics=True, limit=1e-9):
        plain, suite = self.plain(), self.suite()
        if self.training.momentum == 0:  # torch keeps no buffer then
            del plain["momentum"]
        for name, expected in plain.items():
            if with_statistics or name in ("weights", "momentum", "alpha"):
                moved = (expected - self.start[name]).abs().max().item()
                difference = (expected - suite[name]).abs().max().item()
                assert moved > 0, name
                assert difference <= limit * moved, (name, difference, moved)

    def samples(self, batches) -> Samples:
        return Samples(product.images([x for x, _ in batches]), torch.stack([y for _, y in batches]))

    def batch(self, train, valid, lr, draws=None, scalars=None) -> Batch:
        return Batch(
            self.samples(train),
            None if valid is None else self.samples(valid),
            torch.tensor(lr, dtype=torch.float64),
            draws or {},
            {name: torch.tensor(value, dtype=torch.float64) for name, value in (scalars or {}).items()},
        )


ORDERS = {"alpha-first": "alpha-weights", "weights-first": "weights-alpha"}


def run_two_levels(pair, method, plain_step, *, params=None, noisy=False, scalars=None, steps=STEPS):
    """Make the steps with both and compare after each; ``scalars`` are every step's, without noise."""
    found = methods.find(method)
    params = params or found.params()
    for step in range(steps):
        rate = darts.cosine_rate(step, steps, shifted=True)
        radius = sdarts.perturbation_radius(step, steps)
        batches = [[batch_of(1000 * seed + 2 * step + half, 4, 8) for seed in range(SEEDS)] for half in (0, 1)]
        noise = [noise_for(search, 100 * seed + step) for seed, search in enumerate(pair.searches)]
        draws = {"noise": product.table(pair.networks, noise)} if noisy else {}
        outcome = found.step(
            pair.learner, pair.batch(*batches, rate, draws, {"epsilon": radius} if noisy else scalars), params
        )
        for seed, search in enumerate(pair.searches):
            search.set_rate(rate)
            options = {"radius": radius, "noise": noise[seed]} if noisy else {}
            losses = plain_step(search, batches[0][seed], batches[1][seed], **options)
            assert outcome.loss[seed].item() == pytest.approx(losses["train"], rel=1e-9)
        pair.compare()


def run_one_level(pair, method, params, *, drop=0.0, with_statistics=True, **options):
    """Make the steps with both and compare after each. Maps are large enough for the authors' test of activity."""
    found = methods.find(method)
    generator = random.Random(0)
    for step in range(STEPS):
        rate = darts.cosine_rate(step, STEPS, highest=0.0375, lowest=0.0015)
        batches = [batch_of(1000 * seed + step, 6, 16) for seed in range(SEEDS)]
        keeps = [
            dropnas.draw_keep(len(search.alphas[0]), search.network.groups, drop, generator) for search in pair.searches
        ]
        kept = torch.from_numpy(pair.learner.net.space.mask).repeat(SEEDS, 1, 1)
        rows, columns = keeps[0].shape
        kept[:, :rows, :columns] = torch.stack(keeps)
        outcome = found.step(pair.learner, pair.batch(batches, None, rate, {"keep": kept} if drop else {}), params)
        for seed, search in enumerate(pair.searches):
            search.set_rate(rate)
            losses = dropnas.dropnas_step(search, batches[seed], keep=keeps[seed], **options)
            assert outcome.loss[seed].item() == pytest.approx(losses["train"], rel=1e-9)
        pair.compare(with_statistics=with_statistics)
