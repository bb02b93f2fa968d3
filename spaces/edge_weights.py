"""Spaces whose competing edges have weights of their own: the edge normalisation of PC-DARTS.

Xu et al., PC-DARTS, ICLR 2020, equation 3; yuhuixu1993/PC-DARTS at b74702f, model_search.py:134-166. What an edge
carries is multiplied by beta, the softmax over the edges that enter the same node. The betas are rows of the table like
any others, behind those of the space: so all that moves, keeps and measures alphas does the same with them. An edge is
kept for the largest product of its beta and a share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import final

import numpy as np

from .base import Arch, Drawing, Site, Space, SupernetConfig


def competes(space: Space) -> bool:
    """Whether edges of a space compete, so that they can have weights."""
    return any(site.contests for site in space.sites)


@lru_cache(maxsize=64)
def searched(space: Space, config: SupernetConfig) -> Space:
    """Return the space as a supernet searches it: with weights of its edges where the supernet has them."""
    return EdgeWeighted(space) if config.edge_weights and not isinstance(space, EdgeWeighted) else space


@final
class EdgeWeighted(Space):
    """A space with a row of weights for each node whose edges compete; its architectures are those of the space."""

    def __init__(self, space: Space) -> None:
        for name in Space.__annotations__:
            setattr(self, name, getattr(space, name))
        self.plain = space
        self.sites = (*map(_weighed, space.sites), *(_weights(site) for site in space.sites if site.contests))

    def arch(self, chosen: tuple[tuple[int, ...], ...]) -> Arch:
        """Return the architecture that keeps the given choices; those of the weights say nothing more."""
        return self.plain.arch(chosen[: len(self.plain.rows)])

    def khot(self, arch: Arch) -> np.ndarray:
        """Return a table that decodes to the architecture, whose edges all weigh the same."""
        table, plain = np.zeros(self.mask.shape), self.plain.khot(arch)
        table[: plain.shape[0], : plain.shape[1]] = plain
        return table

    def random(self, rng: np.random.Generator) -> Arch:
        """Draw an architecture as the space does."""
        return self.plain.random(rng)

    def form(self, arch: Arch) -> str:
        """See ``Space.form``."""
        return self.plain.form(arch)

    def parse(self, text: str) -> Arch:
        """Return the architecture that a key names."""
        return self.plain.parse(text)

    def enumerate(self) -> Iterator[Arch]:
        """Yield every architecture of the space."""
        return self.plain.enumerate()

    @cached_property
    def count(self) -> int:
        """How many architectures the space has."""
        return self.plain.count

    def drawing(self, arch: Arch) -> Drawing:
        """Return the found cell as a graph."""
        return self.plain.drawing(arch)


def _weighed(site: Site) -> Site:
    return replace(site, weighed_by=_weights(site).name) if site.contests else site


def _weights(site: Site) -> Site:
    """Return the site of the weights: a row for each contest, with its rows, counted from 0, as the choices."""
    lists = tuple(tuple(map(str, range(len(contest)))) for contest in site.contests)
    longest = max(lists, key=len)
    return Site(f"{site.name}-edges", len(lists), longest, keep=site.survivors, lists=lists)
