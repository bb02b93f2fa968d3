"""The supernet, its state, and the two steps that methods compose.

Losses are per seed and summed before differentiation; seeds share no weight, so each gets the gradient that it
would have had alone.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.images.datasets import Images
from bench.machine.precision import Precision, maps_dtype
from bench.protocol import Protocol, Training
from bench.seeding import stream
from spaces.base import Space
from spaces.supernet.conv import Forms
from spaces.supernet.forward import Statistics
from spaces.supernet.frozen import FrozenWeights
from spaces.supernet.network import Supernet

from . import optim
from .simplex import softmax

Draws = dict[str, Tensor]


@dataclass(frozen=True)
class Samples:
    """One batch per seed: images ``(B, H, W, S, channels)``, labels ``(S, B)``."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Batch:
    """The inputs of one step. ``valid`` is None for one-level methods, and while the alphas do not step yet.

    ``draws`` holds the method's own random draws of this step, ``scalars`` its values of this epoch, ``lr`` the
    weights' learning rate. All are tensors on the device.
    """

    train: Samples
    valid: Samples | None
    lr: Tensor
    draws: Draws
    scalars: dict[str, Tensor]


@dataclass(frozen=True)
class Outcome:
    """Loss (mean cross entropy) and number of correct answers of each seed, ``(S,)``."""

    loss: Tensor
    correct: Tensor


@dataclass
class State:
    """All that a search changes; everything has a leading seed axis but the step count."""

    weights: Tensor  # (S, P)
    momentum: Tensor  # (S, P)
    statistics: Statistics
    alpha: Tensor  # (S, R, M), 0 in the padding
    first: Tensor  # Adam's moments, as alpha
    second: Tensor
    steps: Tensor  # Adam steps taken, scalar
    fixed: Tensor | None = None  # (S, R, M), weights of rows that a selection fixed; a row that is open is zero


def supernet(space: Space, protocol: Protocol, images: Images, *, form: Forms, precision: Precision) -> Supernet:
    """Return the supernet that a protocol asks for, for the images' channels and classes."""
    return Supernet(
        space,
        protocol.supernet,
        image_channels=images.train.shape[1],
        classes=images.classes,
        form=form,
        maps=maps_dtype(precision),
    )


def initial_state(net: Supernet, seeds: tuple[int, ...], dtype: torch.dtype, device: torch.device | str) -> State:
    """Return the initial state of each seed; alphas are 1e-3 N(0, 1)."""
    mask = torch.from_numpy(net.space.mask)
    weights = torch.stack([net.layout.initial(stream(seed, "weights/init")) for seed in seeds])
    alpha = torch.stack(
        [1e-3 * torch.randn(mask.shape, generator=stream(seed, "alpha/init"), dtype=torch.float64) for seed in seeds]
    )
    weights = weights.to(device, dtype)
    alpha = torch.where(mask, alpha, 0).to(device, dtype)
    return State(
        weights=weights,
        momentum=torch.zeros_like(weights),
        statistics=net.statistics(len(seeds), dtype=dtype, device=device),
        alpha=alpha,
        first=torch.zeros_like(alpha),
        second=torch.zeros_like(alpha),
        steps=torch.zeros((), dtype=dtype, device=device),
    )


class Learner:
    """A supernet in training.

    Parameters
    ----------
    net, state, training : see there.
    """

    def __init__(self, net: Supernet, state: State, training: Training) -> None:
        self.net = net
        self.state = state
        self.training = training
        device = state.weights.device
        rows, columns = net.space.mask.shape
        self.mask = torch.from_numpy(net.space.mask).to(device)  # (R, M)
        self.operation_rows = torch.from_numpy(net.space.operation_rows).to(device)  # (R,)
        self.owners = net.layout.owners(columns, unowned=rows * columns).to(device)  # (P,)
        self.alpha_squares = torch.zeros_like(state.alpha)  # of gradients, summed since the last reset
        self.weight_squares = state.alpha.new_zeros(len(state.weights), len(net.space.operations))
        self.of_operation = self._membership()  # of those that have weights
        self.begin(None)

    def begin(self, noise: Tensor | None) -> None:
        """Begin a step, or a measurement: ``noise``, int64 ``(S,)``, is the key of what its passes draw."""
        self._noise, self._passes = noise, 0

    def _next_noise(self) -> Tensor | None:
        """Return the key of the next pass: each draws noise of its own."""
        self._passes += 1
        return None if self._noise is None else self._noise + self._passes

    def compiled(self) -> Learner:
        """Return the same learner, its state included, with a compiled supernet."""
        twin = copy(self)
        twin.net = self.net.compiled()
        return twin

    def unrounded(self) -> Learner:
        """Return the same learner, its state included, with maps in the precision of the weights; itself if it has."""
        if self.net.maps in (None, self.state.weights.dtype):
            return self
        twin = copy(self)
        twin.net = self.net.unrounded()
        return twin

    @property
    def seeds(self) -> int:
        """S, the number of seeds that share the supernet."""
        return len(self.state.weights)

    def finite(self) -> Tensor:
        """Return which seeds have finite weights and alphas, bool ``(S,)``."""
        state = self.state
        return state.weights.isfinite().all(1) & state.alpha.flatten(1).isfinite().all(1)

    def mix(self) -> Tensor:
        """Return the clean mix, softmax(alpha) but for fixed rows, ``(S, R, M)``, detached."""
        return self.mix_of(self.state.alpha)

    def mix_of(self, alpha: Tensor) -> Tensor:
        """Return the mix of some alphas: their softmax, and the weights of the rows that are fixed."""
        return self.with_fixed(softmax(alpha, self.mask))

    def with_fixed(self, table: Tensor) -> Tensor:
        """Return a table ``(S, R, M)`` in which the rows that a selection fixed have their own weights."""
        fixed = self.state.fixed
        return table if fixed is None else torch.where(fixed.any(-1, keepdim=True), fixed, table)

    def loss(
        self, weights: Tensor, mix: Tensor, samples: Samples, *, training: bool = True, update: bool = True
    ) -> Outcome:
        """Run the supernet; ``training`` and ``update`` as in ``Supernet.forward``."""
        statistics = self.state.statistics
        noise = self._next_noise()
        logits = self.net.forward(
            weights, statistics, samples.images, mix, training=training, update=update, noise=noise
        )
        return _outcome(logits, samples.labels)

    def freeze(self) -> FrozenWeights:
        """Prepare the present weights for many evaluations."""
        with torch.no_grad():
            return self.net.freeze(self.state.weights, self.state.statistics)

    def frozen_loss(self, frozen: FrozenWeights, mix: Tensor, samples: Samples) -> Outcome:
        """Run the supernet in evaluation mode on weights that ``freeze`` prepared."""
        logits = self.net.forward_frozen(frozen, samples.images, mix, noise=self._next_noise())
        return _outcome(logits, samples.labels)

    def alpha_gradient(self, weights: Tensor, samples: Samples, *, update: bool = True) -> Tensor:
        """Return d loss / d alpha, ``(S, R, M)``, at the given weights; a training pass."""
        alpha = self.state.alpha.detach().requires_grad_()
        outcome = self.loss(weights, self.mix_of(alpha), samples, update=update)
        return torch.autograd.grad(outcome.loss.sum(), alpha)[0]

    def alpha_step(self, gradient: Tensor) -> None:
        """Take the Adam step on alpha."""
        state, training = self.state, self.training
        self.alpha_squares += gradient.square()
        optim.adam(
            state.alpha,
            state.first,
            state.second,
            state.steps,
            gradient,
            lr=training.alpha_lr,
            betas=training.alpha_betas,
            decay=training.alpha_decay,
        )

    def weight_step(self, samples: Samples, mix: Tensor, lr: Tensor, penalty: Tensor | None = None) -> Outcome:
        """Take the SGD step on the weights at a mix that is a constant.

        ``penalty`` is a further gradient, ``(S, P)``, that the weights descend together with the loss's.
        """
        training = self.training
        weights = self.state.weights.detach().requires_grad_()
        counted = training.clip > 0 and training.clip_mix
        mix = mix.detach().requires_grad_(counted)
        outcome = self.loss(weights, mix, samples)
        inputs = (weights, mix) if counted else (weights,)
        gradient, *others = torch.autograd.grad(outcome.loss.sum(), inputs)
        self.descend(gradient if penalty is None else gradient + penalty, lr, *others)
        return Outcome(outcome.loss.detach(), outcome.correct)

    def descend(self, gradient: Tensor, lr: Tensor, *counted: Tensor) -> None:
        """Clip a weight gradient ``(S, P)`` and take the SGD step; ``counted``, ``(S, ...)``, count in its norm."""
        state, training = self.state, self.training
        self.note_weight_gradient(gradient)
        if training.clip > 0:
            gradient = optim.clip_norm(gradient, training.clip, *counted)
        optim.sgd(
            state.weights,
            state.momentum,
            gradient,
            lr=lr,
            mu=training.momentum,
            decay=training.weight_decay,
            nesterov=training.nesterov,
        )

    def note_weight_gradient(self, gradient: Tensor) -> None:
        """Add the squares of a weight gradient ``(S, P)``, by operation, to the sums of this epoch."""
        squares = gradient.square()
        for operation, own in self.of_operation.items():  # a product of matrices would round on a GPU, and take long
            self.weight_squares[:, operation] += (squares * own).sum(1)

    def _membership(self) -> dict[int, Tensor]:
        """Return which weights belong to each operation that has some, ``(P,)`` of zeros and ones."""
        space = self.net.space
        operation_of = torch.full((space.mask.size + 1,), len(space.operations))
        rows, operations = np.nonzero(space.operation_columns >= 0)
        columns = space.operation_columns[rows, operations]
        places = np.flatnonzero(space.operation_rows)[rows] * space.mask.shape[1] + columns
        operation_of[torch.from_numpy(places)] = torch.from_numpy(operations)
        choice = operation_of.to(self.owners.device)[self.owners]
        owned = {operation: choice == operation for operation in range(len(space.operations))}
        return {operation: own.to(self.state.weights.dtype) for operation, own in owned.items() if own.any()}


def _outcome(logits: Tensor, labels: Tensor) -> Outcome:
    """Return the outcome of logits ``(S, B, classes)`` for labels ``(S, B)``."""
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    with torch.no_grad():
        correct = (logits.argmax(-1) == labels).sum(1)
    return Outcome(losses.view(labels.shape).mean(1), correct)
