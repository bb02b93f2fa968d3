"""Checkpoints: one file a seed and epoch, with which a search goes on as if it had not stopped.

A group of seeds goes on together. Its files are written one after the other, and those of the epoch before are
removed only when all are there, so that a kill at any instant leaves one epoch of which the whole group is present.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pickle  # for the name of its error alone
import re
import struct
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from results.record import Run

from .learner import State

MAGIC = b"dnas-checkpoint-1\n"
_NAME = re.compile(r"seed-(\d+)\.epoch-(\d+)\.ckpt$")


@dataclass(frozen=True)
class Checkpoint:
    """One seed after ``epoch`` epochs.

    ``meta`` holds config hash, the seeds of the group, and how it was computed; ``points`` the record's rows so far;
    ``tensors`` the seed's share of the state.
    """

    run: Run
    epoch: int
    meta: dict[str, Any]
    points: list[dict[str, Any]]
    tensors: dict[str, Tensor]


def folder(root: Path, run: Run) -> Path:
    """Return the folder of a run's checkpoints below the store's root."""
    return root / ".checkpoints" / run.experiment / run.space / run.method


def path(root: Path, run: Run, epoch: int) -> Path:
    """Return the file of one checkpoint."""
    return folder(root, run) / f"seed-{run.seed:03d}.epoch-{epoch:04d}.ckpt"


def save(root: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically, with a checksum."""
    buffer = io.BytesIO()
    torch.save(checkpoint.tensors, buffer)
    described = {name: getattr(checkpoint, name) for name in ("epoch", "meta", "points")}
    head = json.dumps(described | {"run": asdict(checkpoint.run)}).encode()
    body = struct.pack("<Q", len(head)) + head + buffer.getvalue()
    target = path(root, checkpoint.run, checkpoint.epoch)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    try:
        with part.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(body).digest() + body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def load(root: Path, run: Run, epoch: int) -> Checkpoint | None:
    """Read a run's checkpoint; None where it is absent, damaged, or of another run."""
    found = read(path(root, run, epoch))
    return found if found is not None and (found.run, found.epoch) == (run, epoch) else None


def read(path: Path) -> Checkpoint | None:
    """Read a checkpoint from a file; None where it is absent or damaged. Nothing in the file is executed."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    start = len(MAGIC) + 32
    body = data[start:]
    if not data.startswith(MAGIC) or hashlib.sha256(body).digest() != data[len(MAGIC) : start]:
        return None
    try:
        (length,) = struct.unpack("<Q", body[:8])
        head = json.loads(body[8 : 8 + length])
        tensors = torch.load(io.BytesIO(body[8 + length :]), map_location="cpu", weights_only=True)
        return Checkpoint(Run(**head["run"]), head["epoch"], head["meta"], head["points"], tensors)
    except (ValueError, KeyError, TypeError, RuntimeError, struct.error, pickle.UnpicklingError):
        return None  # whole, but made by something else


def epochs(root: Path, run: Run) -> list[int]:
    """Return the epochs of which a run has a checkpoint, latest first."""
    names = (_NAME.search(p.name) for p in folder(root, run).glob(f"seed-{run.seed:03d}.epoch-*.ckpt"))
    return sorted((int(match[2]) for match in names if match), reverse=True)


def remove(root: Path, run: Run, *, keep: int | None = None) -> None:
    """Remove a run's checkpoints but that of epoch ``keep``."""
    for epoch in epochs(root, run):
        if epoch != keep:
            path(root, run, epoch).unlink(missing_ok=True)


def latest(root: Path, run: Run, config_hash: str) -> tuple[int, tuple[int, ...]] | None:
    """Return epoch and group of the newest checkpoint of which the whole group is present and readable."""
    for epoch in epochs(root, run):
        mine = load(root, run, epoch)
        if mine is None or mine.meta["config_hash"] != config_hash:
            continue
        group = tuple(mine.meta["group"])
        others = (load(root, replace(run, seed=seed), epoch) for seed in group if seed != run.seed)
        if all(other is not None and other.meta == mine.meta for other in others):
            return epoch, group
    return None


def share(state: State, index: int) -> dict[str, Tensor]:
    """Return one seed's share of a state, on the CPU."""
    tensors = {
        "weights": state.weights[index],
        "momentum": state.momentum[index],
        "alpha": state.alpha[index],
        "first": state.first[index],
        "second": state.second[index],
        "steps": state.steps,
    }
    for name, (mean, variance) in state.statistics.items():
        tensors[f"mean/{name}"], tensors[f"variance/{name}"] = mean[index], variance[index]
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def join(shares: list[dict[str, Tensor]], device: torch.device) -> State:
    """Put the shares of a group together again."""

    def stacked(name: str) -> Tensor:
        return torch.stack([share[name] for share in shares]).to(device)

    norms = [name.removeprefix("mean/") for name in shares[0] if name.startswith("mean/")]
    return State(
        weights=stacked("weights"),
        momentum=stacked("momentum"),
        statistics={n: (stacked(f"mean/{n}"), stacked(f"variance/{n}")) for n in norms},
        alpha=stacked("alpha"),
        first=stacked("first"),
        second=stacked("second"),
        steps=shares[0]["steps"].clone().to(device),
    )
