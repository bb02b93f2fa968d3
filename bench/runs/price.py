"""What a group will cost: time from earlier records, memory from the supernet's own shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import torch

from bench.images import datasets
from bench.machine import environment
from bench.methods import method
from results.errors import InputError
from results.records.record import Record
from results.records.store import Store
from spaces.supernet.network import Supernet

from .head import MOST_WEIGHTS
from .plan import Group

#: Training passes that take as long as one step of an attack: 0.80 to 0.97 in docs/performance/cpu.json.
_ATTACK_STEP = 0.9
#: Training passes that take as long as a pass without a gradient: a backward pass takes as long as two forward ones.
_FORWARD = 1 / 3


@dataclass(frozen=True)
class Price:
    """Predicted wall time of what is left and peak memory, with what the prediction rests on."""

    seconds: float  # nan where nothing is known
    memory: int  # bytes
    basis: str


class Prices:
    """Prices groups from the records of the same protocol's size on the same device."""

    def __init__(self, store: Store, device: torch.device) -> None:
        name = environment.device_info(device)["name"]
        searches = [r for r in store.records(complete_only=True) if not r.manifest.method.draws and _size(r)]
        self.records = [r for r in searches if _device(r) == name]
        self.elsewhere = [r for r in searches if _device(r) not in (name, None)]

    def of(self, group: Group) -> Price:
        """Return the price of one group."""
        arm, protocol = group.arm, group.arm.protocol
        if arm.method.independent:
            return Price(0.0, 0, "no supernet")
        memory, size = memory_of(group), _dimensions(protocol.as_dict())
        similar = [r for r in self.records if r.run.space == arm.space_id and _size(r) == size]
        others = [r for r in self.elsewhere if r.run.space == arm.space_id and _size(r) == size]
        same = [r for r in similar if r.run.method == arm.id]
        seeds, rounds = len(group.seeds), group.last - max(group.epochs, group.at.epoch)
        left = max(0, group.epochs - group.at.epoch)
        if same:
            seconds = _per_seed_epoch(same) * left + (_per_seed_round(same) * rounds if rounds else 0)
            return Price(seconds * seeds, memory, f"{len(same)} records on this device")
        passes = _passes(arm.method_id, protocol.as_dict()["params"])
        if passes and rounds:
            left += _epochs_of_selection(group) * rounds / arm.rounds
        known = {r.run: _passes(r.manifest.method.base or r.run.method, r.manifest.protocol.params) for r in similar}
        similar = [r for r in similar if known[r.run]]
        if similar and passes:
            each = [_per_seed_epoch([r]) * passes / known[r.run] for r in similar]
            return Price(sum(each) / len(each) * seeds * left, memory, "other methods' records, by passes")
        basis = "no record on this device yet"
        if other := next((r for r in others if r.run.method == arm.id), None):
            basis += f" (on {_device(other)}: {_per_seed_epoch([other]) * seeds * left:.0f} s)"
        return Price(nan, memory, basis)


def _passes(method_id: str, params: Mapping[str, Any]) -> float:
    """Return a method's training passes over the images in one epoch; 0 where nobody counted."""
    if method_id not in method.names():
        return 0.0
    found = method.find(method_id)
    attack = found.passes.get("attack", 0) * params.get("steps", 0) * _ATTACK_STEP
    alpha = found.passes.get("alpha", 0) * (1 - params.get("warmup", 0))  # the share of a warm-up has none
    return (alpha + found.passes.get("weights", 0) + attack) / max(1, found.levels)


def _epochs_of_selection(group: Group) -> float:
    """Return the epochs of the search that take as long as the selection after it."""
    arm, select, params = group.arm, group.arm.method.select, group.arm.protocol.params
    if select is None:
        return 0.0
    trained, tried = arm.rounds if select.rate else 0, select.tried(params, arm.space)
    step = sum(arm.method.passes.values())  # an epoch's over each half of the images
    if select.trial == "half":
        return trained + tried * _FORWARD / step
    images = arm.protocol.images.limit or datasets.find(arm.protocol.images.dataset).train
    return trained + tried * select.batch(params, arm.protocol.training) * _FORWARD / step / (images / 2)


def _per_seed_epoch(records: list[Record]) -> float:
    """Return the mean seconds of an epoch divided by the seeds that shared it."""
    return _per_seed([(r, r.searched) for r in records])


def _per_seed_round(records: list[Record]) -> float:
    """Return the mean seconds of a round of the selections divided by the seeds that shared it; NaN without any."""
    return _per_seed([(r, r.selected) for r in records if len(r.selected)])


def _per_seed(records: list[tuple[Record, pd.DataFrame]]) -> float:
    each = [float(np.nanmean(points["seconds"])) / (len(r.manifest.group.seeds) or 1) for r, points in records]
    return float(sum(each) / len(each)) if each else nan


def _device(record: Record) -> str | None:
    return record.manifest.device.name


def _size(record: Record) -> tuple[object, ...]:
    try:
        return _dimensions(record.manifest.protocol.as_dict())
    except (KeyError, TypeError):  # imported from another code, or from anywhere
        return ()


def _dimensions(protocol: dict[str, Any]) -> tuple[object, ...]:
    """Return what the time of an epoch depends on."""
    images, net = protocol["images"], protocol["supernet"]
    sizes = (images[key] for key in ("dataset", "size", "limit"))
    depth = net["cells"], net.get("layers", 0)
    return (*sizes, net["channels"], *depth, net.get("partial", 1), protocol["training"]["batch"])


def fitted(groups: Sequence[Group], room: float) -> tuple[list[Group], str]:
    """Divide groups whose predicted memory is above ``room`` bytes; return all groups, and a line if any was divided.

    A group that was cut off is left as it is, for it continues as it began; it is halved if it turns out not to fit.
    """
    found: list[Group] = []
    divided = 0
    for group in groups:
        seeds, parts = group.seeds, 1
        each = memory_of(group) / len(seeds) if group.arm.method.step else 0.0
        if len(seeds) > 1 and not group.begun and each:
            parts = -(-len(seeds) // max(1, int(min(len(seeds), room / each))))
        divided += parts > 1
        bounds = [len(seeds) * part // parts for part in range(parts + 1)]
        found += [replace(group, seeds=seeds[a:b]) for a, b in pairwise(bounds)]
    if not divided:
        return found, ""
    more = f"{len(groups)} groups are {len(found)} now" if len(groups) > 1 else f"a group became {len(found)}"
    return found, f"memory: {more}, so that each is predicted to fit into {room / 2**30:.2f} GiB"


def memory_of(group: Group) -> int:
    """Return the bytes that a group needs at its peak, in float32.

    Weights, momentum and gradients are counted; what a training pass saves is measured on one seed and scaled.

    Raises
    ------
    InputError
        The supernet is larger than a checkpoint may be.
    """
    protocol = group.arm.protocol
    net = Supernet(group.arm.space, protocol.supernet)
    if net.size > MOST_WEIGHTS:
        raise InputError(
            f"supernet.channels = {net.config.channels} and supernet.cells = {net.config.cells} make"
            f" {net.size:,} weights on {group.arm.space_id}; the limit is {MOST_WEIGHTS:,}: use smaller values"
        )
    side = protocol.images.size or datasets.find(protocol.images.dataset).side
    seeds, batch = len(group.seeds), protocol.training.batch
    once, each = _saved_bytes(net, side)
    return seeds * (16 * net.size + once + batch * each)


def _saved_bytes(net: Supernet, side: int) -> tuple[int, int]:
    """Return the bytes that a training pass saves for its backward pass: once, and for each image."""
    small = min(side, 8)
    two, four = (_saved(net, small, images) for images in (2, 4))
    return 2 * two - four, int((four - two) / 2 * (side / small) ** 2)


def _saved(net: Supernet, side: int, images: int) -> int:
    weights = torch.zeros(1, net.size, requires_grad=True)
    mix = torch.full((1, *net.space.mask.shape), 0.2, requires_grad=True)
    statistics = net.statistics(1, dtype=torch.float32, device="cpu")
    own = {weights.untyped_storage().data_ptr(), mix.untyped_storage().data_ptr()}
    sizes: dict[int, int] = {}
    kept = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage, alone = tensor.untyped_storage(), tensor.detach()  # the tensor itself holds the graph that holds it
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
            kept.append(alone)
        return alone

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        net.forward(weights, statistics, torch.zeros(images, side, side, 1, 3), mix, training=True, update=False)
    return sum(sizes.values())
