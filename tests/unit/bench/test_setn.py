"""SETN: the most probable cells, the draws of the weight step, and the choice."""

from itertools import product
from types import SimpleNamespace

import pytest
import torch

import spaces
from bench.methods import setn
from bench.steps import bilevel
from bench.steps.selection import Round

SPACE = spaces.find("nasbench201")


def brute_force(mix, count):
    """Return the choices of the most probable cells, of equals the first in lexicographic order."""
    logs = mix.log()
    every = list(product(range(5), repeat=6))
    totals = torch.zeros(len(every), dtype=torch.float64)
    for place in range(6):
        totals += logs[place][[cell[place] for cell in every]]
    order = totals.argsort(descending=True, stable=True)[:count]
    return [list(every[index]) for index in order.tolist()]


@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_the_most_probable_cells_are_those_of_the_whole_list(scale):
    alpha = scale * torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mix = alpha.softmax(-1)
    assert setn.most_probable(mix, SPACE, 100).tolist() == brute_force(mix, 100)


def test_of_equally_probable_cells_the_first_in_order_are_taken():
    mix = torch.full((6, 5), 0.2, dtype=torch.float64)
    first = list(product(range(5), repeat=2))[:7]
    assert setn.most_probable(mix, SPACE, 7).tolist() == [[0, 0, 0, 0, *end] for end in first]


def test_no_more_cells_are_tried_than_there_are():
    assert len(setn.most_probable(torch.full((6, 5), 0.2, dtype=torch.float64), SPACE, 10_000)) == 10_000
    params = setn.Params(candidates=10_000)
    assert setn.METHOD.select.tried(params, SPACE) == 10_000
    small = SimpleNamespace(rows=[SimpleNamespace(choices="ab"), SimpleNamespace(choices="abc")])
    mix = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]], dtype=torch.float64)
    assert setn.most_probable(mix, small, 10).tolist() == [[0, 1], [0, 2], [0, 0], [1, 1], [1, 2], [1, 0]]
    assert [setn.METHOD.select.tried(setn.Params(candidates=count), small) for count in (4, 10)] == [4, 6]


def test_an_operation_of_each_row_is_drawn_uniformly():
    drawn = setn.choices(torch.Generator().manual_seed(0), 20_000, SPACE, None)["choice"]
    assert drawn.shape == (20_000, 6)
    shares = torch.stack([(drawn == choice).double().mean(0) for choice in range(5)])
    assert (shares - 0.2).abs().max() < 5 * (0.2 * 0.8 / 20_000) ** 0.5


def test_weights_see_one_operation_a_row_and_alphas_all(start, monkeypatch):
    begun = start("nasbench201", "setn")
    learner, (batch, *_) = begun.learner, begun.batches(0)
    seen, loss = [], learner.loss

    def watched(weights, mix, *rest, **more):
        seen.append(mix.detach())
        return loss(weights, mix, *rest, **more)

    monkeypatch.setattr(learner, "loss", watched)
    begun.step(batch)
    assert torch.equal(seen[0], learner.mix_of(start("nasbench201", "setn").learner.state.alpha))
    assert torch.equal(seen[1].argmax(-1), batch.draws["choice"])
    assert torch.equal(seen[1].sum(-1), torch.ones(2, 6, dtype=torch.float64))


def test_its_alpha_gradient_is_that_of_darts(start):
    ours, darts = start("nasbench201", "setn"), start("nasbench201", "darts")
    gradient = bilevel.first_order(darts.learner, darts.batches(0)[0])
    ours.step(ours.batches(0)[0])
    torch.testing.assert_close(ours.learner.alpha_squares, gradient.square(), rtol=0, atol=0)


def test_each_seed_keeps_its_best_candidate_the_more_probable_of_equals(start):
    begun = start("nasbench201", "setn")
    now = Round(0, (0, 1), setn.Params(candidates=4, batch=8))
    mixes = setn.tries(begun.learner, now)
    assert mixes.shape == (2, 4, 6, 5)
    assert torch.equal(mixes.sum(-1), torch.ones(2, 4, 6, dtype=torch.float64))
    fixed = setn.decide(begun.learner, now, mixes, torch.tensor([[10.0, 30, 30, 20], [5.0, 4, 3, 6]]))
    assert torch.equal(fixed, torch.stack([mixes[0, 1], mixes[1, 3]]))


def test_a_candidate_has_a_full_batch_of_its_own_without_augmentation(start):
    begun = start("nasbench201", "setn", "methods.setn.batch=8")
    steps = list(begun.feed.trial(0, 5))  # of twenty images: a pass has two batches
    assert len(steps) == 5
    assert all(drawn.keys() == {"tried/index"} and drawn["tried/index"].shape == (2, 8) for drawn in steps)
    first = torch.cat([drawn["tried/index"][0] for drawn in steps[:2]])
    assert len(set(first.tolist())) == 16


def test_it_refuses_spaces_that_choose_more_than_operations():
    assert [name for name in spaces.names() if not setn.fault(spaces.find(name))] == ["nasbench201"]
