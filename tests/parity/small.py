"""Small networks, batches and draws for the tests of this directory."""

import torch

from . import reference_nasbench1shot1 as oneshot
from . import reference_nasbench201 as nasbench201

SPACES = ["nasbench201", "1", "2", "3"]


def network_of(space, seed=0):
    torch.manual_seed(seed)
    if space == "nasbench201":
        network = nasbench201.Network(channels=2, cells=1)
    else:
        network = oneshot.Network(int(space), channels=2, cells_per_stack=1)
    for alpha in network.arch_parameters():  # far enough apart that ties and orders do not decide
        alpha.data.normal_(std=0.5)
    return network


def batch_of(seed, size=4, side=8):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 3, side, side, generator=generator, dtype=torch.float64)
    return images, torch.randint(10, (size,), generator=generator)


def noise_for(search, seed):
    generator = torch.Generator().manual_seed(seed)
    return [2 * torch.rand(a.shape, generator=generator, dtype=a.dtype) - 1 for a in search.alphas]


def values(search):
    return [each.detach().clone() for each in [*search.weights, *search.alphas]]


def furthest(first, second):
    return max((a - b).abs().max().item() for a, b in zip(first, second, strict=True))
