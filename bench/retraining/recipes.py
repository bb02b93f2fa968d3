"""How a found cell is trained from scratch: the two benchmarks' own recipes, and a quick one for the CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.optim import SGD, Optimizer

from bench.retraining.rmsprop import RMSpropTF


@dataclass(frozen=True)
class Recipe:
    """One way to train from scratch.

    Attributes
    ----------
    batch : images a step. The last step of an epoch takes what is left over.
    optimizer : "sgd", or "rmsprop" in TensorFlow's form with epsilon 1.
    lr : first learning rate; it falls to 0 by a cosine, anew at each ``lr_per``.
    pad, flip, cutout : as in ``bench.images.augment``; 0 and False switch off.
    validation : how many of the last training images are held out and scored as validation accuracy.
    bn_momentum : weight of the newest batch in the running statistics; None for the benchmark's own.
    size : which of the sizes that a space declares for its networks.
    seed : of initialisation, data order and augmentation; each cell has streams of its own.
    """

    name: str
    epochs: int
    batch: int
    optimizer: Literal["sgd", "rmsprop"]
    lr: float
    weight_decay: float
    momentum: float = 0.9
    nesterov: bool = False
    lr_per: Literal["epoch", "step"] = "step"
    pad: int = 0
    flip: bool = False
    cutout: int = 0
    validation: int = 0
    bn_momentum: float | None = None
    size: Literal["full", "quick"] = "full"
    seed: int = 0

    def lr_at(self, epoch: int, step: int, steps: int) -> float:
        """Return the learning rate of one step; ``step`` of ``steps`` counts within ``epoch``, both from 0."""
        done = epoch + (step / steps if self.lr_per == "step" else 0.0)
        return self.lr * (1 + math.cos(math.pi * done / self.epochs)) / 2

    def make_optimizer(self, network: nn.Module) -> Optimizer:
        """Return the optimizer of a network's trainable weights."""
        weights = [p for p in network.parameters() if p.requires_grad]
        if self.optimizer == "rmsprop":
            return RMSpropTF(weights, self.lr, momentum=self.momentum, weight_decay=self.weight_decay, eps=1.0)
        return SGD(weights, self.lr, momentum=self.momentum, nesterov=self.nesterov, weight_decay=self.weight_decay)


_PRESETS = (
    # 144 steps on the digits. Running statistics must follow within so few.
    Recipe(
        "quick",
        epochs=6,
        batch=64,
        optimizer="sgd",
        lr=0.1,
        weight_decay=5e-4,
        nesterov=True,
        bn_momentum=0.1,
        size="quick",
    ),
    # google-research/nasbench nasbench/lib/config.py, model_builder.py and cifar.py; 0.2 is 0.1 for each of two shards.
    # Not as there: batches end with the epoch (16,956 steps for its 16,875), each is normalised as a whole rather than
    # in two shards, the first step has a learning rate, and pixels are normalised by the images' own constants.
    Recipe(
        "nasbench101",
        epochs=108,
        batch=256,
        optimizer="rmsprop",
        lr=0.2,
        weight_decay=1e-4,
        pad=4,
        flip=True,
        validation=10_000,
    ),
    # D-X-Y/AutoDL-Projects configs/nas-benchmark/hyper-opts/200E.config and lib/procedures/optimizers.py.
    Recipe(
        "nasbench201",
        epochs=200,
        batch=256,
        optimizer="sgd",
        lr=0.1,
        weight_decay=5e-4,
        nesterov=True,
        lr_per="epoch",
        pad=4,
        flip=True,
    ),
)
RECIPES = {recipe.name: recipe for recipe in _PRESETS}
