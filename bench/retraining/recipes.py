"""How a found cell is trained from scratch: the benchmarks' and the papers' own recipes, and quick ones for a CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn
from torch.optim import SGD, Optimizer

from bench.retraining.rmsprop import RMSpropTF
from spaces.base import Size
from spaces.fields import added, decisive


@dataclass(frozen=True)
class Recipe:
    """One way to train from scratch.

    Attributes
    ----------
    batch : images per step. The last step of an epoch takes what is left over.
    optimizer : "sgd", or "rmsprop" in TensorFlow's form with epsilon 1.
    lr : first learning rate; it falls to 0 by a cosine, anew at each ``lr_per``.
    pad, flip, cutout : as in ``bench.images.augment``; 0 and False switch off.
    validation : how many of the last training images are held out and scored as validation accuracy; "half": the half
        that a search of two levels gives the alphas.
    bn_momentum : weight of the newest batch in the running statistics; None for the benchmark's own.
    size : which of the sizes that a space declares for its networks, or one of the recipe's own.
    seed : of initialisation, data order and augmentation; each cell has streams of its own.
    network : of whose cells alone the recipe is (``Retraining.network``); empty for all.
    clip : greatest norm of the gradient of all weights; 0 switches off.
    auxiliary : weight of the loss of the auxiliary head; 0 leaves the head out.
    drop_path : rate of dropped paths that the last epoch comes near to; it grows in equal steps from 0.
    pool_norm : whether a batch norm follows each pool.
    test_every : epochs between two tests, of which the best is kept beside the last; 0 tests after the last alone.
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
    validation: int | Literal["half"] = 0
    bn_momentum: float | None = None
    size: Literal["full", "quick"] | Size = "full"
    seed: int = 0
    network: str = added("")
    clip: float = added(0.0)
    auxiliary: float = added(0.0)
    drop_path: float = added(0.0)
    pool_norm: bool = added(False)
    test_every: int = added(0)

    def __str__(self) -> str:
        """Return the settings that decide what it trains; a field that was added later is named where it is used."""
        return f"Recipe({', '.join(f'{name}={value!r}' for name, value in decisive(self).items())})"

    def held_out(self, count: int) -> int:
        """Return how many of so many training images are held out."""
        return count - count // 2 if self.validation == "half" else self.validation

    def drop_path_at(self, epoch: int) -> float:
        """Return the rate of dropped paths in an epoch, from 0."""
        return self.drop_path * epoch / self.epochs

    def tests_after(self, epoch: int) -> bool:
        """Whether the network is tested after an epoch, from 0; after the last it always is."""
        return epoch + 1 == self.epochs or (self.test_every > 0 and (epoch + 1) % self.test_every == 0)

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


# quark0/darts cnn/train.py:20-41 with --auxiliary --cutout, as its README calls it; SmoothDARTS has the same.
_DARTS = Recipe(
    "darts",
    epochs=600,
    batch=96,
    optimizer="sgd",
    lr=0.025,
    weight_decay=3e-4,
    lr_per="epoch",
    pad=4,
    flip=True,
    cutout=16,
    network="darts",
    clip=5.0,
    auxiliary=0.4,
    drop_path=0.2,
    test_every=1,
)
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
    _DARTS,
    # S1 to S4 on CIFAR-100 and SVHN: 8 cells of 16 channels (ruocwang/darts-pt exp_scripts/eval-c100.sh, eval-svhn.sh,
    # "follow App. C of R-DARTS"). On CIFAR-10 they have 20 of 36; S2 and S4 also 20 of 16 by another account.
    replace(_DARTS, name="darts-8x16", size=Size(16, 8)),
    replace(_DARTS, name="darts-20x16", size=Size(16, 20)),
    # The short training by which one of several cells is chosen: SmoothDARTS says "a few epochs" (issue 5 of its
    # repository) and not which images validate. The number of epochs and the half are this suite's.
    replace(_DARTS, name="darts-short", epochs=100, validation="half", test_every=0),
    replace(_DARTS, name="darts-short-8x16", epochs=100, validation="half", test_every=0, size=Size(16, 8)),
    # wiljohnhong/DropNAS config.py:82-100 and augment.py:41-91.
    replace(_DARTS, name="dropnas", batch=192, lr=0.05, clip=3.0, pool_norm=True),
    # A demonstration on a CPU: few epochs of small networks at 16 pixels, which are too few for the auxiliary head.
    replace(_DARTS, name="darts-demo", epochs=8, pad=2, cutout=0, auxiliary=0.0, drop_path=0.1, size=Size(8, 5)),
    replace(
        _DARTS,
        name="darts-demo-short",
        epochs=2,
        pad=2,
        cutout=0,
        auxiliary=0.0,
        drop_path=0.0,
        size=Size(8, 5),
        validation="half",
        test_every=0,
    ),
)
RECIPES = {recipe.name: recipe for recipe in _PRESETS}
