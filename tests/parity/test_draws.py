"""The suite's schedules, constants and random draws against the reference's."""

from dataclasses import replace

import pytest
import torch

from bench.methods import method as methods
from bench.methods import sdarts_rs
from bench.methods.dropnas import drop_probability
from bench.steps import schedule

from . import product
from . import reference_dropnas as dropnas
from . import reference_methods as darts
from . import reference_sdarts as sdarts
from .pair import NETWORKS, SPACES
from .product import TRAINING


def test_schedules():
    for epochs in (25, 50, 100):
        for epoch in range(epochs):
            for shifted in (False, True):
                rate = schedule.cosine(epoch, epochs, 0.025, 0.001, shifted=shifted)
                assert rate == pytest.approx(darts.cosine_rate(epoch, epochs, shifted=shifted), rel=1e-12)
            for method in ("sdarts-rs", "sdarts-adv"):
                found = methods.find(method)
                scalars = found.scalars(found.params(), epoch, epochs)
                expected = sdarts.perturbation_radius(epoch, epochs)
                assert scalars == {"epsilon": pytest.approx(expected, rel=1e-12)}


@pytest.mark.parametrize("method", ["dropnas", "darts-1level"])
def test_the_rate_of_one_level_methods_grows_with_the_batch(method):
    found = methods.find(method)
    for batch, start, end in ((96, 0.0375, 0.0015), (64, 0.025, 0.001)):
        rate = found.rate(found.params(), replace(TRAINING, batch=batch))
        assert (rate.start, rate.end, rate.shifted) == (pytest.approx(start), pytest.approx(end), False)


def test_the_constants_of_the_methods():
    params = methods.find("dropnas").params()
    assert (params.clip, params.weight_decay, params.alpha_decay) == (3.0, 3e-4, 1e-3)
    for size in (2, 3, 4):
        # The authors' code keeps the exponent 1/4 of their groups of four whatever the group.
        assert drop_probability(params, size) == pytest.approx(dropnas.drop_probability(3e-5, 4))
        paper = drop_probability(replace(params, rate_rule="paper"), size)
        assert paper == pytest.approx(dropnas.drop_probability(3e-5, size))
    assert drop_probability(params, 1) == 0.0
    assert methods.find("sdarts-adv").params().steps == 7
    assert methods.find("darts-2nd").params().radius == 0.01


@pytest.mark.parametrize("rate", [3e-5, 0.1])  # at the second one a whole group is often drawn again
@pytest.mark.parametrize("name", SPACES)
def test_drawn_masks(name, rate):
    network = NETWORKS[name]()
    space, found = product.space_of(network), methods.find("dropnas")
    params = replace(found.params(), drop_rate=rate)
    keep = found.draws(torch.Generator().manual_seed(0), 4000, space, params)["keep"]
    rows, columns = network.arch_parameters()[0].shape
    assert torch.equal(keep[:, rows:], torch.from_numpy(space.mask[rows:]).expand(4000, -1, -1))
    for group in network.groups:
        kept = keep[:, :rows, list(group)]
        assert kept.any(-1).all()
        p, size = rate**0.25, len(group)
        expected = 0.0 if size == 1 else (p - p**size) / (1 - p**size)
        assert (~kept).double().mean().item() == pytest.approx(expected, abs=0.01 if rate == 0.1 else 0.006)
    assert columns == sum(map(len, network.groups))


@pytest.mark.parametrize("name", SPACES)
def test_drawn_noise_and_its_projection(name):
    torch.manual_seed(0)
    network = NETWORKS[name]()
    space, found = product.space_of(network), methods.find("sdarts-rs")
    noise = found.draws(torch.Generator().manual_seed(0), 200, space, found.params())["noise"]
    assert noise.shape == (200, *space.mask.shape)
    assert noise.abs().max() <= 1.0
    assert noise.mean().item() == pytest.approx(0.0, abs=0.02)
    assert noise.var().item() == pytest.approx(1 / 3, abs=0.02)
    mix = product.table([network], [[each.softmax(-1) for each in network.arch_parameters()]])
    mask = torch.from_numpy(space.mask)
    shaken = sdarts_rs.smooth(
        mix.expand_as(noise), 4 * noise, torch.tensor(0.3, dtype=torch.float64), mask
    )  # some rows vanish
    for one, drawn in zip(shaken, noise, strict=True):
        for alpha, rows, each in zip(
            network.arch_parameters(),
            product.read_table(network, one),
            product.read_table(network, drawn),
            strict=True,
        ):
            expected = alpha.softmax(-1).detach() + 0.3 * 4 * each
            sdarts.project(expected)
            torch.testing.assert_close(rows, expected, rtol=1e-12, atol=1e-15, check_dtype=False)
