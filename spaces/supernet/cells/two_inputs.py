"""Cells of two inputs, normal and reduction: those of the DARTS spaces.

All edges that leave nodes of one *level*, the two inputs or one node that follows, are computed together. What an
operation does to a node's map before its weights are its own is done once for the node: the ReLU, and the pools with
their batch norms, which have no affine part and so are the same on each edge. The depthwise convolutions of all edges
are one for each operation, the pointwise ones of all edges and operations are one. The outputs of operations are not
rectified, so that the mixing weight rides on the last batch norm and a node is one sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, final

import torch
from torch import Tensor

from spaces.base import Space, SupernetConfig, TwoInputCell
from spaces.supernet.constants import Constants
from spaces.supernet.declare import Place
from spaces.supernet.forward import Pass, added_up
from spaces.supernet.layout import Position
from spaces.supernet.levels import DILATED, NOISE, SEPARABLE, SKIP, Edge, Level, levels
from spaces.supernet.ops import avg_pool, max_pool
from spaces.supernet.partial import divided, halved, joined, weights_of
from spaces.supernet.weigh import weigh

from .kind import CellKind

_POOLS = {"max_pool_3x3": max_pool, "avg_pool_3x3": avg_pool}


@dataclass(frozen=True)
class TwoInputShares:
    """A cell's place, and the shares ``(S, targets, C)`` of each level's whole maps, as ``Level.whole`` has them.

    ``passing`` holds those of the channels that pass the operations by, of each level's sources; empty where none do.
    """

    place: Place
    levels: tuple[tuple[Tensor, ...], ...]
    passing: tuple[tuple[Tensor, ...], ...]


@final
class TwoInputs(CellKind):
    """Each node sums the mixed operations of all before it, ``none`` none; the output is the nodes side by side."""

    inputs = 2

    def __init__(self, space: Space, config: SupernetConfig) -> None:
        assert isinstance(space.cell, TwoInputCell)
        super().__init__(space, config)
        self._cell = space.cell
        self._levels = {reduction: levels(space, reduction=reduction) for reduction in (False, True)}
        self._index, self._passing = Constants(self._make_index), Constants(self._make_passing)

    def weighing(self) -> list[Position]:
        """See ``CellKind``."""
        return list(self._entries)

    @cached_property
    def _entries(self) -> dict[Position, int]:
        """The entries that weigh whole maps, and their places; last those that weigh what passes by."""
        found = [
            edge.entry
            for levels in self._levels.values()
            for level in levels
            for operation in dict.fromkeys(name for name, _ in level.whole())
            for edge in level.edges[operation]
        ]
        if self.config.partial > 1:
            found += [entry for reduction in self._levels for entry in self._betas(reduction).values()]
        return {entry: place for place, entry in enumerate(found)}

    def _betas(self, reduction: bool) -> dict[tuple[int, int], Position]:
        """Return the entry of the weight of each edge; none where edges have no weights."""
        name = self._cell.reduction if reduction else self._cell.normal
        site = next(site for site in self.space.sites if site.name == name)
        return dict(zip(self._cell.edges, weights_of(self.space, site), strict=False))

    def _make_index(self, reduction: bool, device: torch.device) -> Tensor:
        """Return for each share of a kind of cell the place of its entry, the last one where the edge lacks it."""
        places = []
        for level in self._levels[reduction]:
            for operation, source in level.whole():
                into = {edge.target: edge.entry for edge in level.edges[operation] if edge.source == source}
                places += [self._entries[into[t]] if t in into else len(self._entries) for t in level.targets]
        return torch.tensor(places, device=device, dtype=torch.int64)

    def _make_passing(self, reduction: bool, device: torch.device) -> Tensor:
        """Return for each edge, by level and source, the place of its weight, the one behind the last zero without."""
        betas = self._betas(reduction)
        edges = [(s, t) for level in self._levels[reduction] for s in level.sources for t in level.targets]
        places = [self._entries[betas[edge]] if betas else len(self._entries) + 1 for edge in edges]
        return torch.tensor(places, device=device, dtype=torch.int64)

    def shares(self, entries: Tensor, places: Sequence[Place]) -> Sequence[TwoInputShares]:
        """See ``CellKind``."""
        partial = self.config.partial > 1
        beside = [entries.new_zeros(len(entries), 1), *([entries.new_ones(len(entries), 1)] if partial else [])]
        entries, channels = torch.cat([entries, *beside], dim=1), places[0].operated
        laid: dict[bool, Any] = {}
        for reduction in dict.fromkeys(place.reduction for place in places):
            cells = sum(place.reduction == reduction for place in places)
            index, levels = self._index.of(reduction, entries.device), self._levels[reduction]
            each = [[len(level.targets) for _ in level.whole()] for level in levels]
            own, passing = _laid(entries.index_select(1, index), each, cells, channels), repeat(((),) * len(levels))
            if partial:
                index = self._passing.of(reduction, entries.device)
                each = [[len(level.targets) for _ in level.sources] for level in levels]
                passing = _laid(entries.index_select(1, index), each, cells, places[0].channels - channels)
            laid[reduction] = zip(own, passing, strict=False)
        return [TwoInputShares(place, *next(laid[place.reduction])) for place in places]

    def forward(self, pass_: Pass, shares: TwoInputShares, *inputs: Tensor) -> Tensor:
        """See ``CellKind``."""
        place, maps, partial = shares.place, [], self.config.partial
        for number, x in enumerate(inputs):
            rectified = pass_.relu(x)
            if number == 0 and place.after_reduction:
                maps.append(pass_.norm(_halves(pass_, rectified, "input0", 1), "input0.bn"))
            else:
                maps.append(pass_.conv_bn(rectified, f"input{number}"))
        sums, passed, rest, nodes = None, None, None, []
        for level, weights, passing in zip(self._levels[place.reduction], shares.levels, shares.passing, strict=True):
            parts = [divided(x, partial) for x in maps]
            own = _run_level(pass_, level, _beside([seen for seen, _ in parts]), weights)
            sums = own if sums is None else sums + own
            node, sums = _first(sums, place.operated)
            if passing:
                others = (halved(other, level.stride) for _, other in parts if other is not None)
                passed = weigh(passed, *zip(others, passing, strict=True))
                rest, passed = _first(passed, place.channels - place.operated)
            nodes.append(joined(node, rest, partial))
            maps = nodes[-1:]
        return torch.cat(nodes, dim=-1)


def _beside(maps: list[Tensor]) -> Tensor:
    return maps[0] if len(maps) == 1 else torch.cat(maps, dim=-1)


def _first(x: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """Return the first channels and the others."""
    first, others = x.split([channels, x.shape[-1] - channels], dim=-1)
    return first, others


def _laid(
    picked: Tensor, sizes: list[list[int]], cells: int, channels: int
) -> Iterator[tuple[tuple[Tensor, ...], ...]]:
    """Yield for each cell, level by level, tensors of its own ``(S, size, C)`` of shares ``(S, sum of sizes)``."""
    picked = picked.t()
    repeated = picked.expand(cells, *picked.shape).unsqueeze(-1)
    repeated = repeated.expand(*repeated.shape[:3], channels).flatten(0, 1)
    flat = [size for level in sizes for size in level]
    parts = iter([part.transpose(0, 1) for part in repeated.split(flat * cells)])
    for _ in range(cells):
        yield tuple(tuple(next(parts) for _ in level) for level in sizes)


def _halves(pass_: Pass, x: Tensor, name: str, times: int) -> Tensor:
    """Return ``times`` factorized reduces of ``times`` rectified maps, side by side, without their batch norm."""
    even = pass_.conv(x[:, ::2, ::2], f"{name}.even").unflatten(-1, (times, -1))
    odd = pass_.conv(x[:, 1::2, 1::2], f"{name}.odd").unflatten(-1, (times, -1))
    return torch.cat([even, odd], dim=-1).flatten(-2)


def _run_level(pass_: Pass, level: Level, x: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
    """Return what a level adds to each of its targets, side by side; ``x`` holds its sources, side by side."""
    readers = level.of(SEPARABLE, DILATED, [SKIP] if level.stride > 1 else [])
    rectified = pass_.relu(x, readers=sum(map(len, readers.values())) // len(level.sources))
    total = _convolved(pass_, level, rectified)
    if level.stride > 1:
        for name, edges in level.of([SKIP]).items():
            y = _halves(pass_, _spread(rectified, level, edges), f"{level.name}.{name}", len(edges))
            counts = level.counts({name: edges})
            own = added_up(pass_.norm(y, f"{level.name}.{name}.bn"), counts)
            total = own if total is None else total + own
    terms = []
    for (name, source), map_, share in zip(level.whole(), _whole_maps(pass_, level, x), weights, strict=True):
        if name == NOISE:  # each edge has a draw of its own
            assert total is not None
            drawn = pass_.noise.like(total, salt=source)
            total = weigh(total, (drawn, share.flatten(1).unsqueeze(1)))
        else:
            terms.append((map_, share))
    if terms:
        return weigh(total, *terms)
    assert total is not None
    return total


def _convolved(pass_: Pass, level: Level, rectified: Tensor) -> Tensor | None:
    """Return the sums over the separable and the dilated convolutions that enter each target."""
    separable, both = level.of(SEPARABLE), level.of(SEPARABLE, DILATED)
    if not both:
        return None
    spread: dict[tuple[int, ...], Tensor] = {}
    deep: dict[str, Tensor] = {}
    for name, edges in both.items():
        sources = tuple(edge.source for edge in edges)
        if sources not in spread:
            spread[sources] = _spread(rectified, level, edges)
        dilation = 2 if name in DILATED else 1
        own = f"{level.name}.{name}.first"
        deep[name] = pass_.conv(spread[sources], own, stride=level.stride, dilation=dilation)
    if separable:
        first = pass_.relu(pass_.conv_bn(torch.cat([deep[name] for name in separable], dim=-1), f"{level.name}.first"))
        for name, y in zip(separable, first.split([deep[name].shape[-1] for name in separable], dim=-1), strict=True):
            deep[name] = pass_.conv(y, f"{level.name}.{name}.second")
    return pass_.gathered(_joined(level, both, deep), f"{level.name}.last")


def _joined(level: Level, operations: dict[str, tuple[Edge, ...]], maps: dict[str, Tensor]) -> Tensor:
    """Return the maps of all edges of some operations side by side, as ``Level.ordered`` has them."""
    each = len(level.sources) * len(level.targets)
    if all(len(edges) == each for edges in operations.values()):
        by_target = [maps[name].unflatten(-1, (len(level.targets), -1)) for name in operations]
        return torch.cat(by_target, dim=-1).flatten(-2)
    parts = {name: maps[name].unflatten(-1, (len(edges), -1)).unbind(-2) for name, edges in operations.items()}
    return torch.cat([parts[name][place] for name, place in level.ordered(operations)], dim=-1)


def _whole_maps(pass_: Pass, level: Level, x: Tensor) -> list[Tensor]:
    """Return the maps that are weighed as a whole, as ``Level.whole`` has them."""
    found: dict[str, Sequence[Tensor]] = {}
    for name in dict.fromkeys(name for name, _ in level.whole()):
        y = x
        if pool := _POOLS.get(name):
            y = pass_.norm(pool(x, kernel=3, stride=level.stride, padding=1), f"{level.name}.{name}.bn")
        found[name] = [y] if len(level.sources) == 1 else y.unflatten(-1, (len(level.sources), -1)).unbind(-2)
    return [found[name][level.sources.index(source)] for name, source in level.whole()]


def _spread(x: Tensor, level: Level, edges: tuple[Edge, ...]) -> Tensor:
    """Return the map of the source of each edge, side by side."""
    sources, count = [level.sources.index(edge.source) for edge in edges], len(level.sources)
    if sources == list(range(count)) * (len(sources) // count):
        return x.unsqueeze(-2).expand(*x.shape[:4], len(sources) // count, x.shape[4]).flatten(-2)
    maps = x.unflatten(-1, (count, -1)).unbind(-2)
    return torch.cat([maps[source] for source in sources], dim=-1)
