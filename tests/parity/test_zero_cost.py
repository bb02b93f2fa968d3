"""Zero-Cost-PT's score of a supernet against the plain network, whose every operation has a ReLU of its own."""

import pytest
import torch

from bench.methods.zero_cost_pt import supernet_score
from bench.steps.learner import Samples
from bench.steps.patterns import agreement, network_kernel, score

from . import product
from .product import TRAINING
from .small import batch_of
from .test_supernet import mixes_of, networks_of


def counted(inputs):
    """Return x x' + (1 - x)(1 - x)', x = [input > 0], summed over ReLUs."""
    fires = [(x > 0).double().flatten(1) for x in inputs]
    return sum(x @ x.T + (1 - x) @ (1 - x).T for x in fires)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("name", ["nasbench201", "oneshot 1", "oneshot 3 published"])
def test_score_of_a_supernet(name, zeros, monkeypatch):
    networks = networks_of(name)
    learner = product.learner(networks, TRAINING, form="grouped")
    mixes, batches = mixes_of(networks, zeros), [batch_of(seed, 6, 16) for seed in range(len(networks))]
    samples = Samples(product.images([x for x, _ in batches]), torch.stack([y for _, y in batches]))
    found = supernet_score(learner, learner.freeze(), product.table(networks, mixes), samples)

    relu, inputs = torch.relu, []
    monkeypatch.setattr(torch, "relu", lambda x: (inputs.append(x), relu(x))[1])
    for seed, (network, mix, (x, _)) in enumerate(zip(networks, mixes, batches, strict=True)):
        inputs.clear()
        network.eval()
        with torch.no_grad():
            network(x, mix)
        expected = torch.linalg.slogdet(counted(inputs)).logabsdet
        assert abs(found[seed] - expected) < 1e-9 * abs(expected), name


def test_agreement_of_rows_of_signs():
    signs = torch.tensor([[1.0, -1, 1, 1], [1, 1, -1, 1], [-1, -1, 1, -1]])
    expected = torch.tensor([[4.0, 2, 2], [2, 4, 0], [2, 0, 4]], dtype=torch.float64)
    assert torch.equal(agreement(signs), expected)
    assert score(expected).item() == pytest.approx(3.4657359, abs=1e-6)  # ln 32


def test_order_of_images_and_equal_images():
    x = torch.randn(5, 40, generator=torch.Generator().manual_seed(0))
    assert score(agreement(x[[3, 1, 4, 0, 2]])).item() == pytest.approx(score(agreement(x)).item(), abs=1e-9)
    assert not score(agreement(x[[0, 1, 1]])).isfinite()


def test_kernel_of_a_network_counts_its_relus():
    net = torch.nn.Sequential(torch.nn.Identity(), torch.nn.ReLU(), torch.nn.Linear(4, 3), torch.nn.ReLU())
    x = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = counted([x, net[2](net[1](x))])
    assert torch.equal(network_kernel(net, x), expected)
    assert not net[1]._forward_pre_hooks
