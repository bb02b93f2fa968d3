"""Seeds that share a supernet are as good as alone: whichever the others are, and in whatever order."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from bench.arms import About, Arm
from bench.feed import Feed
from bench.images.datasets import Images
from bench.methods import method as methods
from bench.protocol import ImagesConfig, Measure, Protocol
from bench.steps.learner import Learner, initial_state
from spaces import find
from spaces.edge_weights import searched
from spaces.supernet.network import Supernet

from ..pairs import PAIRS, fitting
from .product import TRAINING

EPOCHS = 2
#: Images to search on; two levels have half of them each, and so one step an epoch.
IMAGES = 12
SETTINGS = replace(TRAINING, epochs=EPOCHS, batch=6, clip_mix=True, alpha_batches="fresh")


def small_images():
    """Return random images, some to search on and 4 to test."""
    generator = torch.Generator().manual_seed(0)

    def some(count):
        pixels = torch.randint(256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
        return pixels, torch.randint(10, (count,), generator=generator)

    return Images("random", *some(IMAGES), *some(4), 10, (0.5,) * 3, (0.25,) * 3, "")


def start(space_id, method_id, seeds, form="grouped"):
    """Return learner and feed of a group of seeds."""
    space, method = find(space_id), methods.find(method_id)
    config = replace(space.supernet, channels=8 if fitting(method_id) else 2, cells=1, layers=0)
    protocol = Protocol(
        images=ImagesConfig("random", crop_padding=1),
        supernet=method.supernet(config, space, method.params()),
        training=SETTINGS,
        measure=Measure(),
        params=method.params(),
    )
    space = searched(space, protocol.supernet)
    images = small_images()
    net = Supernet(space, protocol.supernet, form=form)
    state = initial_state(net, seeds, torch.float64, "cpu")
    feed = Feed(
        images,
        Arm(About("parity", "parity"), space_id, method_id, method_id, method.label, protocol, seeds),
        seeds,
        dtype=torch.float64,
        device=torch.device("cpu"),
    )
    return Learner(net, state, protocol.training), feed


def share(learner, index):
    """Return all that a learner holds of one seed."""
    state = learner.state
    found = {
        "weights": state.weights[index],
        "momentum": state.momentum[index],
        "alpha": state.alpha[index],
        "first": state.first[index],
        "second": state.second[index],
        "alpha squares": learner.alpha_squares[index],
        "weight squares": learner.weight_squares[index],
    }
    for name, (mean, variance) in state.statistics.items():
        found[f"{name} mean"], found[f"{name} variance"] = mean[index], variance[index]
    return {name: each.clone() for name, each in found.items()}


@cache
def run(space_id, method_id, seeds, form="grouped"):
    """Search with a group of seeds; return each seed's start, end and losses."""
    method = methods.find(method_id)
    learner, feed = start(space_id, method_id, seeds, form)
    starts = [share(learner, index) for index in range(len(seeds))]
    losses = []
    for epoch in range(EPOCHS):
        for batch in map(feed.batch, feed.drawn(epoch)):
            assert method.step is not None
            losses.append(method.step(learner, batch, feed.protocol.params).loss)
    assert len(losses) == EPOCHS * IMAGES // method.levels // SETTINGS.batch
    ends = [share(learner, index) for index in range(len(seeds))]
    for index, end in enumerate(ends):
        end["losses"] = torch.stack(losses)[:, index]
        starts[index]["losses"] = torch.zeros_like(end["losses"])
    return {seed: (starts[index], ends[index]) for index, seed in enumerate(seeds)}


def assert_same_search(one, other, limit=1e-9):
    """Compare two searches of a seed by the distance that one of them moved; some means of normalised maps are zero."""
    (first, end), (other_first, other_end) = one, other
    for name in end:
        assert torch.equal(first[name], other_first[name]), name
        moved = (end[name] - first[name]).abs().max().item()
        difference = (end[name] - other_end[name]).abs().max().item()
        assert difference <= limit * max(moved, 1e-5), (name, difference, moved)


@pytest.mark.parametrize(("space", "method"), PAIRS)
def test_a_seed_is_as_it_is_alone_and_neither_order_nor_companions_matter(space, method):
    together, others, alone = (run(space, method, seeds) for seeds in ((0, 1), (1, 7), (1,)))
    for search in (others[1], alone[1]):
        assert_same_search(search, together[1], limit=1e-9)


@pytest.mark.parametrize(("space", "method"), [("nasbench201", "sdarts-adv"), ("nasbench1shot1-3", "darts")])
def test_the_form_of_the_convolutions_does_not_matter(space, method):
    looped = run(space, method, (0, 1), "loop")
    for seed, search in run(space, method, (0, 1)).items():
        assert_same_search(search, looped[seed])


@pytest.mark.parametrize(("space", "method"), PAIRS)
def test_two_seeds_differ(space, method):
    learner, feed = start(space, method, (0, 1))
    for name in ("weights", "alpha"):
        assert not torch.equal(share(learner, 0)[name], share(learner, 1)[name])
    drawn = []
    for epoch in range(9):
        for batch in map(feed.batch, feed.drawn(epoch)):
            for samples in (batch.train, batch.valid):
                if samples is not None:
                    assert not torch.equal(samples.images[..., 0, :], samples.images[..., 1, :])
            drawn.append(batch.draws)
    for name in drawn[0]:
        assert any(not torch.equal(*draws[name]) for draws in drawn), name
    random = torch.cat([torch.full((piece.size,), piece.bound > 0) for piece in learner.net.layout.pieces])
    (_, first), (_, second) = run(space, method, (0, 1)).values()
    for name, those in (("weights", random), ("alpha", learner.mask), ("losses", slice(None))):
        assert not torch.isclose(first[name][those], second[name][those], rtol=1e-9, atol=0).any(), name
