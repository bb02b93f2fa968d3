"""One step of DropNAS, and of one-level DARTS, the plain way, with python loops over rows."""

import math
import random
from typing import Literal

import torch
from torch import Tensor

from .reference_methods import Batch, Losses, Search, clip_and_step


def drop_probability(rate: float, group_size: int) -> float:
    """Return the probability of dropping one operation when `rate` is that of dropping a whole group."""
    return rate ** (1 / group_size)


def draw_keep(rows: int, groups: tuple[tuple[int, ...], ...], probability: float, generator: random.Random) -> Tensor:
    """Draw which operations every row keeps; a group is drawn again until something of it is kept."""
    keep = torch.ones(rows, sum(map(len, groups)), dtype=torch.bool)
    for row in range(rows):
        for group in groups:
            drawn = [False]
            while not any(drawn):
                drawn = [len(group) == 1 or generator.random() > probability for _ in group]
            for column, kept in zip(group, drawn, strict=True):
                keep[row, column] = kept
    return keep


def kept_mix(alphas: list[Tensor], keep: Tensor) -> list[Tensor]:
    """Return the mixing values: over the kept entries of an operation row, and plain softmax elsewhere."""
    rows = []
    for row, kept in zip(alphas[0], keep, strict=True):
        total = sum(torch.exp(value) for value, flag in zip(row, kept, strict=True) if flag)
        rows.append(torch.exp(row) / total)
    return [torch.stack(rows), *(torch.softmax(each, dim=-1) for each in alphas[1:])]


def kept_share(row: Tensor, kept: Tensor) -> float:
    """Return the probability that all kept operations of a row have together."""
    values = torch.exp(row.detach())
    return (values[kept].sum() / values.sum()).item()


def restore_share(row: Tensor, kept: Tensor, share: float) -> None:
    """Shift the kept entries of a row in place so that together they have the given probability again."""
    values = torch.exp(row.detach())
    odds = share / (1 - share)
    shift = math.log(odds * (values[~kept].sum() / values[kept].sum()).item())
    row.data[kept] += shift


def dropnas_step(
    search: Search,
    batch: Batch,
    *,
    keep: Tensor | None = None,
    weight_decay: float = 3e-4,
    alpha_decay: float = 1e-3,
    active: Literal["gradient", "keep"] = "gradient",
    skip: bool = True,
    sub_steps: Literal[1, 2] = 2,
) -> Losses:
    """DropNAS, or with nothing dropped the one-level step: two sub-steps of both optimisers on one batch.

    Parameters
    ----------
    search
        Its optimisers should have no weight decay of their own; the authors clip at 3, over the weights.
    keep : Tensor, shape (rows, operations)
        What is kept; everything when missing.
    weight_decay, alpha_decay
        Coefficients of the squared norms, so twice what an optimiser would call its weight decay.
    active
        What the decay applies to. ``"gradient"`` is the authors' test: a weight tensor whose first gradient
        entry is not 0, an architecture entry whose gradient is over 1e-7 in size. ``"keep"`` is what the test
        stands for: everything but the dropped operations.
    skip
        Whether dropped operations are not run, as in the authors' code, or run and weighted with zero, which
        differs only in the running statistics of their batch norms.
    sub_steps
        2, as the authors, or 1: one step of both optimisers on the sum of loss and decay.
    """
    network, operation_rows = search.network, search.alphas[0]
    if keep is None:
        keep = torch.ones_like(operation_rows, dtype=torch.bool)
    search.sgd.zero_grad(set_to_none=False)  # zeros, not None: momentum keeps moving what was dropped
    search.adam.zero_grad(set_to_none=False)
    shares = [kept_share(row, kept) for row, kept in zip(operation_rows, keep, strict=True)]
    mix = kept_mix(search.alphas, keep)
    loss = search.loss(batch, mix, keep) if skip else search.loss(batch, [mix[0] * keep, *mix[1:]])
    loss.backward()
    if sub_steps == 2:
        clip_and_step(search)
        search.adam.step()

    dropped = set()
    for row, column in (~keep).nonzero().tolist():
        dropped.update(id(each) for each in network.operation_parameters(row, column))
    decay = torch.zeros((), dtype=operation_rows.dtype)
    for weight in search.weights:
        if active == "keep":
            counts = id(weight) not in dropped
        else:
            counts = weight.grad is not None and weight.grad.flatten()[0].item() != 0.0
        if counts:
            decay = decay + weight_decay * (weight**2).sum()
    for index, alpha in enumerate(search.alphas):
        assert alpha.grad is not None
        mask = alpha.grad.abs() > 1e-7
        if active == "keep":
            mask = keep if index == 0 else torch.ones_like(mask)
        decay = decay + alpha_decay * ((alpha * mask) ** 2).sum()
    if sub_steps == 2:
        search.sgd.zero_grad(set_to_none=False)
        search.adam.zero_grad(set_to_none=False)
    decay.backward()
    clip_and_step(search)
    search.adam.step()

    for row, kept, share in zip(operation_rows, keep, shares, strict=True):
        if not kept.all():
            restore_share(row, kept, share)
    return {"train": loss.item(), "decay": decay.item()}
