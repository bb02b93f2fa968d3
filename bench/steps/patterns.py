"""Which ReLUs fire: how well a network that was never trained tells images apart.

Two images are alike where the same ReLUs fire for both. K counts, for each pair of B images, the ReLUs in which they
agree; the score is log |det K|, high where few do (Mellor et al., Neural Architecture Search without Training, ICML
2021).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def agreement(x: Tensor) -> Tensor:
    """Count in how many ReLUs each pair of images agrees.

    Parameters
    ----------
    x : inputs of ReLUs, ``(..., B, F)``; a ReLU fires above zero.

    Returns
    -------
    ``(..., B, B)``, float64. Counts of up to 2**24 ReLUs are exact.
    """
    signs = (x > 0).float().mul_(2).sub_(1)
    return (signs @ signs.mT).double().add_(x.shape[-1]).div_(2)


def score(kernel: Tensor) -> Tensor:
    """Return log |det K| of ``(..., B, B)``; -inf where two images agree in every ReLU."""
    return torch.linalg.slogdet(kernel).logabsdet


@torch.no_grad()
def network_kernel(network: nn.Module, images: Tensor) -> Tensor:
    """Return K, ``(B, B)``, of a network in evaluation mode, summed over its ``nn.ReLU`` modules.

    Parameters
    ----------
    images : ``(B, channels, H, W)``.
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

    def seen(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kernel.add_(agreement(inputs[0].flatten(1)))

    hooks = [m.register_forward_pre_hook(seen) for m in network.modules() if isinstance(m, nn.ReLU)]
    try:
        network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
    return kernel
