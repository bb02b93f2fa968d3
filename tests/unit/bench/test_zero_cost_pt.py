"""Zero-Cost-PT through the runner: its points, its resumption, and its independence of the group."""

import pytest
import torch

from bench.machine.setting import Setting
from bench.methods import zero_cost_pt
from bench.runs import plan
from bench.runs.execution import run_group
from results.errors import InputError
from results.records.store import Store

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


@pytest.mark.parametrize("space", ["nasbench201", "nasbench1shot1-1"])
def test_a_seed_finds_the_same_alone_together_and_resumed(arm, noise_images, tmp_path, space):
    mine = arm(space)
    together = archs_of(mine, noise_images, tmp_path / "together", (0, 1))
    alone = archs_of(mine, noise_images, tmp_path / "alone", (1,), stop=1)
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
