from unittest import mock

import numpy as np
import pytest
import torch

import spaces
from bench.measure import measurements
from bench.methods import method
from bench.search import START, Position, proposals, search
from bench.steps.untrained import Untrained


def points_of(begun, at=START):
    return list(search(begun.learner, begun.feed, at=at))


def test_a_search_yields_the_initialisation_and_every_epoch(start):
    points = points_of(start("nasbench201", "darts"))
    assert [p.epoch for p in points] == [0, 1, 2]
    assert not {"train_loss", "valid_loss", "seconds"} & points[0].values.keys()
    assert {"train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "seconds"} <= points[1].values.keys()
    assert all(value.shape == (2,) for point in points for value in point.values.values())


def test_the_architecture_of_a_point_is_that_of_its_alphas(start):
    begun = start("nasbench1shot1-3", "darts")
    space = begun.learner.net.space
    for point in search(begun.learner, begun.feed):
        table = np.full((2, *space.mask.shape), -np.inf)
        table[:, space.mask] = point.alpha
        assert space.decode(table) == point.archs
        assert torch.equal(begun.learner.state.alpha[:, begun.learner.mask], torch.from_numpy(point.alpha))


@pytest.mark.parametrize("method", ["darts", "sdarts-rs", "dropnas"])
def test_the_losses_are_means_over_the_images_of_an_epoch(start, method):
    expected, counted = start("nasbench201", method), start("nasbench201", method)
    loss, correct, images = torch.zeros(2, dtype=torch.float64), torch.zeros(2), 0
    for batch in expected.batches(0):
        outcome = expected.step(batch)
        size = batch.train.labels.shape[1]
        loss, correct, images = loss + outcome.loss * size, correct + outcome.correct, images + size
    point = points_of(counted)[1]
    np.testing.assert_allclose(point.values["train_loss"], loss / images, rtol=1e-12)
    np.testing.assert_allclose(point.values["train_accuracy"], 100 * correct / images, rtol=1e-6)


def test_a_search_goes_on_after_the_epochs_done(start):
    whole, begun = start("nasbench201", "sdarts-rs"), start("nasbench201", "sdarts-rs")
    points = points_of(whole)
    iterator = search(begun.learner, begun.feed)
    for _ in range(2):
        next(iterator)
    (last,) = points_of(begun, at=Position(1))
    assert last.epoch == 2
    assert np.array_equal(last.alpha, points[-1].alpha)


def test_the_eigenvalue_is_measured_as_often_as_asked(start, monkeypatch):
    monkeypatch.setattr(measurements, "eigenvalue", lambda learner, feed, epoch: np.array([epoch, -epoch]))

    def measured(every):
        begun = start("nasbench201", "darts", f"measure.eigenvalue_every={every}", "training.epochs=3")
        return [p.values["eigenvalue"][0] for p in points_of(begun) if "eigenvalue" in p.values]

    assert measured(0) == []
    assert measured(1) == [0, 1, 2, 3]
    assert measured(2) == [0, 2]


def test_measuring_does_not_change_the_search(start):
    plain = points_of(start("nasbench201", "darts", "training.epochs=1"))
    more = ("training.epochs=1", "measure.eigenvalue_every=1", "measure.valid_images=3")
    measured = points_of(start("nasbench201", "darts", *more))
    for one, other in zip(plain, measured, strict=True):
        assert np.array_equal(one.alpha, other.alpha)


def untrained(space, seeds):
    """Return what a method that never looks at a supernet proposes from."""
    missing = mock.Mock(side_effect=AssertionError)
    return Untrained(spaces.find(space), seeds, None, missing, missing, missing)


def test_random_search_yields_every_point_without_losses():
    points = list(proposals(method.find("random"), untrained("nasbench1shot1-1", (0, 1)), 3, []))
    assert [p.epoch for p in points] == [0, 1, 2, 3]
    assert all(p.values == {} for p in points)
    assert all(np.isnan(p.alpha).all() and p.alpha.shape == (2, 24) for p in points)


def test_random_search_is_uniform_over_the_choices():
    space = spaces.find("nasbench201")
    points = proposals(method.find("random"), untrained("nasbench201", tuple(range(20))), 199, [])
    archs = [a for point in points for a in point.archs]
    tables = np.stack([space.khot(arch) for arch in archs])  # 4,000 architectures
    # five standard deviations around one in five
    assert np.abs(tables.mean(0) - 0.2).max() < 5 * (0.2 * 0.8 / len(archs)) ** 0.5
    assert len(set(archs)) > 3000


def test_proposals_go_on_from_those_that_are_there():
    random, seeds = method.find("random"), untrained("nasbench201", (0, 3))
    whole = [point.archs for point in proposals(random, seeds, 4, [])]
    rest = list(proposals(random, seeds, 4, whole[:2]))
    assert [point.epoch for point in rest] == [2, 3, 4]
    assert [point.archs for point in rest] == whole[2:]
