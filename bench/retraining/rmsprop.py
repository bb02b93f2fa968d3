"""RMSProp as TensorFlow computes it, which the NAS-Bench-101 table was trained with."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer


class RMSpropTF(Optimizer):
    """RMSProp with momentum as in TensorFlow's ``RMSPropOptimizer`` (tensorflow/python/training/rmsprop.py).

    With g the gradient plus ``weight_decay`` times the weight: s = 0.9 s + 0.1 g^2, starting at 1;
    m = momentum m + lr g / sqrt(s + eps); weight -= m. ``torch.optim.RMSprop`` starts s at 0, adds eps outside the
    root, and applies the learning rate outside the momentum, which a schedule does not leave equal.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        lr: float,
        *,
        momentum: float,
        weight_decay: float,
        eps: float,
        decay: float = 0.9,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "eps": eps, "decay": decay}
        super().__init__(weights, options)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step; a closure is not supported."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["square"] = torch.ones_like(weight)
                    state["velocity"] = torch.zeros_like(weight)
                gradient = weight.grad.add(weight, alpha=group["weight_decay"])
                state["square"].lerp_(gradient.square(), 1 - group["decay"])
                scaled = gradient.div_(state["square"].add(group["eps"]).sqrt_())
                state["velocity"].mul_(group["momentum"]).add_(scaled, alpha=group["lr"])
                weight.sub_(state["velocity"])
