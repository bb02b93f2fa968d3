import pytest
import torch

from bench.steps.schedule import cosine, ramp


def test_the_shifted_cosine_is_that_of_the_smoothdarts_code():
    rates = [cosine(e, 100, 0.025, 0.001, shifted=True) for e in range(100)]
    assert rates[0] == pytest.approx(0.024994, abs=5e-7)
    assert rates[-1] == pytest.approx(0.001, abs=1e-15)
    assert cosine(0, 50, 0.025, 0.001, shifted=True) == pytest.approx(0.024976, abs=5e-7)


def test_the_unshifted_cosine_starts_at_the_full_rate():
    assert cosine(0, 100, 0.025, 0.001, shifted=False) == 0.025
    assert cosine(25, 50, 0.025, 0.001, shifted=False) == pytest.approx(0.013)


@pytest.mark.parametrize("epochs", [1, 7, 50])
def test_the_unshifted_cosine_is_pytorchs(epochs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.025)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, eta_min=0.001)
    for epoch in range(epochs):
        assert cosine(epoch, epochs, 0.025, 0.001, shifted=False) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


def test_the_shifted_cosine_is_one_epoch_ahead():
    for epoch in range(9):
        ahead = cosine(epoch + 1, 10, 0.025, 0.001, shifted=False)
        assert cosine(epoch, 10, 0.025, 0.001, shifted=True) == ahead


def test_the_radius_grows_as_published():
    values = {e: ramp(e, 100, 0.03, 0.3) for e in (0, 1, 50, 99)}
    assert values == {
        0: 0.03,
        1: pytest.approx(0.0327),
        50: pytest.approx(0.165),
        99: pytest.approx(0.2973),
    }
    assert ramp(49, 50, 0.03, 0.3) == pytest.approx(0.2946)
