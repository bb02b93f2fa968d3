"""Removes what a process left behind that was killed after its last record, since nothing needs it any more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import ExitStack, suppress

from bench.arms import Arm
from results.files.locks import Busy, hold
from results.records.store import Store

from . import checkpoint
from .plan import is_done

_SEED = re.compile(r"\.?seed-(\d+)\.")


def tidy(arms: Iterable[Arm], store: Store) -> None:
    """Remove checkpoints, locks and half-written files where all runs that they are of are done and nobody holds them.

    A group of which a run is missing continues from the checkpoints of all its seeds: there nothing is touched.
    Checkpoints of another protocol stay.
    """
    for arm in arms:
        folders = (checkpoint.folder(store.root, arm), store.root / arm.folder)
        left = [path for folder in folders for path in folder.glob("*") if path.suffix in (".ckpt", ".lock", ".part")]
        named = {int(match[1]) for path in left if (match := _SEED.match(path.name))}
        runs = [arm.run(seed) for seed in sorted(named)]
        if not runs or not all(is_done(store, run, arm.hash) for run in runs):
            continue
        with suppress(Busy), ExitStack() as locks:
            for run in runs:
                locks.enter_context(hold(checkpoint.lock(store.root, run)))
            for run in runs:
                checkpoint.remove(store.root, run, arm.hash)
            for path in left:
                if path.suffix == ".part":  # locks go when they are given back
                    path.unlink(missing_ok=True)
