"""Checkpoints: one file per seed and position, with which a search continues as if it had not stopped.

A group of seeds continues together. Its files are written one
after the other, and those of the position before are removed only when all are there, so that a kill at any instant
leaves one position of which the whole group is present.

No file is ever changed. Some seeds of a group may continue without the others, from the same files: halves of it, those
that have not diverged, those that are asked for. They are then further on, or recorded, and what they left behind is
still a position of the others.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.arms import Arm
from bench.runs.head import LARGEST, MAGIC, head
from bench.search import Position
from results.errors import InputError
from results.files import kept, whole
from results.files.unpickle import inflates
from results.records.run import Run

_NAME = re.compile(r"seed-(\d+)\.epoch-(\d+)(?:\.step-(\d+))?\.ckpt$")


@dataclass(frozen=True)
class Checkpoint:
    """One seed at a position of its search.

    ``meta`` holds config hash, the seeds of the group, how it was computed, and the groups before; ``points`` the
    record's rows so far; ``tensors`` the seed's share of the state and, inside an epoch, of its sums.
    """

    run: Run
    at: Position
    meta: dict[str, Any]
    points: list[dict[str, Any]]
    tensors: dict[str, Tensor]


def folder(root: Path, of: Run | Arm) -> Path:
    """Return the folder of the checkpoints of a run, and of its whole arm, below the store's root."""
    return root / ".checkpoints" / of.folder


def lock(root: Path, run: Run) -> Path:
    """Return the file that a process holds while it searches with the seed of a run."""
    return folder(root, run) / f"seed-{run.seed:03d}.lock"


def path(root: Path, run: Run, position: Position) -> Path:
    """Return the file of one checkpoint."""
    epoch, step = position
    inside = f".step-{step:06d}" if step else ""
    return folder(root, run) / f"seed-{run.seed:03d}.epoch-{epoch:04d}{inside}.ckpt"


def save(root: Path, checkpoint: Checkpoint, *, replace: bool = False) -> None:
    """Write a checkpoint atomically, with a checksum.

    A damaged file in its place is set aside.

    Raises
    ------
    InputError
        One of another protocol is there, and ``replace`` does not say that it may go.
    """
    target = path(root, checkpoint.run, checkpoint.at)
    if target.exists():
        if (there := read(target)) is None:
            whole.set_aside(target)
        elif not replace and there.meta.get("config_hash") != checkpoint.meta.get("config_hash"):
            raise InputError(kept.line([in_the_way(target, there)]))
    buffer = io.BytesIO()
    torch.save(checkpoint.tensors, buffer)
    described = checkpoint.at._asdict() | {"meta": checkpoint.meta, "points": checkpoint.points}
    text = json.dumps(described | {"run": asdict(checkpoint.run)}).encode()
    body = struct.pack("<Q", len(text)) + text + buffer.getvalue()
    with whole.writing(target) as file:
        file.write(MAGIC + hashlib.sha256(body).digest() + body)


def load(root: Path, run: Run, position: Position) -> Checkpoint | None:
    """Read a run's checkpoint; None where it is absent, damaged, or of another run."""
    found = read(path(root, run, position))
    return found if found is not None and (found.run, found.at) == (run, position) else None


def read(path: Path) -> Checkpoint | None:
    """Read a checkpoint from a file; None where it is absent or damaged. Nothing in the file is executed."""
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    except OSError:
        return None
    start = len(MAGIC) + 32
    body = data[start:]
    if not data.startswith(MAGIC) or hashlib.sha256(body).digest() != data[len(MAGIC) : start]:
        return None
    try:
        (length,) = struct.unpack("<Q", body[:8])
        head, state = json.loads(body[8 : 8 + length]), io.BytesIO(body[8 + length :])
        if inflates(state):
            return None
        state.seek(0)
        tensors = torch.load(state, map_location="cpu", weights_only=True)
        at = Position(head["epoch"], head.get("step", 0))
        found = Checkpoint(Run(**head["run"]), at, head["meta"], head["points"], tensors)
    except Exception:  # whole, but made by something else: torch meets that with any of a dozen errors
        return None
    return found if _sound(found) else None


def _is_row(row: Any) -> bool:
    """Whether a point is a row of a record: numbers, but for the architecture's key and its alphas."""
    if not isinstance(row, dict):
        return False
    texts = [row.get("arch"), row.get("stage", "")]
    numbers = [value for name, value in row.items() if name not in ("arch", "stage", "alpha", "tried")]
    numbers += [*_listed(row.get("alpha")), *_listed(row.get("tried", []))]
    return all(isinstance(text, str) for text in texts) and all(isinstance(each, int | float) for each in numbers)


def _listed(alpha: Any) -> list[Any]:
    return alpha if isinstance(alpha, list) else [alpha]


def _sound(found: Checkpoint) -> bool:
    """Whether everything is of its kind; a checksum says only that nothing was lost on the way."""
    if not isinstance(found.meta, dict) or not isinstance(group := found.meta.get("group", []), list):
        return False
    numbers = (found.run.seed, *found.at, *group)
    return (
        all(type(number) is int and 0 <= number < 10**9 for number in numbers)
        and len(set(group)) == len(group)
        and isinstance(found.meta.get("before", []), list)
        and isinstance(found.points, list)
        and all(map(_is_row, found.points))
        and isinstance(found.tensors, dict)
        and all(isinstance(name, str) and isinstance(t, Tensor) for name, t in found.tensors.items())
    )


def positions(root: Path, run: Run) -> list[Position]:
    """Return the positions of which a run has a checkpoint, latest first."""
    names = (_NAME.search(p.name) for p in folder(root, run).glob(f"seed-{run.seed:03d}.epoch-*.ckpt"))
    return sorted((Position(int(match[2]), int(match[3] or 0)) for match in names if match), reverse=True)


def remove(root: Path, run: Run, config_hash: str, *, keep: Position | None = None, replace: bool = False) -> None:
    """Remove a run's checkpoints of a protocol, or with ``replace`` of any, but that of the position ``keep``."""
    for position in positions(root, run):
        there = path(root, run, position)
        if position != keep and (replace or _config_hash(there) == config_hash):
            there.unlink(missing_ok=True)


def in_the_way(path: Path, found: Checkpoint) -> kept.Kept:
    """Say what a checkpoint is that is in the way."""
    return kept.Kept(path, f"a checkpoint of {found.run}, protocol {found.meta.get('config_hash')}")


def _config_hash(path: Path) -> str | None:
    """Return the config hash that a checkpoint's head names; None where there is none."""
    meta = (head(path) or {}).get("meta")
    return meta.get("config_hash") if isinstance(meta, dict) else None


def latest(
    root: Path, run: Run, config_hash: str, is_done: Callable[[Run], bool]
) -> tuple[Position, tuple[int, ...]] | None:
    """Return the newest position from which a run can continue, and the seeds of its group that are still there.

    The others of the group must have gone on from there without it: they are done, or have a later position. Where one
    did not, the group was killed before it had written all files of the position.
    """
    for position in positions(root, run):
        mine = load(root, run, position)
        if mine is None or mine.meta.get("config_hash") != config_hash:
            continue
        group = [replace(run, seed=seed) for seed in mine.meta.get("group", ())]
        there = [each for each in group if (found := load(root, each, position)) and found.meta == mine.meta]
        gone = (each for each in group if each not in there)
        if run in there and all(is_done(each) or _is_past(root, each, position, config_hash) for each in gone):
            return position, tuple(each.seed for each in there)
    return None


def _is_past(root: Path, run: Run, position: Position, config_hash: str) -> bool:
    later = (load(root, run, p) for p in positions(root, run) if p > position)
    return any(found and found.meta.get("config_hash") == config_hash for found in later)
