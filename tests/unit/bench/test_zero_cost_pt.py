"""Zero-Cost-PT: what it keeps and chooses; through the runner, its points, its resumption, the same in any group."""

import pytest
import torch

from bench.machine.setting import Setting
from bench.methods import zero_cost_pt
from bench.runs import plan
from bench.runs.execution import run_group
from bench.steps.learner import Samples
from bench.steps.untrained import Untrained
from results.errors import InputError
from results.records.store import Store
from spaces.base import Arch

SMALL = ("run=['zero-cost-pt']", "methods.zero-cost-pt.proposals=2", "methods.zero-cost-pt.batch=6")
SMALL += ("methods.zero-cost-pt.batches=2", "supernet.channels=2")


@pytest.fixture
def arm(cut_down):
    def of(space="nasbench201", *overrides):
        return cut_down(f"spaces=['{space}']", *SMALL, *overrides).arm(space, "zero-cost-pt")

    return of


def archs_of(arm, images, root, seeds, stop=None):
    """Return the architectures of each seed's record; ``stop`` interrupts after that point and continues."""
    setting = Setting(Store(root), torch.device("cpu"), checkpoint_seconds=0.0)

    def interrupted(group, epoch, rows):
        if epoch == stop:
            raise KeyboardInterrupt

    for progress in (interrupted, lambda *_: None):
        try:
            for group in plan.plan([arm.narrowed(seeds)], setting.store):
                run_group(group, images, setting, progress)
        except KeyboardInterrupt:
            assert not list(setting.store.records())
    return {record.run.seed: list(record.points["arch"]) for record in setting.store.records()}


def test_a_proposal_keeps_the_choices_without_which_the_score_falls_most(start, monkeypatch):
    learner = start("nasbench201", "darts").learner
    kept = torch.nn.functional.one_hot(torch.tensor([[3, 1, 4, 0, 2, 3], [0, 0, 1, 2, 3, 4]]), 5)
    monkeypatch.setattr(zero_cost_pt, "supernet_score", lambda learner, frozen, mix, samples: (mix * kept).sum((1, 2)))
    params, samples = zero_cost_pt.Params(), lambda purpose, number, batch, count: range(count)
    untrained = Untrained(learner.net.space, (0, 1), params, lambda: learner, samples, lambda arch, seed: None)
    assert zero_cost_pt.proposal(untrained, 1) == learner.net.space.decode(kept.numpy())


def test_of_the_proposals_the_one_with_the_highest_score_over_all_batches_is_chosen(monkeypatch):
    """And of equals the first; a network is of one architecture, and its score of one batch."""
    scores = {"a": (1.0, 5.0), "b": (4.0, 3.0), "c": (3.0, 4.0), "d": (6.0, 0.0)}
    monkeypatch.setattr(
        zero_cost_pt, "network_kernel", lambda network, images: scores[network][int(images[0, 0, 0, 0])]
    )
    monkeypatch.setattr(zero_cost_pt, "score", torch.tensor)
    proposals = [[Arch("", key) for key in keys] for keys in ("ad", "bc", "ca", "bb")]  # those of both seeds
    batches = [Samples(torch.full((1, 1, 1, 2, 1), batch), None) for batch in (0, 1)]
    params, samples = zero_cost_pt.Params(), lambda purpose, number, batch, count: batches
    untrained = Untrained(None, (0, 1), params, None, samples, lambda arch, seed: arch.key)
    assert [arch.key for arch in zero_cost_pt.choice(untrained, proposals)] == ["b", "c"]


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-1"])
def test_a_seed_finds_the_same_alone_together_and_resumed(arm, noise_images, tmp_path, monkeypatch, space):
    mine, made, proposal = arm(space), [], zero_cost_pt.proposal
    monkeypatch.setattr(zero_cost_pt, "proposal", lambda untrained, n: made.append(n) or proposal(untrained, n))
    together = archs_of(mine, noise_images, tmp_path / "together", (0, 1))
    made.clear()
    alone = archs_of(mine, noise_images, tmp_path / "alone", (1,), stop=1)
    assert made == [1, 2]  # the first one came from a checkpoint
    assert alone[1] == together[1]
    assert together[0] != together[1]
    for archs in together.values():
        assert len(archs) == 4  # the initialisation, two proposals, the choice
        assert archs[3] in archs[1:3]


def test_one_proposal_is_the_result(arm, noise_images, tmp_path):
    mine = arm("nasbench201", "methods.zero-cost-pt.proposals=1", "methods.zero-cost-pt.order=fixed")
    assert mine.protocol.training.epochs == 1
    assert len(archs_of(mine, noise_images, tmp_path, (0,))[0]) == 2


def test_images_that_look_the_same_are_refused():
    with pytest.raises(InputError, match=r"lower params\.batch"):
        zero_cost_pt._finite(torch.tensor([3.0, -torch.inf]))
