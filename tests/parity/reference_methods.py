"""One step of DARTS the plain way: the architecture is changed in place and put back afterwards.

`reference_sdarts` and `reference_dropnas` build on it. A batch is ``(images, labels)``. No step draws at random:
noise and keep-masks are arguments. Every step returns the losses that it met.
"""

import copy
import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

Batch = tuple[Tensor, Tensor]
Losses = dict[str, float]
# What the norm that clips the weight step is taken over, besides the gradient of the weights:
#   "weights"  nothing;
#   "mix"      the gradient with respect to the mixing values;
#   "alphas"   the gradient with respect to the raw architecture parameters, added to whatever the last
#              architecture step left there.
ClipOver = Literal["weights", "mix", "alphas"]
Order = Literal["alpha-weights", "weights-alpha"]


def cosine_rate(
    epoch: int, epochs: int, *, highest: float = 0.025, lowest: float = 0.001, shifted: bool = False
) -> float:
    """Return the learning rate in an epoch, from 0; `shifted` is one epoch ahead."""
    turn = math.pi * (epoch + 1 if shifted else epoch) / epochs
    return lowest + (highest - lowest) * (1 + math.cos(turn)) / 2


def unroll_rate(epoch: int, epochs: int, *, highest: float = 0.025, lowest: float = 0.001) -> float:
    """Return the rate that the authors' 1Shot1 code unrolls with: one more turn of the recursion."""
    rate = cosine_rate(epoch, epochs, highest=highest, lowest=lowest, shifted=True)
    turn, last_turn = math.pi * (epoch + 1) / epochs, math.pi * epoch / epochs
    return lowest + (rate - lowest) * (1 + math.cos(turn)) / (1 + math.cos(last_turn))


class Search:
    """A network, its two optimisers and the clipping of its weight step."""

    def __init__(
        self,
        network: Any,
        *,
        rate: float = 0.025,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float = 3e-4,
        alpha_rate: float = 3e-4,
        alpha_decay: float = 1e-3,
        clip: float | None = 5.0,
        clip_over: ClipOver = "weights",
    ):
        self.network = network
        self.weights: list[nn.Parameter] = list(network.parameters())
        self.alphas: list[Tensor] = network.arch_parameters()
        self.sgd = torch.optim.SGD(
            self.weights, lr=rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )
        self.adam = torch.optim.Adam(self.alphas, lr=alpha_rate, betas=(0.5, 0.999), eps=1e-8, weight_decay=alpha_decay)
        self.clip = clip
        self.clip_over = clip_over
        network.train()

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the weights."""
        self.sgd.param_groups[0]["lr"] = rate

    def clear(self) -> None:
        """Forget every gradient."""
        for each in [*self.weights, *self.alphas]:
            each.grad = None

    def loss(self, batch: Batch, weights: list[Tensor] | None = None, keep: Tensor | None = None) -> Tensor:
        """Return the cross entropy of a batch."""
        images, labels = batch
        return cross_entropy(self.network(images, weights, keep), labels)


def clip_and_step(search: Search) -> None:
    """Clip the gradients of the weights and step."""
    if search.clip is not None:
        counted = list(search.weights)
        if search.clip_over != "weights":
            counted.extend(search.alphas)
        nn.utils.clip_grad_norm_(counted, search.clip)
    search.sgd.step()


def alpha_step(search: Search, valid: Batch) -> float:
    """Step the architecture parameters on one batch, first order."""
    search.clear()
    loss = search.loss(valid)
    loss.backward()
    search.adam.step()
    for each in search.weights:
        each.grad = None
    return loss.item()


def weight_step(search: Search, train: Batch, perturb: Callable[[Search, Batch], None] | None = None) -> float:
    """Step the weights on one batch at the mixing values, which `perturb` may change before."""
    if search.clip_over == "alphas":  # raw values stay in place, and so does the gradient they have
        assert perturb is None
        loss = search.loss(train)
        loss.backward()
        clip_and_step(search)
        for each in search.weights:
            each.grad = None
        return loss.item()
    search.clear()
    saved = [each.detach().clone() for each in search.alphas]
    for each in search.alphas:
        each.data.copy_(torch.softmax(each.detach(), dim=-1))
    if perturb is not None:
        perturb(search, train)
        search.clear()
    loss = search.loss(train, search.alphas)
    loss.backward()
    clip_and_step(search)
    for each, raw in zip(search.alphas, saved, strict=True):
        each.data.copy_(raw)
    search.clear()
    return loss.item()


def bilevel_step(
    search: Search,
    train: Batch,
    valid: Batch,
    order: Order,
    perturb: Callable[[Search, Batch], None] | None = None,
) -> Losses:
    """Make one alpha step and one weight step in either order."""
    if order == "alpha-weights":
        valid_loss = alpha_step(search, valid)
        train_loss = weight_step(search, train, perturb)
    else:
        train_loss = weight_step(search, train, perturb)
        valid_loss = alpha_step(search, valid)
    return {"train": train_loss, "valid": valid_loss}


def darts_step(search: Search, train: Batch, valid: Batch, *, order: Order = "alpha-weights") -> Losses:
    """DARTS, first order."""
    return bilevel_step(search, train, valid, order)


def second_order_gradient(search: Search, train: Batch, valid: Batch, unroll: float) -> tuple[list[Tensor], float]:
    """Return DARTS's second-order gradient of the architecture, and the loss of the unrolled network.

    Statistics of the batch norms are updated by the three passes over the training batch, not by the pass of
    the unrolled network, which is a copy.
    """
    group = search.sgd.param_groups[0]
    gradients = torch.autograd.grad(search.loss(train), search.weights)
    moved = copy.deepcopy(search.network)
    for new, old, gradient in zip(moved.parameters(), search.weights, gradients, strict=True):
        buffer = search.sgd.state[old].get("momentum_buffer")
        momentum = torch.zeros_like(old) if buffer is None else group["momentum"] * buffer
        new.data.copy_(old.detach() - unroll * (momentum + gradient + group["weight_decay"] * old.detach()))
    loss = cross_entropy(moved(valid[0]), valid[1])
    moved_alphas, moved_weights = moved.arch_parameters(), list(moved.parameters())
    found = torch.autograd.grad(loss, [*moved_alphas, *moved_weights])
    direct, direction = found[: len(moved_alphas)], found[len(moved_alphas) :]

    length = torch.cat([each.flatten() for each in direction]).norm()
    size = 0.01 / length
    saved = [each.detach().clone() for each in search.weights]
    sides = []
    for sign in (1.0, -1.0):
        for weight, start, way in zip(search.weights, saved, direction, strict=True):
            weight.data.copy_(start + sign * size * way)
        sides.append(torch.autograd.grad(search.loss(train), search.alphas))
    for weight, start in zip(search.weights, saved, strict=True):
        weight.data.copy_(start)

    gradient = []
    for index in range(len(search.alphas)):
        implicit = (sides[0][index] - sides[1][index]) / (2 * size)
        gradient.append(direct[index] - unroll * implicit)
    return gradient, loss.item()


def darts_second_order_step(search: Search, train: Batch, valid: Batch, *, unroll: float) -> Losses:
    """DARTS, second order: alpha then weights. `unroll` is the learning rate of the imagined weight step."""
    search.clear()
    gradient, valid_loss = second_order_gradient(search, train, valid, unroll)
    for alpha, each in zip(search.alphas, gradient, strict=True):
        alpha.grad = each
    search.adam.step()
    train_loss = weight_step(search, train)
    return {"train": train_loss, "valid": valid_loss}
