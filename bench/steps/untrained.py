"""The inputs from which a method that trains nothing proposes architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from spaces.base import Arch, Space

from .learner import Learner, Samples


@dataclass(frozen=True)
class Untrained:
    """A group of seeds whose weights stay as they were drawn.

    Attributes
    ----------
    learner : returns the supernet in its initial state; it is made when it is first asked for.
    samples : ``samples(purpose, number, batch, count)`` yields ``count`` augmented batches of the weights' images for
        every seed, drawn from the streams of that purpose and number; no batch is larger than those images.
    network : ``network(arch, seed)`` returns the freshly drawn network of one architecture alone, at the width and
        depth of the supernet, on the device of the images.
    """

    space: Space
    seeds: tuple[int, ...]
    params: Any
    learner: Callable[[], Learner]
    samples: Callable[[str, int, int, int], Iterator[Samples]]
    network: Callable[[Arch, int], nn.Module]


#: Returns the architecture of each seed at a point. It sees those of the points before, one list a point, and draws
#: from streams that the number of the point names, so that a search continues from any point without a state.
Propose = Callable[[Untrained, int, Sequence[Sequence[Arch]]], list[Arch]]
