"""The training of one cell from scratch, epoch by epoch, from where its checkpoint left off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from bench import seeding
from bench.images.augment import augment, draw_augmentation
from bench.images.datasets import Images
from bench.machine.pace import Pace
from bench.retraining import networks
from bench.retraining.cell_checkpoint import CellCheckpoint
from bench.retraining.darts_network import DartsNetwork
from bench.retraining.recipes import Recipe
from spaces.base import Size, Space

_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Trained:
    """What a training ends in; accuracies in percent.

    Attributes
    ----------
    valid : on the images that were held out; None where there are none.
    test, best_test : after the last epoch, and after the one that tests best; the latter None where it was not looked
        for.
    parameters : of the network, without an auxiliary head.
    """

    valid: float | None
    test: float
    best_test: float | None
    parameters: int


def train(
    space: Space,
    arch: str,
    images: Images,
    recipe: Recipe,
    checkpoint: CellCheckpoint,
    pace: Pace,
    report: Callable[[float], None],
) -> Trained:
    """Train one cell.

    Parameters
    ----------
    images : on the device where it is trained.
    report : called with the part of the epochs that is done.

    Raises
    ------
    OutOfTime
        Before an epoch that would end after the deadline of ``pace``.
    """
    stream = f"retrain/{space.family}/{arch}"
    device = images.train.device
    network = _network(space, arch, images, recipe, stream)
    network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (not in torch's stub)
    optimizer = recipe.make_optimizer(network)
    checkpoint.begin(f"{stream} on {images.checksum} by {recipe}")
    count = len(images.train) - recipe.held_out(len(images.train))
    trained_on = dataclasses.replace(images, train=images.train[:count], train_labels=images.train_labels[:count])

    def accuracy(pixels: Tensor, labels: Tensor, epoch: int) -> float:
        drawn = _on_device(seeding.key(recipe.seed, f"{stream}/evaluation", epoch), device)
        return _accuracy(network, images, pixels, labels, drawn)

    pace.stop()
    pace.keep()  # the clock of an epoch begins
    done, best = checkpoint.restore(network, optimizer)
    for epoch in range(done, recipe.epochs):
        generator = seeding.stream(recipe.seed, f"{stream}/epoch", epoch)
        inside = _on_device(seeding.key(recipe.seed, f"{stream}/paths", epoch), device)
        _train_epoch(network, optimizer, trained_on, recipe, epoch, generator, inside)
        if recipe.test_every and recipe.tests_after(epoch):
            best = max(best or 0.0, accuracy(images.test, images.test_labels, epoch))
        pace.step()
        if pace.due:
            checkpoint.save(network, optimizer, epoch + 1, best)
            pace.keep()
            pace.stop()
        report((epoch + 1) / recipe.epochs)
    last = recipe.epochs - 1
    test = accuracy(images.test, images.test_labels, last)
    held_out = images.train[count:], images.train_labels[count:]
    valid = accuracy(*held_out, last) if len(held_out[0]) else None
    return Trained(valid, test, best, _parameters(network))


def _network(space: Space, arch: str, images: Images, recipe: Recipe, stream: str) -> nn.Module:
    """Return the network of a cell before its first step."""
    assert space.retraining is not None
    size = recipe.size if isinstance(recipe.size, Size) else getattr(space.retraining, recipe.size)
    options: dict[str, Any] = {} if recipe.bn_momentum is None else {"bn_momentum": recipe.bn_momentum}
    if recipe.network:  # whose recipes say what others' networks do not have
        options |= {"auxiliary": recipe.auxiliary > 0, "pool_norm": recipe.pool_norm}
    return networks.build(
        space,
        arch,
        seed=seeding.key(recipe.seed, f"{stream}/init"),
        channels=size.channels,
        cells=size.cells,
        image_channels=images.train.shape[1],
        classes=images.classes,
        **options,
    )


def _parameters(network: nn.Module) -> int:
    """Return how many weights are trained, an auxiliary head apart."""
    weights = {name: p.numel() for name, p in network.named_parameters() if p.requires_grad}
    return sum(count for name, count in weights.items() if not name.startswith("auxiliary."))


def _train_epoch(
    network: nn.Module,
    optimizer: Optimizer,
    images: Images,
    recipe: Recipe,
    epoch: int,
    generator: torch.Generator,
    inside: torch.Generator,
) -> None:
    """Take one pass over the training images, in an order of the generator's; ``inside`` is the network's own."""
    device, count = images.train.device, len(images.train)
    size = images.train.shape[-1]
    draws = draw_augmentation(generator, count, size=size, pad=recipe.pad, flip=recipe.flip, cutout=recipe.cutout)
    order = torch.randperm(count, generator=generator)
    # With a seed axis of one, as ``augment`` wants it.
    order, crop, flip, centre = (None if t is None else t.to(device)[None] for t in (order, *draws))
    assert order is not None
    steps = -(-count // recipe.batch)
    network.train()
    for step in range(steps):
        part = slice(step * recipe.batch, (step + 1) * recipe.batch)
        index = order[:, part]
        x = augment(
            images.train,
            index,
            None if crop is None else crop[:, part],
            None if flip is None else flip[:, part],
            None if centre is None else centre[:, part],
            pad=recipe.pad,
            cutout=recipe.cutout,
            mean=images.mean,
            std=images.std,
        )
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr_at(epoch, step, steps)
        optimizer.zero_grad()
        _loss(network, x, images.train_labels[index[0]], recipe, epoch, inside).backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimizer.step()


def _loss(
    network: nn.Module, x: Tensor, labels: Tensor, recipe: Recipe, epoch: int, generator: torch.Generator
) -> Tensor:
    """Return the cross entropy of a batch, with that of the auxiliary head where there is one."""
    if not isinstance(network, DartsNetwork):
        return F.cross_entropy(network(x), labels)
    logits, auxiliary = network.logits(x, drop_path=recipe.drop_path_at(epoch), generator=generator)
    loss = F.cross_entropy(logits, labels)
    return loss if auxiliary is None else loss + recipe.auxiliary * F.cross_entropy(auxiliary, labels)


@torch.no_grad()
def _accuracy(network: nn.Module, images: Images, pixels: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """Return the accuracy on ``pixels`` in percent."""
    network.eval()
    own = {"generator": generator} if isinstance(network, DartsNetwork) else {}
    correct = torch.zeros((), dtype=torch.int64, device=pixels.device)
    for index in torch.arange(len(pixels), device=pixels.device).split(_EVALUATION_BATCH):
        x = augment(pixels, index[None], mean=images.mean, std=images.std)
        correct += (network(x, **own).argmax(1) == labels[index]).sum()
    return 100.0 * int(correct) / len(pixels)


def _on_device(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)
