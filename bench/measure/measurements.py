"""Measurements beside the search, for all seeds of a group at once. None of them changes the learner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.feed import Feed
from bench.machine import precision
from bench.seeding import stream
from bench.steps.learner import Learner, Samples
from bench.steps.simplex import entropy, project, softmax
from spaces.supernet.conv import differentiated_twice

CHUNK = 500  # images per seed in one evaluation pass
DIAGONAL = 1e-3  # added to the Hessian, as SmoothDARTS's optimizers/analyze.py does
REACH = 1.5  # of the landscape along either direction, as in SDARTS's figure
RADII = tuple(round(0.05 * i, 2) for i in range(11))


def describe(learner: Learner) -> dict[str, np.ndarray]:
    """Return what can be read off the alphas, ``(S,)`` each: entropy, and each operation's mean mix where it is one."""
    space, mix = learner.net.space, learner.mix()
    there = torch.from_numpy((space.operation_columns >= 0).sum(0)).to(mix.device)
    shares = _by_operation(learner, mix).sum(1) / there
    values = {"arch_entropy": entropy(mix).mean(1)}
    values |= {f"mix_{name}": shares[:, column] for column, name in enumerate(space.operations)}
    return {name: value.double().cpu().numpy() for name, value in values.items()}


def gradients(learner: Learner, steps: int) -> dict[str, np.ndarray]:
    """Return the root mean square, over the steps since the last call, of the gradient norms of each operation.

    ``alpha_grad_OP`` is the norm over the rows of that operation's alphas, ``weight_grad_OP`` that over its weights
    (before clipping; null where it has none). Starts new sums.
    """
    space = learner.net.space
    alpha = _by_operation(learner, learner.alpha_squares).sum(1)
    values = {}
    for column, name in enumerate(space.operations):
        values[f"alpha_grad_{name}"] = (alpha[:, column] / steps).sqrt()
        weight = (learner.weight_squares[:, column] / steps).sqrt()
        values[f"weight_grad_{name}"] = weight if column in learner.of_operation else torch.full_like(weight, torch.nan)
    learner.alpha_squares.zero_()
    learner.weight_squares.zero_()
    return {name: value.double().cpu().numpy() for name, value in values.items()}


def _by_operation(learner: Learner, table: Tensor) -> Tensor:
    """Return the rows of operations of a table ``(S, R, M)``, a column an operation, 0 where a row lacks it."""
    columns = torch.from_numpy(learner.net.space.operation_columns).to(table.device)
    rows = table[:, learner.operation_rows]
    found = rows.gather(2, columns.clamp_min(0).expand(len(rows), -1, -1))
    return torch.where(columns >= 0, found, 0)


def evaluate(learner: Learner, feed: Feed, images: Tensor, mix: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return loss and percent correct of each seed on images without augmentation, in evaluation mode, ``(S,)``.

    The percentage is NaN where the loss is not finite: among logits that are not numbers the first class always wins.
    """
    mix = learner.mix() if mix is None else mix
    loss = torch.zeros(learner.seeds, dtype=mix.dtype, device=mix.device)
    correct = torch.zeros_like(loss)
    frozen = learner.freeze()
    with torch.no_grad():
        for chunk in images.split(CHUNK):
            outcome = learner.frozen_loss(frozen, mix, feed.clean(chunk))
            loss += outcome.loss * len(chunk)
            correct += outcome.correct
    accuracy = torch.where(loss.isfinite(), 100 * correct / len(images), torch.nan)
    return loss / len(images), accuracy


def eigenvalue(learner: Learner, feed: Feed, epoch: int) -> np.ndarray:
    """Return the dominant eigenvalue of the alpha Hessian of each seed's loss, as its absolute value, ``(S,)``.

    The Hessian is exact, by double backward, of the mean cross entropy on one batch of the images that train the
    alphas, without augmentation, batch norms in training mode (running statistics are left alone), plus 1e-3 on the
    diagonal. As in the SmoothDARTS code, "dominant" is the algebraically largest: a negative one further from zero does
    not count. Nothing is rounded to TF32.
    """
    with precision.unrounded():
        rows = hessian_rows(learner, _one_batch(feed, epoch))
        hessian = torch.stack(list(rows), dim=1).double().cpu().numpy()
    hessian = (hessian + hessian.swapaxes(1, 2)) / 2 + DIAGONAL * np.eye(hessian.shape[1])
    finite = np.isfinite(hessian).all(axis=(1, 2))
    largest = np.full(len(hessian), np.nan)
    largest[finite] = np.abs(np.linalg.eigvalsh(hessian[finite])[:, -1])
    return largest


def hessian_rows(learner: Learner, samples: Samples) -> Iterator[Tensor]:
    """Yield the rows of the Hessian of each seed's loss over the entries of the mask, ``(S, entries)`` each."""
    alpha = learner.state.alpha.detach().requires_grad_()
    with differentiated_twice():
        outcome = learner.loss(learner.state.weights, softmax(alpha, learner.mask), samples, update=False)
    gradient = torch.autograd.grad(outcome.loss.sum(), alpha, create_graph=True)[0]
    for r, m in learner.mask.nonzero().tolist():
        row = torch.autograd.grad(gradient[:, r, m].sum(), alpha, retain_graph=True)[0]
        yield row[:, learner.mask].detach()


def landscape(learner: Learner, feed: Feed, points: int, images: int, *, draws: int = 4) -> list[pd.DataFrame]:
    """Measure validation accuracy around the final alphas, weights fixed; one table per seed.

    ``kind`` "plane": at alpha + x g + y o, where g is the gradient of the validation loss and o a random direction
    orthogonal to it, every row of either scaled to length 1. ``kind`` "radius": at the mix moved by uniform noise of
    radius x and projected, the mean of ``draws`` draws. Accuracy is percent on ``images`` images of the alphas'
    half, without augmentation, in evaluation mode.

    Returns
    -------
    Tables with the columns kind, x, y, valid_accuracy.
    """
    learner.begin(feed.noise("landscape", 0))
    pool = feed.split.alphas if len(feed.split.alphas) else feed.split.weights
    chosen = pool[torch.linspace(0, len(pool) - 1, min(images, len(pool))).long()]
    alpha, mask = learner.state.alpha, learner.mask
    samples = feed.clean(chosen[: feed.protocol.training.batch])
    gradient = _unit_rows(learner.alpha_gradient(learner.state.weights, samples, update=False))
    random = torch.stack(
        [torch.randn(mask.shape, generator=stream(seed, "landscape"), dtype=torch.float64) for seed in feed.seeds]
    ).to(alpha)
    random = torch.where(mask, random, 0)
    random = _unit_rows(random - (random * gradient).sum(-1, keepdim=True) * gradient)

    steps = torch.linspace(-REACH, REACH, points, dtype=torch.float64).tolist()
    rows: list[tuple[str, float, float, np.ndarray]] = []
    for x in steps:
        for y in steps:
            mix = softmax(alpha + x * gradient + y * random, mask)
            rows.append(("plane", x, y, evaluate(learner, feed, chosen, mix)[1].double().cpu().numpy()))
    for radius in RADII:
        values = []
        for draw in range(draws):
            noise = torch.stack(
                [
                    torch.rand(mask.shape, generator=stream(seed, f"radius/{radius}", draw), dtype=torch.float64)
                    for seed in feed.seeds
                ]
            ).to(alpha)
            mix = project(learner.mix() + radius * (2 * noise - 1), mask)
            values.append(evaluate(learner, feed, chosen, mix)[1].double().cpu().numpy())
        rows.append(("radius", radius, 0.0, np.mean(values, axis=0)))
    return [
        pd.DataFrame([(k, x, y, v[s]) for k, x, y, v in rows], columns=["kind", "x", "y", "valid_accuracy"])
        for s in range(learner.seeds)
    ]


def _one_batch(feed: Feed, epoch: int) -> Samples:
    """Return one batch of the alphas' images per seed (of all images, for one level), drawn anew each epoch."""
    pool = feed.split.alphas if len(feed.split.alphas) else feed.split.weights
    size = min(feed.protocol.training.batch, len(pool))
    return feed.clean(_drawn(feed.seeds, pool, size, epoch))


def _drawn(seeds: Sequence[int], pool: Tensor, size: int, epoch: int) -> Tensor:
    return torch.stack(
        [pool[torch.randperm(len(pool), generator=stream(s, "eigenvalue", epoch))[:size]] for s in seeds]
    )


def _unit_rows(direction: Tensor) -> Tensor:
    """Scale each row of ``(S, R, M)`` to length 1."""
    return direction / direction.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(direction.dtype).tiny)
