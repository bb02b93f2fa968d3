import torch
import torch.nn.functional as F

from spaces.supernet import ops

SEEDS, BATCH, SIDE = 3, 2, 6


def maps(channels, *, seed=0, side=SIDE):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, side, side, SEEDS, channels, generator=generator, dtype=torch.float64)


def of_seed(x, seed):
    """One seed's maps in PyTorch's own order."""
    return x[:, :, :, seed].permute(0, 3, 1, 2)


def test_seeds_stand_one_after_the_other_in_the_channels():
    x = maps(2)
    nchw = ops.to_nchw(x)
    assert nchw.shape == (BATCH, SEEDS * 2, SIDE, SIDE)
    assert torch.equal(nchw[:, 2:4], of_seed(x, 1))
    assert torch.equal(ops.from_nchw(nchw, SEEDS), x)


def test_the_change_of_view_copies_nothing():
    x = maps(2)
    assert ops.to_nchw(x).data_ptr() == x.data_ptr()
    assert ops.to_nchw(x).is_contiguous(memory_format=torch.channels_last)


def test_the_padding_of_an_average_does_not_count():
    ones = torch.ones(1, 4, 4, 2, 1, dtype=torch.float64)
    assert torch.equal(ops.avg_pool(ones, kernel=3, stride=1, padding=1), ones)


def test_pooling_treats_every_seed_on_its_own():
    x = maps(2, side=5)
    highest = ops.max_pool(x, kernel=2, stride=2, padding=1)
    mean = ops.avg_pool(x, kernel=2, stride=2, padding=0)
    for seed in range(SEEDS):
        assert torch.equal(of_seed(highest, seed), F.max_pool2d(of_seed(x, seed), 2, 2, 1))
        assert torch.equal(of_seed(mean, seed), F.avg_pool2d(of_seed(x, seed), 2, 2))
