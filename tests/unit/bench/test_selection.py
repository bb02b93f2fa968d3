"""The stage after the last epoch, through the runner: its points, its resumption, and what may be captured."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from bench.methods import method
from bench.runs.group import GroupState
from bench.search import Position, step_of
from bench.selecting import select, tried_at
from bench.steps.selection import Round
from results.records.store import Store

from .test_capture import Watch

SHORT = ("training.epochs=1", "training.batch=8", "methods.setn.candidates=3", "methods.setn.batch=4")
#: Spaces and methods, and how many steps each round of theirs has: three a trial and three an epoch, or one a mix.
STAGES = [
    ("nasbench201", "darts-pt", [6] * 6),
    ("nasbench1shot1-1", "darts-pt-fixed", [6] * 7),
    ("nasbench201", "setn", [3]),
]
EVERY_STAGE = pytest.mark.parametrize(("space", "name", "steps"), STAGES)


class Killed(Exception):
    pass


def rounds_of(begun):
    return list(select(begun.learner, begun.feed))


@EVERY_STAGE
def test_a_record_says_which_points_are_those_of_the_selection(uncut, space, name, steps):
    store = uncut(*SHORT, space=space, method=name, precision="float64")
    for record in store.records():
        points = record.points
        assert list(points["epoch"]) == list(range(len(points)))
        assert list(points["stage"]) == ["search"] * 2 + ["select"] * (len(points) - 2)
        assert list(record.searched["epoch"]) == [0, 1]
        assert len(record.selected) == len(steps)
        assert record.completed == record.epochs == 1
        assert [len(tried) for tried in points["tried"][:2]] == [0, 0]
        assert all(0 <= accuracy <= 100 for tried in points["tried"] for accuracy in tried)
        assert (record.selected["seconds"] > 0).all()
        assert np.isfinite(points["valid_accuracy"].iloc[-1])
        assert list(record.course["arch"]) == [points["arch"].iloc[0], record.final_arch]


@EVERY_STAGE
def test_a_selection_cut_off_after_every_step_equals_an_uninterrupted_one(
    search, uncut, monkeypatch, tmp_path, space, name, steps
):
    of = {"space": space, "method": name, "precision": "float64"}
    whole = uncut(*SHORT, **of)
    cut, save, places = Store(tmp_path / "cut"), GroupState.save, []

    def dies(group, learner, sums=None, **more):
        save(group, learner, sums, **more)
        places.append(Position(group.epoch, sums.steps if sums else 0))
        raise Killed

    monkeypatch.setattr(GroupState, "save", dies)
    while not cut.records():
        try:
            search("cut", *SHORT, **of, checkpoint_seconds=0.0)
        except Killed:
            continue
    assert [r.run for r in cut.records()] == [r.run for r in whole.records()]
    assert all(mine.same(theirs) for mine, theirs in zip(cut.records(), whole.records(), strict=True))
    assert places == sorted(set(places))
    ends = [(1 + number, 0) for number in range(len(steps) + 1)]
    inside = [(1 + number, s) for number, count in enumerate(steps) for s in range(1, count)]
    assert places == sorted([(0, 1), (0, 2), *ends, *inside])  # three steps of the epoch, then those of each round


@EVERY_STAGE
def test_seeds_select_together_what_they_select_alone(uncut, search, space, name, steps):
    together = {r.run.seed: r for r in uncut(*SHORT, space=space, method=name, precision="float64").records()}
    (alone,) = search("alone", *SHORT, space=space, method=name, precision="float64", seeds="1").records()
    assert list(alone.points["arch"]) == list(together[1].points["arch"])
    for mine, theirs in zip(alone.points["tried"], together[1].points["tried"], strict=True):
        assert mine == theirs
    assert list(together[0].points["tried"]) != list(together[1].points["tried"])


@EVERY_STAGE
def test_a_step_of_a_trial_reads_nothing_back_and_copies_nothing_from_the_host(start, space, name, steps):
    begun = start(space, name, *SHORT)
    stage, learner = begun.method.select, begun.learner
    mixes = stage.tries(learner, Round(0, (0, 1), begun.protocol.params))
    drawn = {**next(iter(begun.feed.trial(0, mixes.shape[1]))), "mixes": mixes[:, :2]}
    trial = partial(tried_at, learner, learner, begun.feed, stage)
    expected = trial(drawn).correct
    with Watch():
        found = trial(drawn).correct
    assert torch.equal(found, expected)
    assert expected.shape == (2, 2)


def test_a_step_with_fixed_rows_reads_nothing_back_and_moves_no_mix_of_theirs(start):
    begun = start("nasbench201", "darts-pt", *SHORT)
    learner, state = begun.learner, begun.learner.state
    state.fixed = torch.zeros_like(state.alpha)
    state.fixed[:, 2, 3] = 1
    step = partial(step_of, learner, begun.feed)
    first, second, *_ = begun.feed.drawn(1)
    step(first)
    gradient = learner.alpha_squares.clone()
    with Watch():
        step(second)
    assert not learner.alpha_squares[:, 2].any()
    assert gradient[:, [0, 1, 3, 4, 5]].any(-1).all()
    assert torch.equal(learner.mix()[:, 2], state.fixed[:, 2])
    torch.testing.assert_close(learner.mix().sum(-1), torch.ones(2, 6, dtype=torch.float64))


def test_each_round_fixes_one_row_more_and_the_rate_is_constant(start):
    begun = start("nasbench201", "darts-pt", "methods.darts-pt.interval=2", *SHORT)
    state, fixed = begun.learner.state, []
    state.momentum += 1e9
    rates = {float(drawn["lr"]) for epoch in range(1, 11) for drawn in begun.feed.drawn(epoch)}
    assert rates == {0.1 * 0.025}
    for point in select(begun.learner, begun.feed):
        assert state.fixed is not None
        fixed.append(state.fixed.any(-1).sum(-1).tolist())
        assert set(state.fixed.unique().tolist()) <= {0.0, 1.0}
        assert (point.tried is not None) == (point.epoch in (2, 4, 6, 8, 10, 11))
    assert fixed == [[n, n] for n in (1, 1, 2, 2, 3, 3, 4, 4, 5, 6)]
    assert state.momentum.abs().max() < 1e3  # it started anew


def test_a_selection_changes_nothing_before_it_begins(start):
    """The search of DARTS-PT is that of DARTS, bit for bit."""
    ends = []
    for name in ("darts", "darts-pt"):
        begun = start("nasbench201", name)
        for batch in begun.batches(0):
            begun.step(batch)
        ends.append(begun.learner.state)
    for key in ("weights", "momentum", "alpha", "first", "second"):
        assert torch.equal(getattr(ends[0], key), getattr(ends[1], key))


@pytest.mark.parametrize("name", [name for name in method.names() if method.find(name).select])
def test_a_method_that_selects_keeps_images_for_it_and_counts_what_it_tries(start, name):
    begun = start("nasbench201", name, *SHORT)
    stage, protocol, learner = begun.method.select, begun.protocol, begun.learner
    assert begun.method.levels == 2
    points = rounds_of(begun)
    assert len(points) == stage.rounds(protocol.params, learner.net.space) == begun.feed.rounds
    tried = sum(point.tried.shape[1] for point in points if point.tried is not None)
    assert tried == stage.tried(protocol.params, learner.net.space)
    assert learner.state.fixed.any(-1).all()


def test_an_answer_of_a_network_that_computes_no_numbers_is_wrong(start):
    begun = start("nasbench201", "darts-pt", *SHORT)
    learner, stage = begun.learner, begun.method.select
    learner.state.weights[0] = torch.nan
    mixes = stage.tries(learner, Round(0, (0, 1), begun.protocol.params))
    drawn = {**next(iter(begun.feed.trial(0, 5))), "mixes": mixes}
    assert not tried_at(learner, learner, begun.feed, stage, drawn).correct[0].any()


@pytest.mark.parametrize("name", ["setn", pytest.param("darts-pt", marks=pytest.mark.slow)])  # to record takes seconds
def test_a_recorded_step_of_a_trial_replayed_is_the_step(start, name):
    plain, recorded = (start("nasbench201", name, *SHORT, "training.batch=10") for _ in range(2))
    mixes = plain.method.select.tries(plain.learner, Round(0, (0, 1), plain.protocol.params))
    inputs = [{**drawn, "mixes": mixes} for drawn in plain.feed.trial(0, 2)]

    def trial(begun):
        return partial(tried_at, begun.learner, begun.learner, begun.feed, begun.method.select)

    def statistics(begun):
        return [tensor for pair in begun.learner.state.statistics.values() for tensor in pair]

    trial(recorded)(inputs[0])  # makes the constant tensors
    kept = [tensor.clone() for tensor in statistics(recorded)]
    replay = make_fx(lambda drawn: trial(recorded)(drawn).correct)(dict(inputs[0]))
    for tensor, before in zip(statistics(recorded), kept, strict=True):
        tensor.copy_(before)
    trial(plain)(inputs[0])
    assert torch.equal(replay(inputs[1]), trial(plain)(inputs[1]).correct)
    for ours, theirs in zip(statistics(recorded), statistics(plain), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
