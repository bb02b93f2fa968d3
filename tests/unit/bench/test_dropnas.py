"""DropNAS's adjustment of the kept alphas."""

import pytest
import torch

from bench.methods import dropnas


@pytest.fixture
def row():
    """Return a row of four operations of which two are dropped, the padding behind them, and which are kept."""
    mask = torch.tensor([[True, True, True, True, False]])
    kept = torch.tensor([[[True, False, True, False, False]]])
    return mask, kept


@pytest.mark.parametrize("gap", [0.0, 3.0, 30.0, 200.0, -30.0])
def test_alphas_far_apart_stay_finite_and_keep_their_share(row, gap):
    """In float32 a share rounds to one beyond a gap of about 17; its logit is told by the alphas all the same."""
    mask, kept = row
    before = torch.tensor([[[gap, 0.2, gap - 1, -0.1, 0.0]]])
    alpha = before + torch.tensor([[[0.3, -0.4, 0.1, 0.2, 0.0]]])
    moved = alpha.clone()
    dropnas.adjust(moved, dropnas.log_odds(before, kept, mask), kept, mask)
    assert moved.isfinite().all()
    assert torch.equal(moved[~kept], alpha[~kept])
    shift = (moved - alpha)[kept]
    assert shift[0] == pytest.approx(shift[1].item(), abs=1e-4)
    odds = [dropnas.log_odds(each.double(), kept, mask).item() for each in (before, moved)]
    assert odds[0] == pytest.approx(odds[1], abs=1e-4)


def test_where_nothing_is_dropped_nothing_moves(row):
    mask, _ = row
    kept = mask.expand(1, 1, 5)
    alpha = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 0.0]]])
    moved = alpha.clone()
    dropnas.adjust(moved, dropnas.log_odds(alpha, kept, mask), kept, mask)
    assert torch.equal(moved, alpha)


def test_a_clip_of_zero_clips_nothing(start):
    """As in the experiment's own training."""
    ends = []
    for clip in ("0", "1e9"):
        begun = start("nasbench201", "darts-1level", f"methods.darts-1level.clip={clip}")
        before = begun.learner.state.weights.clone()
        begun.step(begun.batches()[0])
        assert not torch.equal(begun.learner.state.weights, before)
        ends.append(begun.learner.state.weights)
    assert torch.equal(*ends)
