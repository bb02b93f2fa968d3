"""Writes files in the formats of NATS-Bench and of NAS-Bench-201, with made-up figures.

The keys and types are those of ``ArchResults.state_dict()`` in both packages; of the figures only those of the last
epoch are read by this suite, but all are there, so that sizes are as published.
"""

from __future__ import annotations

import bz2
import io
import itertools
import pickle
import random
import tarfile
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
#: Training set -> number of classes, and the sets that its networks are evaluated on.
TRAINING_SETS = {
    "cifar10-valid": (10, ("x-valid", "ori-test")),
    "cifar10": (10, ("ori-test",)),
    "cifar100": (100, ("ori-test", "x-valid", "x-test")),
    "ImageNet16-120": (120, ("ori-test", "x-valid", "x-test")),
}


def archs(count: int) -> list[str]:
    """Return the first so many cells."""
    drawn = itertools.islice(itertools.product(OPERATIONS, repeat=6), count)
    return ["|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*names) for names in drawn]


def cell(index: int, arch: str) -> OrderedDict[str, Any]:
    """Return one cell as NATS-Bench keeps it: epochs -> results."""
    draw = random.Random(index)
    short = {name: [111, 777] if name == "cifar10-valid" else [777] for name in TRAINING_SETS}
    long = dict.fromkeys(TRAINING_SETS, [777, 888, 999][: 1 + index % 3])
    return OrderedDict({"12": results(index, arch, 12, short, draw), "200": results(index, arch, 200, long, draw)})


def results(index: int, arch: str, epochs: int, seeds: dict[str, list[int]], draw: random.Random) -> dict[str, Any]:
    """Return what was measured with trainings of one length; ``seeds`` is training set -> seeds."""
    return {
        "arch_index": index,
        "arch_str": arch,
        "all_results": {(name, seed): trial(name, arch, epochs, seed, draw) for name in seeds for seed in seeds[name]},
        "dataset_seed": seeds,
        "clear_net_done": True,
    }


def output_is_reached(arch: str) -> bool:
    """Whether anything comes through a cell."""
    reached = [True]
    for node in arch.split("+"):
        edges = [edge.split("~") for edge in node.strip("|").split("|")]
        reached.append(any(operation != "none" and reached[int(source)] for operation, source in edges))
    return reached[-1]


def trial(name: str, arch: str, epochs: int, seed: int, draw: random.Random) -> dict[str, Any]:
    """Return one training."""
    classes, evaluated = TRAINING_SETS[name]
    keys = [f"{split}@{epoch}" for split in evaluated for epoch in range(epochs)]

    learned = sum(names in arch for names in ("nor_conv_3x3~2", "nor_conv_3x3~1", "nor_conv_1x1~2", "avg_pool_3x3~2"))
    best = {10: 60.0, 100: 30.0, 120: 15.0}[classes] + 6 * learned + 3 * (name == "cifar10")
    reaches = output_is_reached(arch)

    def accuracies(of: Iterable[Any]) -> dict[Any, float]:
        """A cell whose output is zero guesses; the others are better for some of their operations."""
        return {key: round(best + draw.uniform(0, 1) if reaches else 100 / classes, 2) for key in of}

    def losses(of: Iterable[Any]) -> dict[Any, float]:
        return {key: draw.uniform(0, 2) for key in of}

    return {
        "name": name,
        "net_state_dict": None,
        "train_acc1es": accuracies(range(epochs)),
        "train_acc5es": accuracies(range(epochs)),
        "train_losses": losses(range(epochs)),
        "train_times": OrderedDict.fromkeys(range(epochs), 10.5),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": arch, "class_num": classes},
        "params": np.float64(0.0733 + 65e-6 * classes),
        "flop": 15.64737,
        "seed": str(seed),
        "epochs": epochs,
        "latency": [0.0161],
        "eval_names": list(evaluated),
        "eval_acc1es": accuracies(keys),
        "eval_times": dict.fromkeys(keys, 1.25),
        "eval_losses": losses(keys),
    }


def write_folder(folder: Path, cells: int) -> Path:
    """Write NATS-Bench as it unpacks: one file per cell and one that lists them."""
    folder.mkdir()
    names = archs(cells)
    for index, arch in enumerate(names):
        (folder / f"{index:06d}.pickle.pbz2").write_bytes(packed(cell(index, arch)))
    (folder / "meta.pickle.pbz2").write_bytes(packed({"meta_archs": names, "total_archs": cells}))
    return folder


def packed(content: object) -> bytes:
    """Return ``content`` as a file of NATS-Bench."""
    return bz2.compress(pickle.dumps(content, protocol=4))


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    """Write an archive of these files."""
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def one_file(cells: int) -> dict[str, Any]:
    """Return the content of the release in one file."""
    names = archs(cells)
    made = [cell(index, arch) for index, arch in enumerate(names)]
    return {
        "meta_archs": names,
        "total_archs": cells,
        "arch2infos": {index: {"full": c["200"], "less": c["12"]} for index, c in enumerate(made)},
        "evaluated_indexes": set(range(cells)),
    }
