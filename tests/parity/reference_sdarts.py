"""One step of SDARTS-RS and SDARTS-ADV the plain way, with python loops over rows."""

import torch
from torch import Tensor

from .reference_methods import Batch, Losses, Order, Search, bilevel_step


def perturbation_radius(epoch: int, epochs: int, *, lowest: float = 0.03, highest: float = 0.3) -> float:
    """Return epsilon in an epoch, from 0; the highest is never reached."""
    return lowest + (highest - lowest) * epoch / epochs


def project(values: Tensor) -> None:
    """Put every row back on the simplex, in place: clamp, and divide by the sum.

    A row with nothing left becomes one-hot at what was its largest entry before the clamping.
    """
    for row in values.data:
        largest = int(row.argmax())
        row.clamp_(0.0, 1.0)
        if row.sum().item() == 0.0:
            row[largest] = 1.0
        row.div_(row.sum())


def shake(search: Search, radius: float, noise: list[Tensor]) -> None:
    """Add noise from [-1, 1] times the radius to the values in place, and project them."""
    for alpha, each in zip(search.alphas, noise, strict=True):
        alpha.data.add_(radius * each)
        project(alpha)


def attack(search: Search, batch: Batch, radius: float, noise: list[Tensor], steps: int = 7) -> Losses:
    """Climb the loss from the mixing values in place, inside a box of the radius; go back if it did not rise.

    The network is in evaluation mode meanwhile: its batch norms use their running statistics.
    """
    network, alphas = search.network, search.alphas
    was_training = network.training
    network.eval()
    clean = [each.detach().clone() for each in alphas]
    with torch.no_grad():
        before = search.loss(batch, alphas).item()
    shake(search, radius, noise)
    for _ in range(steps):
        search.clear()
        search.loss(batch, alphas).backward()
        for alpha, centre in zip(alphas, clean, strict=True):
            assert alpha.grad is not None
            climbed = alpha.detach() + 2 * radius / steps * torch.sign(alpha.grad)
            alpha.data.copy_(centre + (climbed - centre).clamp(-radius, radius))
            project(alpha)
    with torch.no_grad():
        after = search.loss(batch, alphas).item()
    restored = before > after
    if restored:
        for alpha, centre in zip(alphas, clean, strict=True):
            alpha.data.copy_(centre)
    search.clear()
    network.train(was_training)
    return {"clean": before, "attacked": before if restored else after, "restored": float(restored)}


def sdarts_rs_step(
    search: Search,
    train: Batch,
    valid: Batch,
    *,
    radius: float,
    noise: list[Tensor],
    order: Order = "alpha-weights",
) -> Losses:
    """SDARTS-RS: the weight step sees the mixing values with uniform noise. `noise` is in [-1, 1]."""
    return bilevel_step(search, train, valid, order, lambda there, batch: shake(there, radius, noise))


def sdarts_adv_step(
    search: Search,
    train: Batch,
    valid: Batch,
    *,
    radius: float,
    noise: list[Tensor],
    steps: int = 7,
    order: Order = "alpha-weights",
) -> Losses:
    """SDARTS-ADV: the weight step sees the mixing values that an attack from `noise`, in [-1, 1], found."""
    met: Losses = {}
    losses = bilevel_step(
        search,
        train,
        valid,
        order,
        lambda there, batch: met.update(attack(there, batch, radius, noise, steps)),
    )
    return {**losses, **met}
