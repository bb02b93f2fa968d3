"""DARTS-PT: which row is fixed when, what is tried, and the choices of a public log."""

import pytest
import torch

import spaces
from bench.images.split import Split
from bench.methods import darts_pt, method
from bench.selecting import select, tried_at
from bench.steps.rows import order_of, settled, without
from bench.steps.selection import Round

SPACE = spaces.find("nasbench201")
NONE, SKIP, CONV1, CONV3, POOL = range(5)


def row(target, source):
    return SPACE.cell.edges.index((source, target))


@pytest.mark.parametrize(
    ("interval", "count", "before"),
    [(5, 25, [0, 5, 10, 15, 20, 24]), (1, 6, [0, 1, 2, 3, 4, 5]), (2, 10, [0, 2, 4, 6, 8, 9])],
)
def test_the_rows_are_fixed_as_in_the_authors_code_the_last_one_before_the_last_epoch(interval, count, before):
    params = darts_pt.Params(interval=interval)
    assert darts_pt.rounds(params, SPACE) == count
    turns = [darts_pt.turn(params, SPACE, number) for number in range(count)]
    assert [number for number, turn in enumerate(turns) if turn is not None] == before
    assert [turn for turn in turns if turn is not None] == list(range(6))


#: AI-Tech-Research-Lab/AsquaredM at 5a303f9, dartspt/experiments/nasbench201/search-darts-201-0, seed 0: the edge, the
#: accuracy without none, skip, 1x1, 3x3 and pooling, and what it kept.
LOG = [
    ((3, 1), (85.42, 54.64, 57.54, 77.74, 85.11), SKIP),
    ((1, 0), (81.87, 11.72, 67.95, 60.77, 82.00), SKIP),
    ((3, 2), (79.95, 63.51, 61.32, 65.25, 80.06), CONV1),
    ((2, 1), (78.16, 75.64, 75.31, 67.14, 78.27), CONV3),
    ((3, 0), (81.07, 18.26, 79.57, 76.19, 80.42), SKIP),
    ((2, 0), (78.58, 60.43, 78.17, 77.14, 78.36), SKIP),
]


def test_the_accuracies_of_a_public_log_give_its_cell():
    table = torch.zeros(1, 6, 5, dtype=torch.float64)
    for edge, accuracies, kept in LOG:
        place = row(*edge)
        table = settled(table, SPACE, [place], torch.tensor([accuracies]))
        assert table[0, place].tolist() == [float(column == kept) for column in range(5)]
    assert table.any(-1).all()
    (arch,) = SPACE.decode(table.numpy())
    assert arch.key == "|skip_connect~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|skip_connect~1|nor_conv_1x1~2|"


def test_of_equals_the_first_choice_is_kept():
    table = settled(torch.zeros(2, 6, 5), SPACE, [1, 4], torch.tensor([[7.0, 3, 3, 3, 9], [5.0] * 5]))
    assert table[0, 1].tolist() == [0, 1, 0, 0, 0]
    assert table[1, 4].tolist() == [1, 0, 0, 0, 0]


def test_a_row_that_keeps_several_keeps_those_that_are_missed_most():
    space = spaces.find("nasbench1shot1-3")
    place = next(index for index, each in enumerate(space.rows) if each.keep == 2 and len(each.choices) > 3)
    scores = torch.tensor([[50.0, 20, 60, 10, 70, 80, 90][: space.mask.shape[1]]])
    table = settled(torch.zeros(1, *space.mask.shape), space, [place], scores)
    assert table[0, place].nonzero().flatten().tolist() == [1, 3]


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-2"])
def test_the_order_of_rows_is_a_permutation_with_operations_first(space):
    found = spaces.find(space)
    order = order_of(found, "random", torch.Generator().manual_seed(3))
    assert sorted(order) == list(range(len(found.rows)))
    kinds = [found.rows[index].operations for index in order]
    assert kinds == sorted(kinds, reverse=True)
    assert order != order_of(found, "fixed", torch.Generator().manual_seed(3))


def test_nothing_is_lost_without_none_and_all_other_weights_stay(start):
    begun = start("nasbench201", "darts-pt")
    learner = begun.learner
    (batch, *_) = begun.batches(0)
    learner.state.fixed = torch.zeros_like(learner.state.alpha)
    learner.state.fixed[:, 0, SKIP] = 1
    mix = learner.mix()
    left = without(mix, [2, 4], NONE)
    assert (mix - left).count_nonzero() == 2
    whole = learner.loss(learner.state.weights, mix, batch.valid, update=False)
    lacking = learner.loss(learner.state.weights, left, batch.valid, update=False)
    assert torch.equal(whole.loss, lacking.loss)
    others = learner.loss(learner.state.weights, without(mix, [2, 4], CONV3), batch.valid, update=False)
    assert not torch.equal(whole.loss, others.loss)


def test_the_only_operation_that_carries_the_signal_is_kept(start):
    """Every other edge is closed, and the mix of this one is its 3x3 convolution alone."""
    limits = ("images.limit=20", "training.batch=20", "supernet.channels=4", "images.crop_padding=0")
    begun = start("nasbench201", "darts-pt-fixed", *limits, "methods.darts-pt-fixed.order=fixed", seeds=(0,))
    learner, feed = begun.learner, begun.feed
    feed.split = Split(feed.split.weights, feed.split.weights)
    place = row(3, 0)
    learner.state.fixed = torch.zeros_like(learner.state.alpha)
    learner.state.fixed[:, :, NONE] = 1
    learner.state.fixed[:, place] = 0
    learner.state.alpha[:, place] = -1e4
    learner.state.alpha[:, place, CONV3] = 0
    for epoch in range(15):
        for batch in begun.batches(epoch):
            begun.step(batch)
    mix = learner.mix()
    mixes = torch.stack([without(mix, [place], choice) for choice in range(5)], dim=1)
    (drawn,) = feed.trial(0, 5)
    correct = tried_at(learner, learner, feed, begun.method.select, {**drawn, "mixes": mixes}).correct[0].tolist()
    assert correct[CONV3] < min(correct[:CONV3] + correct[POOL:])
    table = settled(learner.state.fixed, SPACE, [place], torch.tensor([correct]))
    assert table[0, place].argmax() == CONV3


def test_a_trial_sees_every_image_of_the_half_once_and_moves_running_statistics(start):
    begun = start("nasbench201", "darts-pt")
    steps = list(begun.feed.trial(0, 5))
    for index in range(2):
        seen = torch.cat([drawn["tried/index"][index] for drawn in steps])
        assert sorted(seen.tolist()) == begun.feed.split.alphas.tolist()
    assert len(steps[0]) > 1  # crops beside the index
    mean = begun.learner.state.statistics["stem.bn"][0].clone()
    mixes = begun.method.select.tries(begun.learner, Round(0, (0, 1), begun.protocol.params))
    weights = begun.learner.state.weights.clone()
    tried_at(begun.learner, begun.learner, begun.feed, begun.method.select, {**steps[0], "mixes": mixes})
    assert not torch.equal(begun.learner.state.statistics["stem.bn"][0], mean)
    assert torch.equal(begun.learner.state.weights, weights)


def test_fixed_alphas_stay_where_they_were_drawn_through_search_and_selection(start):
    begun = start("nasbench201", "darts-pt-fixed")
    learner, alpha = begun.learner, begun.learner.state.alpha.clone()
    for batch in begun.batches(0):
        begun.step(batch)
    for _ in select(learner, begun.feed):
        assert torch.equal(learner.state.alpha, alpha)
    assert alpha.abs().max() < 0.01
    assert learner.state.steps == 0


def test_it_refuses_spaces_in_which_rows_compete():
    for method_id in ("darts-pt", "darts-pt-fixed"):
        found = method.find(method_id)
        where = {name for name in spaces.names() if not found.spaces(spaces.find(name))}
        assert where == {"nasbench201", *(f"nasbench1shot1-{k}" for k in (1, 2, 3))}
        assert "compete" in found.spaces(spaces.find("darts"))
