"""What SDARTS's two perturbations share: their radius, which grows from epoch to epoch, and their random noise.

The perturbations themselves are in ``bench.methods.sdarts_rs`` and ``bench.methods.sdarts_adv``.

Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.protocol import NonNegative
from bench.steps.learner import Draws
from bench.steps.schedule import Scalars
from spaces.base import Space

from .schedule import ramp


@dataclass(frozen=True)
class Radius:
    """The l-infinity radius epsilon, growing from epoch to epoch; its last value falls short of ``epsilon``."""

    epsilon_start: NonNegative = 0.03
    epsilon: NonNegative = 0.3


def radius(params: Radius, epoch: int, epochs: int) -> Scalars:
    """Return epsilon of an epoch."""
    return {"epsilon": ramp(epoch, epochs, params.epsilon_start, params.epsilon)}


def noise(generator: torch.Generator, steps: int, space: Space, params: Radius) -> Draws:
    """Draw one seed's noise, uniform in [-1, 1], for each step of an epoch: ``(steps, R, M)``."""
    uniform = torch.rand(steps, *space.mask.shape, generator=generator, dtype=torch.float64)
    return {"noise": 2 * uniform - 1}
