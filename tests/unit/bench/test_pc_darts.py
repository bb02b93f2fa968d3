"""PC-DARTS: its warm-up, its supernet, and what is left of it where nothing is partial."""

import pytest
import torch

from bench.experiments import reading
from bench.methods import method, pc_darts
from results.errors import InputError
from spaces.edge_weights import EdgeWeighted
from tests.pairs import TRAINED, makes_sense

NAMES = ("pc-darts", "pc-sdarts-rs", "pc-sdarts-adv")


def state_of(learner):
    state = learner.state
    return [state.weights, state.momentum, state.alpha, state.first, state.second, state.steps]


def stepped(begun, epochs=2):
    for batch in (batch for epoch in range(epochs) for batch in begun.batches(epoch)):
        begun.step(batch)
    return [*state_of(begun.learner), *sum(begun.learner.state.statistics.values(), ())]


@pytest.mark.parametrize(("share", "epochs", "waits"), [(0.3, 50, 15), (0.3, 100, 30), (0.3, 8, 2), (0.3, 25, 7)])
def test_the_alphas_wait_for_a_share_of_the_epochs(share, epochs, waits):
    assert pc_darts.warm_up(pc_darts.Params(warmup=share), epochs) == waits


@pytest.mark.parametrize("epochs", [1, 2, 3, 10, 50])
def test_the_alphas_never_wait_to_the_end(epochs):
    assert pc_darts.warm_up(pc_darts.Params(warmup=0), epochs) == 0
    assert pc_darts.warm_up(pc_darts.Params(warmup=0.99), epochs) < epochs


@pytest.mark.parametrize("name", NAMES)
def test_in_the_warm_up_the_weights_step_alone(start, name):
    begun = start("darts-s2", name, f"methods.{name}.warmup=0.5", "methods.pc-sdarts-adv.steps=2")
    before = [tensor.clone() for tensor in state_of(begun.learner)]
    for batch in begun.batches(0):
        assert batch.valid is None
        begun.step(batch)
    same = [torch.equal(now, then) for now, then in zip(state_of(begun.learner), before, strict=True)]
    assert same == [False, False, True, True, True, True]
    assert not begun.learner.alpha_squares.any()
    for batch in begun.batches(1):
        assert batch.valid is not None
        begun.step(batch)
    assert int(begun.learner.state.steps) == len(begun.batches(1))


def test_the_batches_after_a_warm_up_are_those_without_one(start):
    waited, at_once = (start("nasbench201", "pc-darts", f"methods.pc-darts.warmup={share}") for share in (0.5, 0))
    for mine, theirs in zip(waited.batches(1), at_once.batches(1), strict=True):
        for one, other in ((mine.train, theirs.train), (mine.valid, theirs.valid)):
            assert torch.equal(one.images, other.images)


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-2", "darts-s2"])
@pytest.mark.parametrize(("name", "base"), [("pc-darts", "darts"), ("pc-sdarts-rs", "sdarts-rs")])
def test_where_nothing_is_partial_it_is_the_method_beneath(start, space, name, base):
    nothing = [f"methods.{name}.{said}" for said in ("k=1", "warmup=0", "edge_weights=false")]
    plain, own = start(space, base, "supernet.channels=8"), start(space, name, *nothing)
    own.feed.method = method.find(base)  # whose draws have a stream of their own
    assert all(torch.equal(a, b) for a, b in zip(stepped(own), stepped(plain), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_the_place_of_what_the_experiment_says(name):
    quick = reading.load("quick", ["supernet.partial=2"])
    assert quick.arm("nasbench201", "darts").protocol.supernet.partial == 2
    arms = {space: quick.arm(space, name) for space in ("nasbench201", "nasbench1shot1-3", "darts-s1")}
    assert {arm.protocol.supernet.partial for arm in arms.values()} == {4}
    assert [arm.protocol.supernet.edge_weights for arm in arms.values()] == [False, False, True]
    assert [isinstance(arm.space, EdgeWeighted) for arm in arms.values()] == [False, False, True]


@pytest.mark.parametrize(
    ("space", "override", "says"),
    [
        ("nasbench201", "supernet.channels=6", "supernet.channels = 6 has no part of one in 4"),
        ("nasbench201", "supernet.channels=2", "take a multiple of 4, 4 or more"),
        ("darts", "supernet.channels=4", "take a multiple of 4, 8 or more"),
    ],
)
def test_too_few_channels_are_refused_with_the_reason(space, override, says):
    quick = reading.load("quick", [override])
    with pytest.raises(InputError, match=says):
        quick.arm(space, "pc-darts")


def test_edges_that_do_not_compete_have_no_weights():
    with pytest.raises(InputError, match="needs edges that compete, and those of nasbench201 do not"):
        reading.load("quick", ["supernet.edge_weights=true"])


def test_the_settings_of_the_authors():
    training = reading.load("paper-darts").arm("darts", "pc-darts").protocol.training
    assert (training.batch, training.lr, training.lr_min, training.alpha_lr) == (256, 0.1, 0.0, 6e-4)
    assert reading.load("paper").arm("nasbench1shot1-1", "pc-darts").protocol.params.warmup == 0


@pytest.mark.parametrize("name", [name for name in TRAINED if makes_sense(name, "darts-s2")])
def test_any_method_can_search_such_a_supernet(start, name):
    says = (
        "supernet.channels=8",
        "supernet.partial=2",
        "space.darts.supernet.edge_weights=true",
        "methods.sdarts-adv.steps=2",
    )
    begun = start("darts-s2", name, *says)
    weights, alpha = begun.learner.state.weights.clone(), begun.learner.state.alpha.clone()
    for batch in begun.batches(1):
        begun.step(batch)
    assert begun.learner.finite().all()
    assert not torch.equal(begun.learner.state.weights, weights)
    assert (begun.learner.state.alpha[:, 28:] != alpha[:, 28:])[:, begun.learner.mask[28:]].any()
